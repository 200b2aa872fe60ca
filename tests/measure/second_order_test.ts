/**
 * The measures that are made of pairs of opposite steps: antithetic, radius curve, trace, relative.
 *
 * @module
 */
import { type MeasureValue, openMeasure } from "~/lib/measure.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
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
const SIZES = [4, 5, 2, 1]; // 25 + 12 + 3
const curvature = Array.from({ length: P }, (_, i) => 1 + i % 7);
const trace = curvature.reduce((a, b) => a + b);
const slope = Array.from({ length: P }, (_, i) => 100 * Math.sin(i));
const steep = quadratic(curvature, { slope, base: 1 });
const w = Float32Array.from({ length: P }, (_, i) => Math.cos(3 * i));

interface Curve {
  readonly radius: number;
  readonly mean: number;
  readonly standardError: number;
}

async function measure(
  of: LossFunction,
  text: string,
): Promise<MeasureValue & { samples: number[]; curve: Curve[] }> {
  return await measureOne(functionEngine(of), measured(w, { sizes: SIZES }), { text, seed: 5 });
}

/** u_k' H u_k / 2. */
function halfForms(directions: number): number[] {
  return Array.from({ length: directions }, (_, direction) => {
    const u = stepOf(SIZES, w, { direction, scaling: "global" }, 5);
    return u.reduce((sum, value, i) => sum + curvature[i]! * value * value, 0) / 2;
  });
}

Deno.test("antithetic is free of the slope: each sample is r^2 u'Hu / 2 on a quadratic", async () => {
  const { samples } = await measure(steep, "antithetic(directions=8,radius=2)");
  // Losses of up to 1,000 nats, rounded to 1e-13, a few of them in a sum.
  for (const [k, form] of halfForms(8).entries()) {
    assertAlmostEquals(samples[k]!, 4 * form, 1e-11);
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

Deno.test("relative steps are fractions of each tensor's and each filter's norm", async () => {
  for (const scaling of ["tensor", "filter"] as const) {
    const { samples } = await measure(steep, `relative-${scaling}(directions=3,radius=0.5)`);
    for (const [direction, sample] of samples.entries()) {
      const d = stepOf(SIZES, w, { direction, scaling }, 5);
      const form = d.reduce((sum, value, i) => sum + curvature[i]! * value * value, 0) / 2;
      assertAlmostEquals(sample, 0.25 * form, 1e-11);
    }
  }
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
      () => openMeasure(`${name}(radius=0)`),
      RangeError,
      `Cannot use measure ${name} as radius must be a number > 0: current value is 0`,
    );
  }
});

Deno.test("one pair of directions has no standard error", async () => {
  for (const text of ["antithetic", "trace", "relative-tensor", "radius-curve"]) {
    const value = await measure(steep, `${text}(directions=1)`);
    assertStrictEquals(value.standardError, null);
    assert(Number.isFinite(value.estimate));
  }
});
