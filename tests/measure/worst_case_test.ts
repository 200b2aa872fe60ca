/**
 * Worst-case sharpness and its adaptive twin, where the largest loss in a ball is known.
 *
 * @module
 */
import { type MeasureValue, NotFiniteError } from "~/lib/measure.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import {
  dot,
  functionEngine,
  type LossFunction,
  measured,
  measureOne,
  quadratic,
} from "~/tests/fixtures/function_engine.ts";

const P = 40;
const spectrum = Array.from({ length: P }, (_, i) => i === 3 ? 12 : 1 + i % 7);
const slope = Array.from({ length: P }, (_, i) => Math.sin(1 + i));
const norm = Math.hypot(...slope);

type WorstCase = { rises: number[]; firstOrder: number; alignment: number };

async function measure(
  of: LossFunction,
  text: string,
  w: ArrayLike<number> = new Float32Array(P),
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
  const value = await measure(
    quadratic(new Float64Array(P), { slope }),
    "worst-case(radius=2,steps=1)",
  );
  // float32 points: 6e-8 of each of 40 coordinates.
  assertAlmostEquals(value.estimate, 2 * norm, 1e-6 * norm);
  assertAlmostEquals(value.firstOrder, 2 * norm, 1e-6 * norm);
  assertAlmostEquals(value.alignment, 1, 1e-6);
  assertEquals(value.rises, [value.estimate]);
  assertStrictEquals(value.standardError, null);
});

Deno.test("worst-case finds the largest rise of a quadratic in the ball", async () => {
  for (const radius of [0.1, 0.5, 2]) {
    const value = await measure(
      quadratic(spectrum, { slope }),
      `worst-case(radius=${radius},steps=60)`,
    );
    const expected = closedForm(slope, spectrum, radius);
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
  // A slope along the most curved direction: the bound itself.
  const along = spectrum.map((_, i) => i === 3 ? 2 : 0);
  const value = await measure(
    quadratic(spectrum, { slope: along }),
    "worst-case(radius=0.5,steps=3)",
  );
  assertAlmostEquals(value.estimate, 0.5 * 2 + 0.125 * 12, 1e-6);
  for (const radius of [0.001, 0.01, 0.1]) {
    const { estimate } = await measure(
      quadratic(spectrum, { slope }),
      `worst-case(radius=${radius})`,
    );
    const bound = radius * norm + radius ** 2 * 12 / 2;
    assert(estimate <= bound * (1 + 1e-6));
    // The least that it can be: no curvature at all.
    assertAlmostEquals(estimate, bound, radius ** 2 * 6 + 1e-6 * bound);
  }
});

Deno.test("worst-case is at least the mean over random directions of its radius", async () => {
  for (const radius of [0.1, 1]) {
    const at = (name: string): Promise<MeasureValue & { samples: number[] }> =>
      measureOne(functionEngine(quadratic(spectrum, { slope })), measured(slope), {
        text: `${name}(radius=${radius})`,
      });
    const [worst, mean, pairs] = [
      await at("worst-case"),
      await at("sharpness"),
      await at("antithetic"),
    ];
    assert(worst.estimate > Math.max(...mean.samples));
    assert(worst.estimate > pairs.estimate);
  }
});

Deno.test("worst-case starts along the study's first direction where there is no slope", async () => {
  // At the minimum: rho^2 lambda max / 2, 12 against 7 by the ratio (7/12)^2 an iteration.
  const value = await measure(quadratic(spectrum), "worst-case(radius=1,steps=40)");
  assertAlmostEquals(value.estimate, 6, 1e-5);
  assertStrictEquals(value.firstOrder, 0);
});

Deno.test("worst-case takes shorter steps where the loss is not convex", async () => {
  // x - 5 x^2 in one coordinate: at the ends of the ball 0.0375 and -0.2625, 0.05 at x = 0.1 within.
  const of = quadratic(spectrum.map((_, i) => i === 0 ? -10 : 0), {
    slope: spectrum.map((_, i) => i === 0 ? 1 : 0),
  });
  const { estimate, rises } = await measure(of, "worst-case(radius=0.15,steps=20)");
  assertStrictEquals(estimate, Math.max(...rises));
  assertAlmostEquals(rises[0]!, 0.0375, 1e-7);
  assertAlmostEquals(rises[1]!, -0.2625, 1e-7);
  // Within the last step, 0.15 / 2^k: quadratic around the maximum.
  assertAlmostEquals(estimate, 0.05, 1e-4);
});

Deno.test("adaptive-worst-case moves each weight by its own share", async () => {
  // A plane: max <g, |w| z> over |z| <= rho is rho |w g|.
  const w = Float32Array.from({ length: P }, (_, i) => Math.cos(2 * i));
  const value = await measure(
    quadratic(new Float64Array(P), { slope }),
    "adaptive-worst-case(radius=0.5)",
    w,
  );
  const expected = 0.5 * Math.hypot(...slope.map((g, i) => g * w[i]!));
  assertAlmostEquals(value.estimate, expected, 1e-6 * expected);
});

Deno.test("adaptive-worst-case does not change where the parameters' scale does", async () => {
  // L(c w) with c by coordinate is the same function of w / c: powers of two are exact in float32.
  const base = quadratic(spectrum, { slope });
  const w = Float32Array.from({ length: P }, (_, i) => Math.cos(2 * i));
  const scales = w.map((_, i) => 2 ** (i % 9 - 4));
  const unscale = (x: ArrayLike<number>): Float64Array =>
    Float64Array.from(x, (value, i) => value / scales[i]!);
  const scaled: LossFunction = {
    loss: (x) => base.loss(unscale(x)),
    gradient: (x) => unscale(base.gradient(unscale(x))),
  };
  const text = "adaptive-worst-case(radius=1)";
  const one = await measure(base, text, w);
  const other = await measure(scaled, text, w.map((value, i) => value * scales[i]!));
  assertEquals(other.rises, one.rises);
  // Nor is it the plain one's.
  const plain = "worst-case(radius=1)";
  const [a, b] = [
    await measure(base, plain, w),
    await measure(scaled, plain, w.map((value, i) => value * scales[i]!)),
  ];
  assert(Math.abs(a.estimate - b.estimate) > 0.1 * a.estimate);
});

Deno.test("worst-case names a loss or gradient that is not finite", async () => {
  const of = quadratic(spectrum, { slope });
  const wall: LossFunction = { ...of, loss: (w) => dot(w, w) > 0 ? Infinity : 0 };
  assertStrictEquals(
    (await assertRejects(() => measure(wall, "worst-case"), NotFiniteError)).message,
    "Cannot measure worst-case as the loss at radius 0.05 must be finite: current value is Infinity",
  );
  const steep: LossFunction = { ...of, gradient: () => slope.map(() => NaN) };
  assertStrictEquals(
    (await assertRejects(() => measure(steep, "worst-case"), NotFiniteError)).message,
    "Cannot measure worst-case as the gradient of the network must be finite: current value is NaN",
  );
});
