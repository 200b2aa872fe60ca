import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  benjaminiHochberg,
  type Estimate,
  holm,
  meanInterval,
  tQuantile,
  twoSidedP,
  welchTest,
} from "~/lib/statistics.ts";
import { fillNormal, openStream } from "~/lib/random.ts";

Deno.test("meanInterval() agrees with R's t.test on Student's sleep data", () => {
  // Extra hours of sleep, second drug less the first. R 4: t.test(extra ~ group, sleep, paired)
  // prints mean 1.58, 95 % interval 0.7001142 to 2.4598858, t = 4.0621, df = 9.
  const { mean, standardError, n, low, high } = meanInterval(
    [1.2, 2.4, 1.3, 1.3, 0, 1, 1.8, 0.8, 4.6, 1.4],
  );
  assertEquals(n, 10);
  assertAlmostEquals(mean, 1.58, 1e-12);
  assertAlmostEquals(mean / standardError!, 4.0621, 5e-5);
  assertAlmostEquals(low!, 0.7001142, 1e-7);
  assertAlmostEquals(high!, 2.4598858, 1e-7);
});

Deno.test("meanInterval() scales with its values", () => {
  const values = [0.2, 0.5, 0.9, 0.4];
  const wide = meanInterval(values);
  const moved = meanInterval(values.map((value) => 3 - 2 * value));
  assertAlmostEquals(moved.low!, 3 - 2 * wide.high!, 1e-12);
  assertAlmostEquals(moved.high!, 3 - 2 * wide.low!, 1e-12);
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
  const start = "Cannot take a mean as";
  const few = `${start} there must be at least 1 value: current number is 0`;
  assertThrows(() => meanInterval([]), RangeError, few);
  const infinite = `${start} values must be finite: current value is Infinity`;
  assertThrows(() => meanInterval([1, Infinity]), RangeError, infinite);
});

Deno.test("meanInterval() covers the mean of normal values in 95 of 100 samples", () => {
  // 4,000 samples of 3: the share covered has standard error sqrt(0.95 * 0.05 / 4000) = 0.0034.
  const draws = new Float32Array(3 * 4000);
  fillNormal(draws, openStream(12345, 0));
  const covered =
    Array.from({ length: 4000 }, (_, i) => meanInterval([...draws.subarray(3 * i, 3 * i + 3)]))
      .filter(({ low, high }) => low! <= 0 && high! >= 0).length;
  assertAlmostEquals(covered / 4000, 0.95, 4 * 0.0034);
});

Deno.test("holm() and benjaminiHochberg() agree with R's p.adjust, in the order given", () => {
  const ps = [0.04, 0.001, 0.03, 0.005, 0.2];
  const close = (found: number[], expected: number[]): void =>
    expected.forEach((value, i) => assertAlmostEquals(found[i]!, value, 1e-12));
  // Sorted 0.001 0.005 0.03 0.04 0.2: times 5 4 3 2 1, never falling.
  close(holm(ps), [0.09, 0.005, 0.09, 0.02, 0.2]);
  // Times 5, 5/2, 5/3, 5/4, 1, never rising from the end.
  close(benjaminiHochberg(ps), [0.05, 0.005, 0.05, 0.0125, 0.2]);
  assertEquals([holm([]), benjaminiHochberg([]), holm([0.7, 0.8])], [[], [], [1, 1]]);
});

Deno.test("welchTest() agrees with R's t.test on Student's sleep data", () => {
  const estimate = (mean: number, deviation: number): Estimate => (
    { mean, standardError: deviation / Math.sqrt(10), degreesOfFreedom: 9 }
  );
  // t.test(extra ~ group): t = -1.8608, df = 17.776, p-value = 0.07939, -3.3654832 .. 0.2054832.
  const { mean, low, high, p } = welchTest(estimate(0.75, 1.789010), estimate(2.33, 2.002249));
  assertAlmostEquals(mean, -1.58, 1e-12);
  assertAlmostEquals(low, -3.3654832, 1e-5);
  assertAlmostEquals(high, 0.2054832, 1e-5);
  assertAlmostEquals(p, 0.07939, 1e-5);
  assertEquals(twoSidedP(-1, 5), 1);
});

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
  const start = "Cannot take a t quantile as";
  const share = `${start} probability must be in (0, 1): current value is 1`;
  assertThrows(() => tQuantile(1, 3), RangeError, share);
  const freedom = `${start} degrees of freedom must be finite and > 0: current value is NaN`;
  assertThrows(() => tQuantile(0.5, NaN), RangeError, freedom);
});
