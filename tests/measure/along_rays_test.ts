/**
 * The measures along rays, where losses are known in closed form.
 *
 * @module
 */
import type { Ray } from "~/lib/engine.ts";
import { type MeasureValue, NotFiniteError, parseMeasure } from "~/lib/measure.ts";
import {
  assert,
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
} from "~/tests/fixtures/function_engine.ts";
import { stepOf } from "~/tests/fixtures/reference_rays.ts";

const P = 40;
const SIZES = [4, 5, 2, 1]; // 25 + 12 + 3
const curvature = Array.from({ length: P }, (_, i) => 1 + i % 7);
const trace = curvature.reduce((a, b) => a + b);
const slope = Array.from({ length: P }, (_, i) => 100 * Math.sin(i));
const steep = quadratic(curvature, { slope, base: 1 });
const w = Float32Array.from({ length: P }, (_, i) => Math.cos(3 * i));
const origin = new Float32Array(P);

interface Curve {
  readonly radius: number;
  readonly mean: number;
  readonly standardError: number;
}

async function measure(
  of: LossFunction,
  text: string,
  at: ArrayLike<number> = w,
): Promise<MeasureValue & { loss: number; samples: number[]; curve: Curve[] }> {
  return await measureOne(functionEngine(of), measured(at, { sizes: SIZES }), { text, seed: 5 });
}

/** u_k' H u_k / 2. */
function halfForms(directions: number, scaling: Ray["scaling"] = "global"): number[] {
  return Array.from({ length: directions }, (_, direction) => {
    const u = stepOf(SIZES, w, { direction, scaling }, 5);
    return u.reduce((sum, value, i) => sum + curvature[i]! * value * value, 0) / 2;
  });
}

Deno.test("sharpness averages r^2 tr(H) / 2P at the minimum of a quadratic", async () => {
  const { estimate, standardError, loss, samples } = await measure(
    quadratic(curvature),
    "sharpness(radius=3,directions=400)",
    origin,
  );
  assertStrictEquals(loss, 0);
  assertStrictEquals(samples.length, 400);
  // u'Hu of uniform u has variance 2 (P tr(H^2) - tr(H)^2) / (P^2 (P + 2)): 4 standard errors.
  const variance = 2 * (P * dot(curvature, curvature) - trace ** 2) / (P ** 2 * (P + 2));
  const expected = 4.5 * Math.sqrt(variance / 400);
  assertAlmostEquals(estimate, 9 * trace / (2 * P), 4 * expected);
  // A standard deviation of 400 nearly normal samples is known to 1 / sqrt(800) = 3.5 %.
  assertAlmostEquals(standardError!, expected, 4 * 0.035 * expected);
});

Deno.test("sharpness is linear in the slope: negative samples are kept", async () => {
  // L = <a, w>: sample k is r <a, u_k>, whatever w.
  const a = Array.from({ length: P }, (_, i) => Math.sin(i));
  const of = quadratic(new Float64Array(P), { slope: a });
  for (const w of [origin, Float32Array.from(curvature)]) {
    const { samples } = await measure(of, "sharpness(radius=2,directions=20)", w);
    for (const [k, sample] of samples.entries()) {
      const u = stepOf(SIZES, w, { direction: k, scaling: "global" }, 5);
      assertAlmostEquals(sample, 2 * dot(a, u), 1e-12);
    }
    assertEquals(samples.some((sample) => sample < 0), true);
  }
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
  const wall: LossFunction = { loss: (w) => dot(w, w) > 1 ? Infinity : 0 };
  assertStrictEquals(
    (await assertRejects(() => measure(wall, text, origin), NotFiniteError)).message,
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
      () => parseMeasure(`sharpness(${parameter})`),
      RangeError,
      `Cannot use measure sharpness as ${key} must be ${domain}: current value is ${value}`,
    );
  }
});

Deno.test("pairs are free of the slope: each sample is u'Hu / 2 of its steps on a quadratic", async () => {
  // Losses of up to 1,000 nats, rounded to 1e-13, a few of them in a sum.
  for (
    const [text, scaling, factor] of [
      ["antithetic(directions=8,radius=2)", "global", 4],
      // Steps are fractions of each tensor's and each filter's norm.
      ["relative-tensor(directions=3,radius=0.5)", "tensor", 0.25],
      ["relative-filter(directions=3,radius=0.5)", "filter", 0.25],
    ] as const
  ) {
    const { samples } = await measure(steep, text);
    for (const [k, form] of halfForms(samples.length, scaling).entries()) {
      assertAlmostEquals(samples[k]!, factor * form, 1e-11);
    }
  }
});

Deno.test("antithetic quarters when a small radius halves", async () => {
  // With a fourth order: m(r) = a r^2 + b r^4, so m(r) / m(r/2) = 4 (1 + b r^2/a) / (1 + b r^2/4a).
  const quartic: LossFunction = {
    loss: (x) => steep.loss(x) + Array.from(x).reduce((sum, value) => sum + value ** 4, 0),
  };
  const at = async (radius: number): Promise<number> =>
    (await measure(quartic, `antithetic(directions=4,radius=${radius})`)).estimate;
  // sum (w + r u)^4 has the even terms 6 r^2 w^2 u^2 + r^4 u^4: a >= tr H / 2P's least 1/2, b <= 1.
  const radius = 0.01;
  assertAlmostEquals(await at(radius) / await at(radius / 2), 4, 4 * radius ** 2 / 0.5);
});

Deno.test("radius-curve has r^2 by radius on a quadratic, and its estimate is antithetic's at 5", async () => {
  const value = await measure(steep, "radius-curve(directions=6)");
  const forms = halfForms(6);
  const mean = forms.reduce((a, b) => a + b) / 6;
  const spread = Math.sqrt(forms.reduce((sum, form) => sum + (form - mean) ** 2, 0) / 5 / 6);
  assertEquals(value.curve.map(({ radius }) => radius), [0.5, 1, 2, 5, 10]);
  for (const point of value.curve) {
    assertAlmostEquals(point.mean, point.radius ** 2 * mean, 1e-10);
    assertAlmostEquals(point.standardError, point.radius ** 2 * spread, 1e-10);
  }
  const same = await measure(steep, "antithetic(directions=6)");
  assertStrictEquals(value.estimate, same.estimate);
  assertStrictEquals(value.standardError, same.standardError);
});

Deno.test("trace is tr(H) on a quadratic, each sample P u'Hu", async () => {
  const { estimate, standardError, samples } = await measure(steep, "trace(directions=400)");
  // 2 P / r^2 = 320 times the rounding of losses of 200 nats.
  for (const [k, form] of halfForms(400).entries()) {
    assertAlmostEquals(samples[k]!, 2 * P * form, 1e-9);
  }
  // Variance of u'Hu as in the test of sharpness; here P times that.
  const variance = 2 * (P * dot(curvature, curvature) - trace ** 2) / (P + 2);
  assertAlmostEquals(estimate, trace, 4 * Math.sqrt(variance / 400));
  assertAlmostEquals(standardError!, Math.sqrt(variance / 400), 0.15 * Math.sqrt(variance / 400));
});

Deno.test("relative sharpness of a function without a scale does not change with a layer's", async () => {
  // L sees the direction of the first layer's weights only, and of its biases.
  const unit = (x: ArrayLike<number>, from: number, to: number): number[] => {
    const part = Array.from(x).slice(from, to);
    return part.map((value) => value / Math.hypot(...part));
  };
  const of: LossFunction = {
    loss: (x) =>
      [...unit(x, 0, 20), ...unit(x, 20, 25)]
        .reduce((sum, value, i) => sum + curvature[i]! * value * value, 0),
  };
  for (const name of ["relative-tensor", "relative-filter"]) {
    const values = [];
    for (const c of [1, 0.125, 8]) {
      // Powers of two: float32 parameters stay exact.
      const scaled = measured(w.map((value, i) => i < 25 ? c * value : value), { sizes: SIZES });
      values.push((await measureOne(functionEngine(of), scaled, { text: name })).estimate);
    }
    const [one, ...others] = values;
    assert(Math.abs(one!) > 1e-5, `${one} is too small to tell`);
    // Rounding of losses of some 10 nats.
    for (const other of others) assertAlmostEquals(other, one!, 1e-14);
  }
});

Deno.test("pairs at a radius of 0 are refused, as they vanish or divide by it", () => {
  for (const name of ["trace", "relative-tensor", "relative-filter", "worst-case"]) {
    assertThrows(
      () => parseMeasure(`${name}(radius=0)`),
      RangeError,
      `Cannot use measure ${name} as radius must be a number > 0: current value is 0`,
    );
  }
});

Deno.test("one direction has no standard error", async () => {
  for (const text of ["sharpness", "antithetic", "trace", "relative-tensor", "radius-curve"]) {
    const value = await measure(steep, `${text}(directions=1)`);
    assertStrictEquals(value.standardError, null);
    assert(Number.isFinite(value.estimate));
  }
});
