/** Measures along rays and in balls, where losses are known in closed form. @module */
import type { Ray } from "~/lib/engine.ts";
import { type MeasureValue, NotFiniteError, parseMeasure } from "~/lib/measure.ts";
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
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
  assertEquals(loss, 0);
  assertEquals(samples.length, 400);
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
  assertEquals(value.loss, usual.loss);
  for (const [k, sample] of value.samples.entries()) {
    // Rounding of losses of some 1,500 nats.
    assertAlmostEquals(sample, 2 * usual.samples[k]!, 1e-11);
  }
});

Deno.test("pairs are free of the slope: each sample is u'Hu / 2 of its steps on a quadratic", async () => {
  // Losses of up to 1,000 nats, rounded to 1e-13, a few of them in a sum.
  const cases = [
    ["antithetic(directions=8,radius=2)", "global", 4],
    // Steps are fractions of each tensor's and each filter's norm.
    ["relative-tensor(directions=3,radius=0.5)", "tensor", 0.25],
    ["relative-filter(directions=3,radius=0.5)", "filter", 0.25],
  ] as const;
  for (const [text, scaling, factor] of cases) {
    const { samples } = await measure(steep, text);
    for (const [k, form] of halfForms(samples.length, scaling).entries()) {
      assertAlmostEquals(samples[k]!, factor * form, 1e-11);
    }
  }
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
  assertEquals(value.estimate, same.estimate);
  assertEquals(value.standardError, same.standardError);
});

const TRACES = [
  // 2 P / r^2 = 320 times the rounding of losses of 200 nats; float32 products of up to 7, times P.
  ["trace", 1e-9],
  ["hessian-trace", 7 * P * 1e-6],
] as const;
for (const [name, rounding] of TRACES) {
  Deno.test(`${name} is tr(H) on a quadratic, each sample P u'Hu`, async () => {
    const { estimate, standardError, samples } = await measure(steep, `${name}(directions=400)`);
    for (const [k, form] of halfForms(400).entries()) {
      assertAlmostEquals(samples[k]!, 2 * P * form, rounding);
    }
    // Variance of u'Hu as in the test of sharpness; here P times that.
    const variance = 2 * (P * dot(curvature, curvature) - trace ** 2) / (P + 2);
    const expected = Math.sqrt(variance / 400);
    assertAlmostEquals(estimate, trace, 4 * expected);
    assertAlmostEquals(standardError!, expected, 0.15 * expected);
  });
}

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
    assertEquals(value.standardError, null);
    assert(Number.isFinite(value.estimate));
  }
});

const SIZE = 40;
const convex = Array.from({ length: SIZE }, (_, i) => i === 3 ? 12 : 1 + i % 7);
const gentle = Array.from({ length: SIZE }, (_, i) => Math.sin(1 + i));
const norm = Math.hypot(...gentle);

type WorstCase = { rises: number[]; firstOrder: number; alignment: number };

async function measureWorst(
  of: LossFunction,
  text: string,
  w: ArrayLike<number> = new Float32Array(SIZE),
): Promise<MeasureValue & WorstCase> {
  return await measureOne<WorstCase>(functionEngine(of), measured(w), { text });
}

/**
 * The largest rise of a quadratic at 0 in the ball: d_i = g_i / (m - h_i) with m > max h such that
 * |d| = rho (the trust region's secular equation), by bisection.
 */
function closedForm(g: readonly number[], h: readonly number[], rho: number): number {
  const at = (m: number): number[] => g.map((value, i) => value / (m - h[i]!));
  let [low, high] = [Math.max(...h), Math.max(...h) + Math.hypot(...g) / rho];
  for (let i = 0; i < 200; i++) {
    const m = (low + high) / 2;
    if (Math.hypot(...at(m)) > rho) low = m;
    else high = m;
  }
  const d = at(high);
  return dot(g, d) + d.reduce((sum, value, i) => sum + h[i]! * value * value, 0) / 2;
}

Deno.test("worst-case is rho |g| on a plane: one step, along the slope", async () => {
  const value = await measureWorst(
    quadratic(new Float64Array(SIZE), { slope: gentle }),
    "worst-case(radius=2,steps=1)",
  );
  // float32 points: 6e-8 of each of 40 coordinates.
  assertAlmostEquals(value.estimate, 2 * norm, 1e-6 * norm);
  assertAlmostEquals(value.firstOrder, 2 * norm, 1e-6 * norm);
  assertAlmostEquals(value.alignment, 1, 1e-6);
  assertEquals(value.rises, [value.estimate]);
  assertEquals(value.standardError, null);
});

Deno.test("worst-case finds the largest rise of a quadratic in the ball", async () => {
  for (const radius of [0.1, 0.5, 2]) {
    const value = await measureWorst(
      quadratic(convex, { slope: gentle }),
      `worst-case(radius=${radius},steps=60)`,
    );
    const expected = closedForm(gentle, convex, radius);
    // The step turns by (h2 + m') / (h1 + m') an iteration, below 0.7 here: 0.7^120 of the angle's
    // square is nothing; what is left is the rounding of float32 points.
    assertAlmostEquals(value.estimate, expected, 1e-5 * expected);
    assertAlmostEquals(value.alignment, 1, 1e-5);
    // It rises step by step where the loss is convex.
    for (const [step, rise] of value.rises.slice(1).entries()) {
      assert(rise >= value.rises[step]! - 1e-6 * expected);
    }
  }
});

Deno.test("worst-case is at most rho |g| + rho^2 lambda max / 2, and near it for a small rho", async () => {
  // A gentle along the most curved direction: the bound itself.
  const along = convex.map((_, i) => i === 3 ? 2 : 0);
  const value = await measureWorst(
    quadratic(convex, { slope: along }),
    "worst-case(radius=0.5,steps=3)",
  );
  assertAlmostEquals(value.estimate, 0.5 * 2 + 0.125 * 12, 1e-6);
  for (const radius of [0.001, 0.01, 0.1]) {
    const { estimate } = await measureWorst(
      quadratic(convex, { slope: gentle }),
      `worst-case(radius=${radius})`,
    );
    const bound = radius * norm + radius ** 2 * 12 / 2;
    assert(estimate <= bound * (1 + 1e-6));
    // The least that it can be: no curvature at all.
    assertAlmostEquals(estimate, bound, radius ** 2 * 6 + 1e-6 * bound);
  }
});

Deno.test("worst-case starts along the study's first direction where there is no slope", async () => {
  // At the minimum: rho^2 lambda max / 2, 12 against 7 by the ratio (7/12)^2 an iteration.
  const value = await measureWorst(quadratic(convex), "worst-case(radius=1,steps=40)");
  assertAlmostEquals(value.estimate, 6, 1e-5);
  assertEquals(value.firstOrder, 0);
});

Deno.test("worst-case takes shorter steps where the loss is not convex", async () => {
  // x - 5 x^2 in one coordinate: at the ends of the ball 0.0375 and -0.2625, 0.05 at x = 0.1 within.
  const of = quadratic(convex.map((_, i) => i === 0 ? -10 : 0), {
    slope: convex.map((_, i) => i === 0 ? 1 : 0),
  });
  const { estimate, rises } = await measureWorst(of, "worst-case(radius=0.15,steps=20)");
  assertEquals(estimate, Math.max(...rises));
  assertAlmostEquals(rises[0]!, 0.0375, 1e-7);
  assertAlmostEquals(rises[1]!, -0.2625, 1e-7);
  // Within the last step, 0.15 / 2^k: quadratic around the maximum.
  assertAlmostEquals(estimate, 0.05, 1e-4);
});

Deno.test("adaptive-worst-case moves each weight by its own share", async () => {
  // A plane: max <g, |w| z> over |z| <= rho is rho |w g|.
  const w = Float32Array.from({ length: SIZE }, (_, i) => Math.cos(2 * i));
  const value = await measureWorst(
    quadratic(new Float64Array(SIZE), { slope: gentle }),
    "adaptive-worst-case(radius=0.5)",
    w,
  );
  const expected = 0.5 * Math.hypot(...gentle.map((g, i) => g * w[i]!));
  assertAlmostEquals(value.estimate, expected, 1e-6 * expected);
});

Deno.test("adaptive-worst-case does not change where the parameters' scale does", async () => {
  // L(c w) with c by coordinate is the same function of w / c: powers of two are exact in float32.
  const base = quadratic(convex, { slope: gentle });
  const w = Float32Array.from({ length: SIZE }, (_, i) => Math.cos(2 * i));
  const scales = w.map((_, i) => 2 ** (i % 9 - 4));
  const unscale = (x: ArrayLike<number>): Float64Array =>
    Float64Array.from(x, (value, i) => value / scales[i]!);
  const scaled: LossFunction = {
    loss: (x) => base.loss(unscale(x)),
    gradient: (x) => unscale(base.gradient(unscale(x))),
  };
  const text = "adaptive-worst-case(radius=1)";
  const one = await measureWorst(base, text, w);
  const other = await measureWorst(scaled, text, w.map((value, i) => value * scales[i]!));
  assertEquals(other.rises, one.rises);
  // Nor is it the plain one's.
  const plain = "worst-case(radius=1)";
  const [a, b] = [
    await measureWorst(base, plain, w),
    await measureWorst(scaled, plain, w.map((value, i) => value * scales[i]!)),
  ];
  assert(Math.abs(a.estimate - b.estimate) > 0.1 * a.estimate);
});

Deno.test("measures name the loss or the gradient that is not finite", async () => {
  const of = quadratic(convex, { slope: gentle });
  const wall: LossFunction = { ...of, loss: (w) => dot(w, w) > 0 ? Infinity : 0 };
  const steep: LossFunction = { ...of, gradient: () => gentle.map(() => NaN) };
  const cases = [
    [wall, "sharpness", "the loss at a step of 5 along direction 0", Infinity],
    [wall, "worst-case", "the loss at radius 0.05", Infinity],
    [steep, "worst-case", "the gradient of the network", NaN],
  ] as const;
  for (const [of, name, what, value] of cases) {
    const { message } = await assertRejects(() => measureWorst(of, name), NotFiniteError);
    const reason = `${what} must be finite: current value is ${value}`;
    assertEquals(message, `Cannot measure ${name} as ${reason}`);
  }
});
