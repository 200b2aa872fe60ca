/**
 * Sharpness and its twin with frozen statistics, where losses are known in closed form.
 *
 * @module
 */
import { type MeasureValue, NotFiniteError, openMeasure } from "~/lib/measure.ts";
import {
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  dot,
  functionEngine,
  type LossFunction,
  measured,
  measureOne,
  quadratic,
  stepOf,
} from "~/tests/fixtures/function_engine.ts";

const P = 40;
const curvature = Array.from({ length: P }, (_, i) => 1 + i % 7);
const origin = new Float32Array(P);

async function measure(of: LossFunction, text: string, w: ArrayLike<number> = origin): Promise<
  MeasureValue & { loss: number; samples: number[] }
> {
  return await measureOne(functionEngine(of), measured(w), { text, seed: 5 });
}

Deno.test("sharpness averages r^2 tr(H) / 2P at the minimum of a quadratic", async () => {
  const { estimate, standardError, loss, samples } = await measure(
    quadratic(curvature),
    "sharpness(radius=3,directions=400)",
  );
  assertStrictEquals(loss, 0);
  assertStrictEquals(samples.length, 400);
  // u'Hu of uniform u has variance 2 (P tr(H^2) - tr(H)^2) / (P^2 (P + 2)): 4 standard errors.
  const trace = curvature.reduce((a, b) => a + b);
  const variance = 2 * (P * dot(curvature, curvature) - trace ** 2) / (P ** 2 * (P + 2));
  const expected = 4.5 * Math.sqrt(variance / 400);
  assertAlmostEquals(estimate, 9 * trace / (2 * P), 4 * expected);
  // A standard deviation of 400 nearly normal samples is known to 1 / sqrt(800) = 3.5 %.
  assertAlmostEquals(standardError!, expected, 4 * 0.035 * expected);
});

Deno.test("sharpness is r^2 / 2 where every direction curves alike", async () => {
  // Each sample is r^2 |u|^2 / 2, |u| = 1 to float64's rounding of 40 terms.
  for (const radius of [0.5, 5]) {
    const flat = quadratic(curvature.map(() => 1));
    const { samples } = await measure(flat, `sharpness(radius=${radius},directions=5)`);
    for (const sample of samples) {
      assertAlmostEquals(sample, radius ** 2 / 2, 1e-14 * radius ** 2);
    }
  }
});

Deno.test("sharpness is linear in the slope: negative samples are kept", async () => {
  // L = <a, w>: sample k is r <a, u_k>, whatever w.
  const slope = Array.from({ length: P }, (_, i) => Math.sin(i));
  const of = quadratic(new Float64Array(P), { slope });
  for (const w of [origin, Float32Array.from(curvature)]) {
    const { samples } = await measure(of, "sharpness(radius=2,directions=20)", w);
    for (const [k, sample] of samples.entries()) {
      const u = stepOf([P - 1, 1], w, { direction: k, scaling: "global" }, 5);
      assertAlmostEquals(sample, 2 * dot(slope, u), 1e-12);
    }
    assertEquals(samples.some((sample) => sample < 0), true);
  }
});

Deno.test("sharpness and frozen are exactly 0 at a radius of 0", async () => {
  // Losses with digits to lose: a difference of two computed sums would show.
  const of = quadratic(curvature, { base: 0.1, slope: curvature.map((h) => h / 3) });
  for (const name of ["sharpness", "frozen-batchnorm"]) {
    const w = curvature.map((h) => h / 7);
    const value = await measure(of, `${name}(radius=0,directions=3)`, w);
    assertEquals(value.samples, [0, 0, 0]);
    assertEquals([value.estimate, value.standardError], [0, 0]);
  }
});

Deno.test("sharpness of one direction has no standard error", async () => {
  const { estimate, standardError, samples } = await measure(
    quadratic(curvature),
    "sharpness(directions=1)",
  );
  assertStrictEquals(standardError, null);
  assertStrictEquals(estimate, samples[0]);
});

Deno.test("frozen-batchnorm takes the losses with kept statistics, of sharpness's own directions", async () => {
  // Statistics that hide half of each rise: frozen - L = 2 (own - L).
  const of = quadratic(curvature, { base: 2 });
  const value = await measure(
    { loss: of.loss, frozen: (point, w) => 2 * of.loss(point) - of.loss(w) },
    "frozen-batchnorm(directions=6)",
    curvature,
  );
  const usual = await measure(of, "sharpness(directions=6)", curvature);
  assertStrictEquals(value.loss, usual.loss);
  for (const [k, sample] of value.samples.entries()) {
    // Rounding of losses of some 1,500 nats.
    assertAlmostEquals(sample, 2 * usual.samples[k]!, 1e-11);
  }
});

Deno.test("sharpness says what it cannot measure", async () => {
  const text = "sharpness(directions=3)";
  assertStrictEquals(
    (await assertRejects(() => measure({ loss: () => NaN }, text), NotFiniteError)).message,
    "Cannot measure sharpness as the loss must be finite: current value is NaN",
  );
  const wall: LossFunction = { loss: (w) => dot(w, w) > 1 ? Infinity : 0 };
  assertStrictEquals(
    (await assertRejects(() => measure(wall, text), NotFiniteError)).message,
    "Cannot measure sharpness as the loss at a step of 5 along direction 0 must be finite: " +
      "current value is Infinity",
  );
  for (
    const [parameter, domain] of [["radius=-1", "a number >= 0"], [
      "directions=0",
      "an integer in 1..10000",
    ], ["directions=1.5", "an integer in 1..10000"]]
  ) {
    const [key, value] = parameter!.split("=");
    assertThrows(
      () => openMeasure(`sharpness(${parameter})`),
      RangeError,
      `Cannot use measure sharpness as ${key} must be ${domain}: current value is ${value}`,
    );
  }
});
