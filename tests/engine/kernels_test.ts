/**
 * The element-wise SIMD kernels against plain loops, at lengths that fill no vector; the build against
 * the file.
 *
 * @module
 */
import { buildKernels } from "~/lib/engine/cpu/kernels/build.ts";
import { assertAlmostEquals, assertEquals, assertLessOrEqual } from "@std/assert";
import { arena, kernels, LENGTHS, normals } from "~/tests/fixtures/kernel_arena.ts";

const f = Math.fround;

Deno.test("buildKernels() gives kernels.wasm, which asks its host for a memory, and its signatures", async () => {
  const built = await buildKernels();
  const folder = new URL("../../lib/engine/cpu/kernels/", import.meta.url);
  const wasm = await Deno.readFile(new URL("kernels.wasm", folder));
  assertEquals(built["kernels.wasm"], wasm);
  assertEquals(
    built["signatures.d.ts"],
    await Deno.readTextFile(new URL("signatures.d.ts", folder)),
  );
  const imports = WebAssembly.Module.imports(new WebAssembly.Module(wasm));
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

/** Kernels without sums: what they are called with, and each number of their result. */
const ELEMENTWISE: Record<
  string,
  (length: number) => {
    /** Arrays by name; the kernel writes `out`. */
    arrays: Record<string, Float32Array>;
    run(at: Record<string, number>): void;
    expected(of: Record<string, Float32Array>, i: number): number;
  }
> = {
  "addBiasRelu() adds each unit's bias to its row": (rows) => ({
    arrays: { out: normals(3 * rows, rows), bias: Float32Array.of(0.5, -0.25, 0) },
    run: ({ out, bias }) => kernels.addBiasRelu(out!, bias!, 3, rows),
    expected: ({ out, bias }, i) => Math.max(0, f(out![i]! + bias![Math.floor(i / rows)]!)),
  }),
  "addBiasMasked() adds the bias where the unit was on and clears the rest": (rows) => ({
    arrays: { out: normals(3 * rows, 1), bias: Float32Array.of(0.5, -0.25, 0), h: outputs(rows) },
    run: ({ out, bias, h }) => kernels.addBiasMasked(out!, bias!, h!, 3, rows),
    expected: ({ out, bias, h }, i) => h![i]! > 0 ? f(out![i]! + bias![Math.floor(i / rows)]!) : 0,
  }),
  "addBiasToRows() adds each unit's bias to its column": (units) => ({
    arrays: { out: normals(3 * units, units), bias: normals(units, 1) },
    run: ({ out, bias }) => kernels.addBiasToRows(out!, bias!, 3, units),
    expected: ({ out, bias }, i) => f(out![i]! + bias![i % units]!),
  }),
  "addScaled() is x + scale y": (length) => ({
    arrays: { x: normals(length, 1), y: normals(length, 2), out: new Float32Array(length) },
    run: ({ x, y, out }) => kernels.addScaled(x!, y!, out!, length, -0.7),
    expected: ({ x, y }, i) => f(x![i]! + f(f(-0.7) * y![i]!)),
  }),
  "addScaledRelu() is max(0, x + scale y)": (length) => ({
    arrays: { x: normals(length, 1), y: normals(length, 2), out: new Float32Array(length) },
    run: ({ x, y, out }) => kernels.addScaledRelu(x!, y!, out!, length, -0.7),
    expected: ({ x, y }, i) => Math.max(0, f(x![i]! + f(f(-0.7) * y![i]!))),
  }),
  ...Object.fromEntries([false, true].map((relu) => [
    `addScaledUnits() is x + scale y + shift by unit, relu ${relu}`,
    (units: number) => ({
      arrays: {
        ...{ x: normals(3 * units, 1), y: normals(3 * units, 2) },
        ...{ scales: normals(units, 3), shifts: normals(units, 4) },
        out: new Float32Array(3 * units),
      },
      run: ({ x, y, out, scales, shifts }: Record<string, number>): void =>
        kernels.addScaledUnits(x!, y!, out!, 3, units, scales!, shifts!, relu),
      expected({ x, y, scales, shifts }: Record<string, Float32Array>, i: number): number {
        const u = i % units;
        const sum = f(f(x![i]! + f(scales![u]! * y![i]!)) + shifts![u]!);
        return relu ? Math.max(0, sum) : sum;
      },
    }),
  ])),
};

for (const [name, caseOf] of Object.entries(ELEMENTWISE)) {
  Deno.test(`${name}, each operation rounded once, to the bit`, () => {
    for (const length of LENGTHS) {
      const { floats, assertGuarded } = arena();
      const { arrays, run, expected } = caseOf(length);
      const placed = Object.entries(arrays).map(([name, values]) =>
        [name, floats(values)] as const
      );
      run(Object.fromEntries(placed.map(([name, { at }]) => [name, at])));
      const { values } = placed.find(([name]) => name === "out")![1];
      assertEquals(values, values.map((_, i) => expected(arrays, i)));
      assertGuarded();
    }
  });
}

/** Outputs of three units, of which a third is 0: ReLU leaves nothing below. */
function outputs(rows: number): Float32Array {
  return normals(3 * rows, 99).map((value, i) => (i % 3 ? Math.abs(value) : 0));
}

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
      const h = floats(outputs(rows));
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
