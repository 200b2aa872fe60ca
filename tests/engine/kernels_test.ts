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

for (const relu of [false, true]) {
  Deno.test(`addScaledUnits() is x + scale y + shift by unit, relu ${relu}, to the bit`, () => {
    for (const units of LENGTHS) {
      const { floats, assertGuarded } = arena();
      const [x, y] = [floats(normals(3 * units, 1)), floats(normals(3 * units, 2))];
      const [scales, shifts] = [floats(normals(units, 3)), floats(normals(units, 4))];
      const out = floats(new Float32Array(3 * units));
      kernels.addScaledUnits(x.at, y.at, out.at, 3, units, scales.at, shifts.at, relu);
      const expected = x.values.map((value, i) => {
        const u = i % units;
        const sum = f(f(value + f(scales.values[u]! * y.values[i]!)) + shifts.values[u]!);
        return relu ? Math.max(0, sum) : sum;
      });
      assertEquals(out.values, expected);
      assertGuarded();
    }
  });
}

Deno.test("addBiasMasked() adds the bias where the unit was on and clears the rest", () => {
  for (const rows of LENGTHS) {
    const units = 3;
    const { floats, assertGuarded } = arena();
    const start = normals(units * rows, 1);
    const z = floats(start);
    const bias = floats([0.5, -0.25, 0]);
    const h = floats(normals(units * rows, 2).map((value, i) => (i % 3 ? Math.abs(value) : 0)));
    kernels.addBiasMasked(z.at, bias.at, h.at, units, rows);
    const expected = start.map((value, i) =>
      h.values[i]! > 0 ? f(value + bias.values[Math.floor(i / rows)]!) : 0
    );
    assertEquals(z.values, expected);
    assertGuarded();
  }
});
