/**
 * The kernels: the build against the file, steps to the bit, and logits that no network of the other
 * tests has. All else is seen through the engine.
 *
 * @module
 */
import { buildKernels } from "~/lib/engine/cpu/kernels/build.ts";
import { findStep, FREE_BYTES_FROM, openKernels } from "~/lib/engine/cpu/kernels/kernels.ts";
import { parseOptimizer } from "~/lib/optimizer.ts";
import { fillNormal, openStream } from "~/lib/random.ts";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";

const f = Math.fround;

/** Lengths around every vector's and every unrolled loop's. */
const LENGTHS = [0, 1, 2, 3, 4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 67];

const memory = new WebAssembly.Memory({ initial: 4 });
const kernels = openKernels(memory);
const all = new Uint8Array(memory.buffer);

/** Arrays in the kernels' memory, each behind the other with 64 bytes of 0xAB between. */
function arena(): {
  floats: (values: ArrayLike<number>) => { at: number; values: Float32Array };
  doubles: (length: number) => { at: number; values: Float64Array };
  bytes: (values: ArrayLike<number>) => { at: number; values: Uint8Array };
  assertGuarded: () => void;
} {
  all.fill(0xab, FREE_BYTES_FROM);
  let next = FREE_BYTES_FROM;
  const used: [number, number][] = [];
  function allocate(bytes: number): number {
    const at = Math.ceil(next / 16) * 16 + 64;
    used.push([at, at + bytes]);
    next = at + bytes;
    assert(next + 64 <= all.length);
    return at;
  }
  return {
    floats(values): { at: number; values: Float32Array } {
      const at = allocate(4 * values.length);
      const view = new Float32Array(memory.buffer, at, values.length);
      view.set(values);
      return { at, values: view };
    },
    doubles(length): { at: number; values: Float64Array } {
      const at = allocate(8 * length);
      return { at, values: new Float64Array(memory.buffer, at, length) };
    },
    bytes(values): { at: number; values: Uint8Array } {
      const at = allocate(values.length);
      all.set(values, at);
      return { at, values: all.subarray(at, at + values.length) };
    },
    /** Nothing outside of the arrays was written. */
    assertGuarded(): void {
      let from = FREE_BYTES_FROM;
      for (const [start, end] of [...used, [all.length, all.length]] as const) {
        const wrong = all.subarray(from, start).findIndex((byte) => byte !== 0xab);
        assert(wrong < 0, `byte ${from + wrong} was written`);
        from = end;
      }
    },
  };
}

/** Standard normal numbers, the same for the same index. */
function normals(length: number, index: number): Float32Array {
  const values = new Float32Array(length);
  fillNormal(values, openStream(17, index));
  return values;
}

Deno.test("buildKernels() gives kernels.wasm, which asks its host for a memory, and its signatures", async () => {
  const built = await buildKernels();
  const folder = new URL("../../lib/engine/cpu/kernels/", import.meta.url);
  for (const [name, contents] of Object.entries(built)) {
    assertEquals(contents, await Deno.readFile(new URL(name, folder)), name);
  }
  const wasm = await Deno.readFile(new URL("kernels.wasm", folder));
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(wasm));
  assertEquals(
    imports.filter(({ name }) => name !== "abort").map(({ name, kind }) => [name, kind]),
    [["memory", "memory"]],
  );
});

const stepOf = (name: string, coefficients: number): ReturnType<typeof findStep> =>
  findStep(kernels, name, coefficients);

Deno.test("steps of SGD and AdaGrad are their rules, each operation rounded once, to the bit", () => {
  for (const length of LENGTHS) {
    const { floats, assertGuarded } = arena();
    const start = normals(length, 1);
    // Zeros alone, and whole vectors of them.
    const gradient = normals(length, 2).map((value, i) => (i % 5 && i % 24 >= 8 ? value : 0));
    const sums = normals(length, 3).map((value, i) => i === 0 ? 0 : value * value);
    const [w, g] = [floats(start), floats(gradient)];
    stepOf("sgdStep", 1)(w.at, g.at, 0, length, 0, 0.1);
    assertEquals(w.values, start.map((value, i) => f(value - f(f(0.1) * gradient[i]!))));
    assertEquals(g.values, new Float32Array(length), "the gradient is left at 0");
    const [v, h, a] = [floats(start), floats(gradient), floats(sums)];
    stepOf("adagradStep", 2)(v.at, h.at, a.at, length, 0, 0.1, 1e-10);
    const expected = sums.map((value, i) => f(value + f(gradient[i]! * gradient[i]!)));
    assertEquals(a.values, expected);
    // 0 / (0 + 1e-10): no step, no NaN.
    const steps = expected.map((sum, i) =>
      f(f(f(0.1) * gradient[i]!) / f(f(Math.sqrt(sum)) + f(1e-10)))
    );
    assertEquals(v.values, start.map((value, i) => f(value - steps[i]!)));
    assertGuarded();
  }
});

Deno.test("adamStep() that keeps nothing takes a gradient that is small beside the one before", () => {
  const { kernel } = parseOptimizer("Adam(beta1=0,beta2=0)");
  // A vector and a rest.
  const length = 5;
  const { floats, assertGuarded } = arena();
  const w = floats(new Float32Array(length));
  const g = floats(new Float32Array(length));
  const s = floats(new Float32Array(2 * length));
  for (const [index, gradient] of [1, 1e-8].entries()) {
    g.values.fill(gradient);
    const coefficients = kernel.coefficients({ learningRate: 0.5, t: index + 1 });
    stepOf(kernel.name, coefficients.length)(
      ...[w.at, g.at, s.at, length, 4 * length] as const,
      ...coefficients,
    );
  }
  // lr 1 / (1 + 1e-8), then lr 1e-8 / (1e-8 + 1e-8).
  for (const value of w.values) assertAlmostEquals(value, -0.75, 1e-6);
  assertGuarded();
});

Deno.test("findStep() refuses what no kernel does", () => {
  for (const name of ["noStep", "memory", "addScaled"]) {
    assertThrows(
      () => findStep(kernels, name, 1),
      RangeError,
      `Cannot train on the CPU as its kernels have no ${name}`,
    );
  }
  assertThrows(
    () => findStep(kernels, "sgdStep", 2),
    RangeError,
    "Cannot train on the CPU as sgdStep takes 1 coefficients: current number is 2",
  );
});

// --- Logits ---

/** Loss, right rows, loss with gradient, and gradient of rows of logits, as blocks of 512 rows. */
function lossOf(values: readonly number[][], labels: readonly number[]): {
  total: number;
  correct: number;
  withGradient: number;
  gradient: Float32Array;
} {
  const [rows, classes] = [values.length, values[0]!.length];
  const { floats, doubles, bytes, assertGuarded } = arena();
  const logits = floats(
    Array.from({ length: classes }, (_, c) => values.map((row) => row[c]!)).flat(),
  );
  const d = floats(new Float32Array(classes * rows));
  const [statistics, scratch] = [doubles(2 * classes), doubles(3 * classes + 6)];
  kernels.useLogits(logits.at, bytes(labels).at, statistics.at, scratch.at, classes, rows, 512);
  kernels.logitStatistics(1e-5);
  const [total, correct] = [kernels.crossEntropy(), kernels.correctRows()];
  const withGradient = kernels.crossEntropyGradient(d.at);
  assertGuarded();
  return { total, correct, withGradient, gradient: d.values };
}

Deno.test("crossEntropy() of two logits x apart is ln(1 + exp(-x)) to 4e-13", () => {
  const { floats, doubles, bytes, assertGuarded } = arena();
  // Statistics that change nothing.
  const statistics = doubles(4);
  statistics.values.set([0, 0, 1, 1]);
  const scratch = doubles(10);
  const label = bytes([0]);
  const logits = floats([0, 0]);
  kernels.useLogits(logits.at, label.at, statistics.at, scratch.at, 2, 1, 2);
  for (let step = 0; step <= 1600; step++) {
    const x = step / 2 + step / 1000;
    logits.values[1] = -x;
    const found = kernels.crossEntropy();
    assertAlmostEquals(found, Math.log1p(Math.exp(logits.values[1]!)), 4e-13);
  }
  assertGuarded();
});

Deno.test("crossEntropy() of equal logits is ln(classes), the first class the winner", () => {
  const labels = [0, 1, 2, 0, 1];
  const { total, correct, gradient } = lossOf(labels.map(() => [2, 2, 2]), labels);
  assertAlmostEquals(total, 5 * Math.log(3), 1e-14);
  assertEquals(correct, 2);
  // inverse = 1/sqrt(1e-5); e - mean(e) with e = 1/3 or -2/3 over 5.
  assertAlmostEquals(gradient[0]!, Math.sqrt(1e5) * (-2 / 3 - (3 * 1 - 2 * 2) / 15) / 5, 1e-5);
});

Deno.test("crossEntropy() is finite at logits of 1e18 and NaN at NaN", () => {
  assert(Number.isFinite(lossOf([[1e18, 0], [-1e18, 1], [0, 2]], [0, 1, 0]).total));
  const { total, withGradient } = lossOf([[NaN, 0], [1, 2]], [0, 1]);
  assert(Number.isNaN(total) && Number.isNaN(withGradient));
});
