/**
 * The kernels of the optimizers against their definitions, at lengths that fill no vector.
 *
 * @module
 */
import { findStep } from "~/lib/engine/cpu/kernels/kernels.ts";
import { OPTIMIZER_NAMES, parseOptimizer } from "~/lib/optimizer.ts";
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { arena, kernels, LENGTHS, normals } from "~/tests/fixtures/kernel_arena.ts";

const f = Math.fround;

Deno.test("sgdStep() is w - lr g, each operation rounded once, to the bit", () => {
  for (const length of LENGTHS) {
    const { floats, assertGuarded } = arena();
    const start = normals(length, 1);
    const w = floats(start);
    const gradient = normals(length, 2);
    const g = floats(gradient);
    kernelOf("sgdStep", 1)(w.at, g.at, 0, length, 0, 0.1);
    assertEquals(w.values, start.map((value, i) => f(value - f(f(0.1) * gradient[i]!))));
    assertGuarded();
  }
});

Deno.test("adagradStep() is its rule, each operation rounded once, to the bit", () => {
  for (const length of LENGTHS) {
    const { floats, assertGuarded } = arena();
    const start = normals(length, 1);
    const sums = normals(length, 3).map((value) => value * value);
    const w = floats(start);
    // Zeros alone, and whole vectors of them.
    const gradient = normals(length, 2).map((value, i) => (i % 5 && i % 24 >= 8 ? value : 0));
    const g = floats(gradient);
    const a = floats(sums);
    if (length > 0) a.values[0] = sums[0] = 0; // 0 / (0 + 1e-10): no step, no NaN
    kernelOf("adagradStep", 2)(w.at, g.at, a.at, length, 0, 0.1, 1e-10);
    const expected = sums.map((value, i) => f(value + f(gradient[i]! * gradient[i]!)));
    assertEquals(a.values, expected);
    assertEquals(
      w.values,
      start.map((value, i) =>
        f(value - f(f(f(0.1) * gradient[i]!) / f(f(Math.sqrt(expected[i]!)) + f(1e-10))))
      ),
    );
    assertGuarded();
  }
});

function kernelOf(name: string, coefficients: number): ReturnType<typeof findStep> {
  return findStep(kernels, name, coefficients);
}

/** Every optimizer, and what its hyperparameters switch on. */
const TEXTS = [...OPTIMIZER_NAMES, "SGD(momentum=0.9)", "SGD(momentum=0.8,nesterov=true)"];

for (const text of TEXTS) {
  Deno.test(`the kernel of ${text} takes the steps of its definition`, () => {
    const { kernel, slots, step } = parseOptimizer(text);
    const learningRate = 0.01;
    for (const length of LENGTHS) {
      const { floats, assertGuarded } = arena();
      const w = floats(normals(length, 1));
      const g = floats(normals(length, 0));
      // Slots with 5 numbers between, which no kernel may touch.
      const stride = length + 5;
      const s = floats(new Float32Array(slots.length * stride));
      const own = (slot: number): Float32Array =>
        s.values.subarray(slot * stride).subarray(0, length);
      for (let t = 1; t <= 5; t++) {
        g.values.set(normals(length, t));
        const parameters = Float64Array.from(w.values);
        const before = parameters.slice();
        const gradient = Float64Array.from(g.values);
        const state = Float64Array.from(slots.flatMap((_, slot) => [...own(slot)]));
        step({ parameters, gradient, state }, { learningRate, t });
        const coefficients = kernel.coefficients({ learningRate, t });
        kernelOf(kernel.name, coefficients.length)(
          w.at,
          g.at,
          s.at,
          length,
          4 * stride,
          ...coefficients,
        );
        assertEquals([...g.values], Array(length).fill(0), "the gradient is left at 0");
        for (let i = 0; i < length; i++) {
          // A dozen operations and coefficients, each off by 2^-24 of a step or a term of the state;
          // terms are at most max(1, g^2), and the state's rounding moves the step as much again.
          const rounding = 24 * 2 ** -24;
          const moved = Math.abs(parameters[i]! - before[i]!);
          assertAlmostEquals(
            w.values[i]!,
            parameters[i]!,
            2 ** -24 * Math.abs(parameters[i]!) + rounding * (moved + learningRate * 0.1),
            `${text} ${length} ${t}`,
          );
          for (const slot of slots.keys()) {
            const size = Math.max(1, gradient[i]! ** 2, Math.abs(state[slot * length + i]!));
            assertAlmostEquals(own(slot)[i]!, state[slot * length + i]!, rounding * size);
          }
        }
        for (const slot of slots.keys()) {
          assertEquals([...s.values.subarray(slot * stride + length, (slot + 1) * stride)], [
            0,
            0,
            0,
            0,
            0,
          ]);
        }
      }
      assertGuarded();
    }
  });
}

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
    kernelOf(kernel.name, coefficients.length)(
      ...[w.at, g.at, s.at, length, 4 * length] as const,
      ...coefficients,
    );
  }
  // lr 1 / (1 + 1e-8), then lr 1e-8 / (1e-8 + 1e-8).
  for (const value of w.values) assertAlmostEquals(value, -0.75, 1e-6);
  assertGuarded();
});

Deno.test("findStep() refuses what no kernel does", () => {
  for (const name of ["lionStep", "memory", "addScaled"]) {
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
