import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  meanInterval,
  pairedDifference,
  pooledInterval,
  seedInterval,
  tQuantile,
} from "~/lib/statistics/statistics.ts";

/**
 * P(|T| <= t) for whole degrees of freedom, exactly: Abramowitz and Stegun, Handbook of
 * Mathematical Functions, 26.7.3 and 26.7.4.
 */
function closedFormProbability(t: number, degreesOfFreedom: number): number {
  const theta = Math.atan(t / Math.sqrt(degreesOfFreedom));
  const [sine, cosine] = [Math.sin(theta), Math.cos(theta)];
  const odd = degreesOfFreedom % 2;
  let term = odd ? cosine : 1;
  let sum = degreesOfFreedom === 1 ? 0 : term;
  for (let k = 2 + odd; k < degreesOfFreedom; k += 2) {
    term *= cosine ** 2 * (k - 1) / k;
    sum += term;
  }
  return odd ? 2 / Math.PI * (theta + sine * sum) : sine * sum;
}

/** 0.975 quantiles by bisection of the closed form in 40-digit decimal arithmetic. */
const QUANTILES: readonly [degreesOfFreedom: number, t: number][] = [
  [1, 12.706204736175],
  [2, 4.302652729749],
  [3, 3.182446305284],
  [5, 2.570581835636],
  [10, 2.228138851986],
  [17, 2.109815577833],
  [30, 2.042272456301],
  [47, 2.011740513730],
  [146, 1.976345654594],
  [293, 1.968093452684],
  [1000, 1.962339080826],
];

Deno.test("tQuantile() is within 5e-8 of exact quantiles", () => {
  for (const [degreesOfFreedom, exact] of QUANTILES) {
    assertAlmostEquals(tQuantile(0.975, degreesOfFreedom), exact, 5e-8 * exact);
    assertAlmostEquals(tQuantile(0.025, degreesOfFreedom), -exact, 5e-8 * exact);
  }
});

Deno.test("tQuantile() inverts the closed form for whole degrees of freedom", () => {
  // An error of 5e-8 in t moves the probability by at most t f(t) 5e-8 < 0.2 * 5e-8.
  for (let degreesOfFreedom = 1; degreesOfFreedom <= 60; degreesOfFreedom++) {
    for (const probability of [0.6, 0.9, 0.975, 0.995]) {
      const t = tQuantile(probability, degreesOfFreedom);
      const within = closedFormProbability(t, degreesOfFreedom);
      assertAlmostEquals(within, 2 * probability - 1, 4e-8, `${probability}, ${degreesOfFreedom}`);
    }
  }
});

Deno.test("tQuantile() takes degrees of freedom that are not whole", () => {
  // P(T <= t) = 1/2 + (integral of cos^(f-1) over 0..theta) / (twice that over 0..pi/2) with
  // t = sqrt(f) tan theta; Simpson's rule on a substitution that is smooth at pi/2.
  const integral = (of: (x: number) => number, end: number): number => {
    const n = 20_000;
    let sum = of(0) + of(end);
    for (let i = 1; i < n; i++) sum += of(i * end / n) * (i % 2 === 1 ? 4 : 2);
    return sum * end / n / 3;
  };
  for (const f of [1.3, 2.5, 5.5, 12.3, 47.9]) {
    const whole = integral((y) => Math.sin(y ** 4) ** (f - 1) * 4 * y ** 3, (Math.PI / 2) ** 0.25);
    for (const probability of [0.9, 0.975, 0.995]) {
      const theta = Math.atan(tQuantile(probability, f) / Math.sqrt(f));
      const part = integral((x) => Math.cos(x) ** (f - 1), theta);
      assertAlmostEquals(0.5 + part / whole / 2, probability, 1e-8, `${probability}, ${f}`);
    }
  }
});

Deno.test("tQuantile() names what is out of its domain", () => {
  assertThrows(
    () => tQuantile(1, 3),
    RangeError,
    "Cannot take a t quantile as probability must be in (0, 1): current value is 1",
  );
  assertThrows(
    () => tQuantile(0.5, NaN),
    RangeError,
    "Cannot take a t quantile as degrees of freedom must be finite and > 0: current value is NaN",
  );
});

Deno.test("meanInterval() agrees with R's t.test on Student's sleep data", () => {
  // Extra hours of sleep, second drug less the first. R 4: t.test(extra ~ group, sleep, paired)
  // prints mean 1.58, 95 % interval 0.7001142 to 2.4598858, t = 4.0621, df = 9.
  const { mean, standardError, n, low, high } = meanInterval(
    [1.2, 2.4, 1.3, 1.3, 0, 1, 1.8, 0.8, 4.6, 1.4],
  );
  assertStrictEquals(n, 10);
  assertAlmostEquals(mean, 1.58, 1e-12);
  assertAlmostEquals(mean / standardError!, 4.0621, 5e-5);
  assertAlmostEquals(low!, 0.7001142, 1e-7);
  assertAlmostEquals(high!, 2.4598858, 1e-7);
});

Deno.test("meanInterval() scales with its values and narrows with its level", () => {
  const values = [0.2, 0.5, 0.9, 0.4];
  const wide = meanInterval(values);
  const moved = meanInterval(values.map((value) => 3 - 2 * value));
  assertAlmostEquals(moved.low!, 3 - 2 * wide.high!, 1e-12);
  assertAlmostEquals(moved.high!, 3 - 2 * wide.low!, 1e-12);
  const narrow = meanInterval(values, { level: 0.5 });
  assert(narrow.high! < wide.high!);
  assertStrictEquals(narrow.standardError, wide.standardError);
});

Deno.test("meanInterval() gives no interval for one value and none wide for equal ones", () => {
  assertEquals(meanInterval([0.7]), {
    mean: 0.7,
    standardError: null,
    n: 1,
    low: null,
    high: null,
  });
  assertEquals(meanInterval([2, 2]), { mean: 2, standardError: 0, n: 2, low: 2, high: 2 });
});

Deno.test("meanInterval() names what it cannot use", () => {
  assertThrows(
    () => meanInterval([]),
    RangeError,
    "Cannot take a mean as there must be at least 1 value: current number is 0",
  );
  assertThrows(
    () => meanInterval([1, Infinity]),
    RangeError,
    "Cannot take a mean as values must be finite: current value is Infinity",
  );
  assertThrows(
    () => meanInterval([1, 2], { level: 95 }),
    RangeError,
    "Cannot make an interval as level must be in (0, 1): current value is 95",
  );
});

Deno.test("meanInterval() covers the mean of normal values in 95 of 100 samples", () => {
  // 4,000 samples of 3: the share covered has standard error sqrt(0.95 * 0.05 / 4000) = 0.0034.
  let state = 12345;
  const uniform = (): number => {
    // Park and Miller's minimal standard generator, https://doi.org/10.1145/63039.63042.
    state = state * 48271 % 2147483647;
    return state / 2147483647;
  };
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
  let covered = 0;
  for (let sample = 0; sample < 4000; sample++) {
    const { low, high } = meanInterval([normal(), normal(), normal()]);
    if (low! <= 0 && high! >= 0) covered++;
  }
  assertAlmostEquals(covered / 4000, 0.95, 4 * 0.0034);
});

Deno.test("seedInterval() takes seeds as independent, pooledInterval() every sample", () => {
  // Two seeds that differ by 1, each with 3 directions that differ by 0.1.
  const samples = [[0.9, 1, 1.1], [1.9, 2, 2.1]];
  const seeds = seedInterval(samples);
  const pooled = pooledInterval(samples);
  assertStrictEquals(seeds.n, 2);
  assertStrictEquals(pooled.n, 6);
  assertAlmostEquals(seeds.mean, 1.5, 1e-12);
  assertAlmostEquals(pooled.mean, 1.5, 1e-12);
  // s = 1 / sqrt(2), s / sqrt(2) = 1 / 2.
  assertAlmostEquals(seeds.high! - 1.5, 12.706204736175 / 2, 1e-6);
  // Squares: 2 (0.6^2 + 0.5^2 + 0.4^2) = 1.54; t(0.975, 5).
  assertAlmostEquals(pooled.high! - 1.5, 2.570581835636 * Math.sqrt(1.54 / 5 / 6), 1e-6);
});

Deno.test("seedInterval() weighs seeds alike whatever their number of directions", () => {
  assertStrictEquals(seedInterval([[1], [3, 3, 3]]).mean, 2);
  assertStrictEquals(pooledInterval([[1], [3, 3, 3]]).mean, 2.5);
});

Deno.test("pairedDifference() cancels what a seed adds to both", () => {
  const effects = [0.1, 0.2, 0.3];
  const bySeed = (extra: (i: number) => number): Map<number, number> =>
    new Map([30, -7, 5].map((shift, i) => [i, shift + extra(i)]));
  const difference = pairedDifference(bySeed((i) => effects[i]!), bySeed(() => 0))!;
  const direct = meanInterval(effects);
  assertAlmostEquals(difference.mean, direct.mean, 1e-12);
  assertAlmostEquals(difference.low!, direct.low!, 1e-12);
  assertEquals(difference.seeds, [0, 1, 2]);
});

Deno.test("pairedDifference() uses the seeds in both, in order, and is null without one", () => {
  const a = new Map([[3, 1], [0, 5], [9, 2]]);
  const b = new Map([[9, 1], [3, 4], [1, 0]]);
  const difference = pairedDifference(a, b)!;
  assertEquals(difference.seeds, [3, 9]);
  assertEquals(difference.differences, [-3, 1]);
  assertStrictEquals(difference.mean, -1);
  assertStrictEquals(pairedDifference(a, new Map([[4, 1]])), null);
  assertStrictEquals(pairedDifference(new Map([[3, 1]]), b)!.low, null);
});
