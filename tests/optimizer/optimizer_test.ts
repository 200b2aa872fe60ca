/**
 * The update rules against closed forms.
 *
 * @module
 */
import { allocateState, OPTIMIZERS, optimizers } from "~/lib/optimizer/optimizer.ts";
import { assertAlmostEquals, assertEquals, assertInstanceOf } from "@std/assert";

Deno.test("SGD steps down the gradient by learningRate times its length", () => {
  const w = Float64Array.of(1, -2, 0.5);
  optimizers.SGD.step(w, Float64Array.of(4, -8, 0), new Float64Array(0), 0.25);
  assertEquals(w, Float64Array.of(0, 0, 0.5));
});

Deno.test("SGD contracts a quadratic by (1 - lr c) a step", () => {
  // L = sum c w^2 / 2: after n steps w = w0 (1 - lr c)^n. Products of 60 factors round 60 times.
  const curvature = [1, 3, 0.1];
  const w = Float64Array.of(1, 1, 1);
  for (let step = 0; step < 60; step++) {
    optimizers.SGD.step(w, w.map((x, i) => curvature[i]! * x), new Float64Array(0), 0.5);
  }
  for (const [i, c] of curvature.entries()) {
    assertAlmostEquals(w[i]!, (1 - 0.5 * c) ** 60, 60 * 2 ** -52);
  }
});

Deno.test("AdaGrad's first step is learningRate times the gradient's sign", () => {
  const w = Float64Array.of(1, 1, 1, 1);
  const a = new Float64Array(4);
  optimizers.AdaGrad.step(w, Float64Array.of(1e-3, -50, 0, 1e-10), a, 0.5);
  // |g| / (|g| + 1e-10): 1 - 1e-7, 1 - 2e-12, 0 / 1e-10, 1/2.
  assertAlmostEquals(w[0]!, 1 - 0.5 * (1 - 1e-7), 1e-12);
  assertAlmostEquals(w[1]!, 1 + 0.5 * (1 - 2e-12), 1e-15);
  assertEquals(w[2], 1);
  assertAlmostEquals(w[3]!, 1 - 0.25, 1e-15);
  assertEquals(a, Float64Array.of(1e-3 ** 2, 2500, 0, 1e-10 ** 2));
});

Deno.test("AdaGrad's step n under a constant gradient is learningRate / sqrt(n)", () => {
  const w = Float64Array.of(0);
  const a = new Float64Array(1);
  let sum = 0;
  for (let n = 1; n <= 20; n++) {
    optimizers.AdaGrad.step(w, Float64Array.of(2), a, 0.1);
    sum += 0.1 / Math.sqrt(n);
    // 1e-10 / |g| of each step, 5e-11, and rounding.
    assertAlmostEquals(w[0]!, -sum, 5e-11 * sum + 1e-15);
  }
  assertAlmostEquals(a[0]!, 20 * 4, 0);
});

Deno.test("allocateState() gives shared zeros, stateSlots for each parameter", () => {
  for (const name of OPTIMIZERS) {
    const state = allocateState(name, 5);
    assertInstanceOf(state.buffer, SharedArrayBuffer);
    assertEquals([...state], Array(5 * { SGD: 0, AdaGrad: 1 }[name]).fill(0));
  }
});
