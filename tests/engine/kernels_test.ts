/**
 * Every SIMD kernel against plain loops, at lengths that fill no vector; the build against the file.
 *
 * @module
 */
import { buildKernels } from "~/lib/engine/cpu/kernels/build.ts";
import { FREE_BYTES_FROM, openKernels } from "~/lib/engine/cpu/kernels/kernels.ts";
import { fillNormal, openStream } from "~/lib/random.ts";
import { assert, assertAlmostEquals, assertEquals, assertLessOrEqual } from "@std/assert";

/** Around every vector's and every unrolled loop's length. */
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
        for (let i = from; i < start; i++) assertEquals(all[i], 0xab, `byte ${i} was written`);
        from = end;
      }
    },
  };
}

function normals(length: number, index: number): Float32Array {
  const values = new Float32Array(length);
  fillNormal(values, openStream(17, index));
  return values;
}

const f = Math.fround;

Deno.test("buildKernels() gives the bytes of kernels.wasm", async () => {
  const file = await Deno.readFile(new URL("../../lib/engine/cpu/kernels/kernels.wasm", import.meta.url));
  assertEquals(await buildKernels(), file);
});

Deno.test("kernels.wasm asks for a memory and nothing else of its host but abort", async () => {
  const file = await Deno.readFile(new URL("../../lib/engine/cpu/kernels/kernels.wasm", import.meta.url));
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(file));
  assertEquals(
    imports.filter(({ name }) => name !== "abort").map(({ name, kind }) => [name, kind]),
    [["memory", "memory"]],
  );
});

Deno.test("bytesToFloats() is b / 255 within 1 ulp, every byte at every place of a vector", () => {
  for (const shift of LENGTHS) {
    const { floats, bytes, assertGuarded } = arena();
    const input = bytes(Array.from({ length: 256 + shift }, (_, i) => (i * 7 + shift) % 256));
    const out = floats(new Float32Array(256 + shift));
    kernels.bytesToFloats(input.at, out.at, out.values.length);
    for (const [i, value] of out.values.entries()) {
      // An ulp of numbers in 0.5..1 is 2^-24, relative 2^-23 at most.
      const exact = input.values[i]! / 255;
      assertLessOrEqual(Math.abs(value - exact), exact * 2 ** -23);
    }
    assertGuarded();
  }
});

Deno.test("bytesToFloats() maps 0 to 0 and 255 to 1", () => {
  for (const length of [1, 16]) {
    const { floats, bytes } = arena();
    const input = bytes(Array.from({ length: 2 * length }, (_, i) => (i < length ? 0 : 255)));
    const out = floats(new Float32Array(2 * length));
    kernels.bytesToFloats(input.at, out.at, 2 * length);
    assertEquals([...out.values], Array.from(out.values, (_, i) => (i < length ? 0 : 1)));
  }
});

Deno.test("addBiasRelu() adds each unit's bias to its row, to the bit", () => {
  for (const rows of LENGTHS) {
    const units = 3;
    const { floats, assertGuarded } = arena();
    const start = normals(units * rows, rows);
    const z = floats(start);
    const bias = floats([0.5, -0.25, 0]);
    kernels.addBiasRelu(z.at, bias.at, units, rows);
    const expected = start.map((value, i) =>
      Math.max(0, f(value + bias.values[Math.floor(i / rows)]!))
    );
    assertEquals(z.values, expected);
    assertGuarded();
  }
});

Deno.test("addBiasToRows() adds each unit's bias to its column, to the bit", () => {
  for (const units of LENGTHS) {
    const { floats, assertGuarded } = arena();
    const start = normals(3 * units, units);
    const z = floats(start);
    const bias = floats(normals(units, 1));
    kernels.addBiasToRows(z.at, bias.at, 3, units);
    assertEquals(z.values, start.map((value, i) => f(value + bias.values[i % units]!)));
    assertGuarded();
  }
});

Deno.test("addBiasRelu() and addScaledRelu() pass NaN on, in vectors and behind them", () => {
  // Training that diverges must show: a ReLU that hides NaN would end in a finite loss.
  const { floats } = arena();
  const z = floats(Array(7).fill(NaN));
  kernels.addBiasRelu(z.at, floats([1]).at, 1, 7);
  const out = floats(new Float32Array(7));
  kernels.addScaledRelu(floats(Array(7).fill(NaN)).at, floats(normals(7, 0)).at, out.at, 7, 1);
  assertEquals([...z.values, ...out.values], Array(14).fill(NaN));
});

Deno.test("maskAndSum() clears where the unit was off and sums the rest into the bias gradient", () => {
  for (const rows of LENGTHS) {
    for (const accumulate of [false, true]) {
      const units = 3;
      const { floats, assertGuarded } = arena();
      const start = normals(units * rows, rows);
      const d = floats(start);
      // A third of the units' outputs is 0: ReLU leaves nothing below.
      const h = floats(normals(units * rows, 99).map((value, i) => (i % 3 ? Math.abs(value) : 0)));
      const sums = floats([1, 2, 3]);
      kernels.maskAndSum(d.at, h.at, sums.at, units, rows, accumulate);
      const masked = start.map((value, i) => (h.values[i]! > 0 ? value : 0));
      assertEquals(d.values, masked);
      for (let unit = 0; unit < units; unit++) {
        const own = masked.subarray(unit * rows, (unit + 1) * rows);
        const exact = own.reduce((sum, value) => sum + value, accumulate ? unit + 1 : 0);
        const size = own.reduce((sum, value) => sum + Math.abs(value), 3);
        // rows additions in float32, each within half an ulp of the running sum.
        assertAlmostEquals(sums.values[unit]!, exact, (rows + 4) * 2 ** -24 * size);
      }
      assertGuarded();
    }
  }
});

Deno.test("sgdStep() is w - lr g, each operation rounded once, to the bit", () => {
  for (const length of LENGTHS) {
    const { floats, assertGuarded } = arena();
    const start = normals(length, 1);
    const w = floats(start);
    const g = floats(normals(length, 2));
    kernels.sgdStep(w.at, g.at, length, 0.1);
    assertEquals(w.values, start.map((value, i) => f(value - f(f(0.1) * g.values[i]!))));
    assertGuarded();
  }
});

Deno.test("adagradStep() is its rule, each operation rounded once, to the bit", () => {
  for (const length of LENGTHS) {
    const { floats, assertGuarded } = arena();
    const start = normals(length, 1);
    const sums = normals(length, 3).map((value) => value * value);
    const w = floats(start);
    const g = floats(normals(length, 2).map((value, i) => (i % 5 ? value : 0)));
    const a = floats(sums);
    if (length > 0) a.values[0] = sums[0] = 0; // 0 / (0 + 1e-10): no step, no NaN
    kernels.adagradStep(w.at, g.at, a.at, length, 0.1);
    const expected = sums.map((value, i) => f(value + f(g.values[i]! * g.values[i]!)));
    assertEquals(a.values, expected);
    assertEquals(
      w.values,
      start.map((value, i) =>
        f(value - f(f(f(0.1) * g.values[i]!) / f(f(Math.sqrt(expected[i]!)) + f(1e-10))))
      ),
    );
    assertGuarded();
  }
});

for (const name of ["addScaled", "addScaledRelu"] as const) {
  Deno.test(`${name}() is x + scale y, each operation rounded once, to the bit`, () => {
    for (const length of LENGTHS) {
      const { floats, assertGuarded } = arena();
      const x = floats(normals(length, 1));
      const y = floats(normals(length, 2));
      const out = floats(new Float32Array(length));
      kernels[name](x.at, y.at, out.at, length, -0.7);
      const expected = x.values.map((value, i) => {
        const sum = f(value + f(f(-0.7) * y.values[i]!));
        return name === "addScaled" ? sum : Math.max(0, sum);
      });
      assertEquals(out.values, expected);
      assertGuarded();
    }
  });
}

// --- Logits ---

interface Logits {
  readonly classes: number;
  readonly rows: number;
  /** [rows][classes]. */
  readonly values: readonly (readonly number[])[];
  readonly labels: readonly number[];
}

function randomLogits(classes: number, rows: number): Logits {
  const draws = normals(classes * rows, 40 + rows);
  const stream = openStream(18, rows);
  return {
    classes,
    rows,
    // Classes of different mean and spread.
    values: Array.from(
      { length: rows },
      (_, r) =>
        Array.from({ length: classes }, (_, c) => f(3 * c + (c + 1) * draws[r * classes + c]!)),
    ),
    labels: Array.from({ length: rows }, () => (stream.next() >>> 0) % classes),
  };
}

/** The kernels' layout: blocks of `block` rows, each [classes, rows]. */
function toBlocks({ classes, rows, values }: Logits, block: number): number[] {
  const out: number[] = [];
  for (let start = 0; start < rows; start += block) {
    const end = Math.min(start + block, rows);
    for (let c = 0; c < classes; c++) {
      for (let r = start; r < end; r++) out.push(values[r]![c]!);
    }
  }
  return out;
}

function fromBlocks(flat: ArrayLike<number>, { classes, rows }: Logits, block: number): number[][] {
  const out = Array.from({ length: rows }, () => new Array<number>(classes));
  let i = 0;
  for (let start = 0; start < rows; start += block) {
    const end = Math.min(start + block, rows);
    for (let c = 0; c < classes; c++) {
      for (let r = start; r < end; r++) out[r]![c] = flat[i++]!;
    }
  }
  return out;
}

const EPSILON = 1e-5;

/** Statistics, mean loss and gradient in float64, straight from the definitions. */
function referenceLogits({ classes, rows, values, labels }: Logits): {
  means: number[];
  inverses: number[];
  loss: number;
  correct: number;
  gradient: number[][];
} {
  const column = (c: number): number[] => values.map((row) => row[c]!);
  const mean = (numbers: number[]): number => numbers.reduce((a, b) => a + b, 0) / rows;
  const classesList = Array.from({ length: classes }, (_, c) => c);
  const means = classesList.map((c) => mean(column(c)));
  const inverses = classesList.map((c) =>
    1 / Math.sqrt(mean(column(c).map((z) => (z - means[c]!) ** 2)) + EPSILON)
  );
  const z = values.map((row) => row.map((value, c) => (value - means[c]!) * inverses[c]!));
  const p = z.map((row) => {
    const sum = row.reduce((total, value) => total + Math.exp(value), 0);
    return row.map((value) => Math.exp(value) / sum);
  });
  const loss = mean(p.map((row, r) => -Math.log(row[labels[r]!]!)));
  const correct = z.filter((row, r) => row.indexOf(Math.max(...row)) === labels[r]).length;
  // dL/da = sum over rows of dL/dz dz/da, the Jacobian of the normalisation written out.
  const e = p.map((row, r) => row.map((value, c) => (value - Number(c === labels[r])) / rows));
  const gradient = e.map((row, r) =>
    row.map((_, c) => {
      let sum = 0;
      for (let s = 0; s < rows; s++) {
        sum += e[s]![c]! * inverses[c]! *
          (Number(s === r) - 1 / rows - z[s]![c]! * z[r]![c]! / rows);
      }
      return sum;
    })
  );
  return { means, inverses, loss, correct, gradient };
}

/** Runs the three kernels of the logits on one layout. */
function runLogits(logits: Logits, block: number): {
  statistics: number[];
  total: number;
  correct: number;
  totalWithGradient: number;
  gradient: number[][];
} {
  const { classes, rows } = logits;
  const { floats, doubles, bytes, assertGuarded } = arena();
  const at = floats(toBlocks(logits, block)).at;
  const d = floats(new Float32Array(classes * rows));
  const labels = bytes(logits.labels);
  const statistics = doubles(2 * classes);
  const scratch = doubles(3 * classes + 6);
  kernels.logitStatistics(at, statistics.at, classes, rows, block, EPSILON);
  const total = kernels.crossEntropy(
    at,
    labels.at,
    statistics.at,
    scratch.at,
    classes,
    rows,
    block,
  );
  const correct = kernels.correctRows();
  const totalWithGradient = kernels.crossEntropyGradient(
    at,
    d.at,
    labels.at,
    statistics.at,
    scratch.at,
    classes,
    rows,
    block,
  );
  assertEquals(kernels.correctRows(), correct);
  assertGuarded();
  return {
    statistics: [...statistics.values],
    total,
    correct,
    totalWithGradient,
    gradient: fromBlocks(d.values, logits, block),
  };
}

const SHAPES = [[1, 5], [2, 1], [3, 2], [3, 7], [10, 37], [4, 64]] as const;

for (const [classes, rows] of SHAPES) {
  Deno.test(`the kernels of ${rows} rows of ${classes} logits agree with float64 loops`, () => {
    const logits = randomLogits(classes, rows);
    const expected = referenceLogits(logits);
    const { statistics, total, correct, totalWithGradient, gradient } = runLogits(logits, 512);
    for (let c = 0; c < classes; c++) {
      // Sums of `rows` numbers of size 30 in float64, and a division.
      assertAlmostEquals(statistics[c]!, expected.means[c]!, 1e-13);
      assertAlmostEquals(
        statistics[classes + c]!,
        expected.inverses[c]!,
        1e-12 * expected.inverses[c]!,
      );
    }
    // 1/sqrt(1e-5) = 316 magnifies the rounding of a class without variance.
    const tolerance = rows === 1 ? 1e-10 : 1e-12 * rows;
    assertAlmostEquals(total, rows * expected.loss, tolerance);
    assertAlmostEquals(totalWithGradient, total, 1e-13 * rows);
    assertEquals(correct, expected.correct);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < classes; c++) {
        // exp and e are kept as float32: 2 roundings of numbers below 1/rows, and that of d itself.
        assertAlmostEquals(
          gradient[r]![c]!,
          expected.gradient[r]![c]!,
          3 * 2 ** -24 * expected.inverses[c]! / rows,
        );
      }
    }
  });
}

Deno.test("the kernels of the logits give the same bits for any even block of rows", () => {
  for (const [classes, rows] of SHAPES) {
    const logits = randomLogits(classes, rows);
    const whole = runLogits(logits, rows);
    for (const block of [2, 4, 16, 36, 512]) assertEquals(runLogits(logits, block), whole);
  }
});

Deno.test("crossEntropyGradient() sums to 0 over rows and is orthogonal to the logits", () => {
  const logits = randomLogits(10, 37);
  const { gradient, statistics } = runLogits(logits, 16);
  for (let c = 0; c < 10; c++) {
    let sum = 0;
    let projection = 0;
    for (let r = 0; r < 37; r++) {
      sum += gradient[r]![c]!;
      projection += gradient[r]![c]! * (logits.values[r]![c]! - statistics[c]!);
    }
    // 37 numbers of size inverse/37, each rounded to float32; the logits' spread is 1/inverse.
    assertAlmostEquals(sum, 0, 4 * 2 ** -24 * statistics[10 + c]!);
    // With sum(z^2) = rows (1 - eps inverse^2) what is left is eps inverse^2 sum(e z), sum(e z) < 1.
    assertAlmostEquals(projection, 0, 1e-5 * statistics[10 + c]! ** 2 + 12 * 2 ** -24);
  }
});

Deno.test("crossEntropy() of two logits x apart is ln(1 + exp(-x)) to 4e-13", () => {
  const { floats, doubles, bytes, assertGuarded } = arena();
  // Statistics that change nothing.
  const statistics = doubles(4);
  statistics.values.set([0, 0, 1, 1]);
  const scratch = doubles(10);
  const label = bytes([0]);
  const logits = floats([0, 0]);
  for (let step = 0; step <= 1600; step++) {
    const x = step / 2 + step / 1000;
    logits.values[1] = -x;
    const found = kernels.crossEntropy(logits.at, label.at, statistics.at, scratch.at, 2, 1, 2);
    assertAlmostEquals(found, Math.log1p(Math.exp(logits.values[1]!)), 4e-13);
  }
  assertGuarded();
});

Deno.test("crossEntropy() of equal logits is ln(classes), the first class the winner", () => {
  const labels = [0, 1, 2, 0, 1];
  const values = labels.map(() => [2, 2, 2]);
  const { total, correct, gradient } = runLogits({ classes: 3, rows: 5, values, labels }, 512);
  assertAlmostEquals(total, 5 * Math.log(3), 1e-14);
  assertEquals(correct, 2);
  // inverse = 1/sqrt(1e-5); e - mean(e) with e = 1/3 or -2/3 over 5.
  const inverse = 1 / Math.sqrt(EPSILON);
  assertAlmostEquals(gradient[0]![0]!, inverse * (-2 / 3 - (3 * 1 - 2 * 2) / 15) / 5, 1e-5);
});

Deno.test("crossEntropy() is finite at logits of 1e18 and NaN at NaN", () => {
  const large = runLogits(
    { classes: 2, rows: 3, values: [[1e18, 0], [-1e18, 1], [0, 2]], labels: [0, 1, 0] },
    512,
  );
  assert(Number.isFinite(large.total));
  const broken = runLogits(
    { classes: 2, rows: 2, values: [[NaN, 0], [1, 2]], labels: [0, 1] },
    512,
  );
  assert(Number.isNaN(broken.total) && Number.isNaN(broken.totalWithGradient));
});
