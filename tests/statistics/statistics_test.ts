/** Intervals, tests and rank correlation against published numbers and closed forms. @module */
import { fillNormal, openStream } from "~/lib/random.ts";
import {
  benjaminiHochberg,
  type Estimate,
  holm,
  meanInterval,
  type RankedCell,
  tauInterval,
  tQuantile,
  twoSidedP,
  welchTest,
} from "~/lib/statistics.ts";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";

Deno.test("meanInterval() agrees with R's t.test on Student's sleep data", () => {
  // Extra hours of sleep, second drug less the first. R 4: t.test(extra ~ group, sleep, paired)
  // prints mean 1.58, 95 % interval 0.7001142 to 2.4598858, t = 4.0621, df = 9.
  const { mean, standardError, n, interval } = meanInterval(
    [1.2, 2.4, 1.3, 1.3, 0, 1, 1.8, 0.8, 4.6, 1.4],
  );
  assertEquals(n, 10);
  assertAlmostEquals(mean, 1.58, 1e-12);
  assertAlmostEquals(mean / standardError!, 4.0621, 5e-5);
  assertAlmostEquals(interval![0], 0.7001142, 1e-7);
  assertAlmostEquals(interval![1], 2.4598858, 1e-7);
});

Deno.test("meanInterval() gives no interval for one value and none wide for equal ones", () => {
  const one = { mean: 0.7, standardError: null, n: 1, interval: null };
  assertEquals(meanInterval([0.7]), one);
  assertEquals(meanInterval([2, 2]), { mean: 2, standardError: 0, n: 2, interval: [2, 2] });
});

Deno.test("statistics name what they cannot use", () => {
  const cases: [call: () => unknown, message: string][] = [
    [() => meanInterval([]), "take a mean as there must be at least 1 value: current number is 0"],
    [
      () => meanInterval([1, Infinity]),
      "take a mean as values must be finite: current value is Infinity",
    ],
    [
      () => tQuantile(1, 3),
      "take a t quantile as probability must be in (0, 1): current value is 1",
    ],
    [
      () => tQuantile(0.5, NaN),
      "take a t quantile as degrees of freedom must be finite and > 0: current value is NaN",
    ],
  ];
  for (const [call, message] of cases) assertThrows(call, RangeError, `Cannot ${message}`);
});

Deno.test("meanInterval() covers the mean of normal values in 95 of 100 samples", () => {
  // 4,000 samples of 3: the share covered has standard error sqrt(0.95 * 0.05 / 4000) = 0.0034.
  const draws = new Float32Array(3 * 4000);
  fillNormal(draws, openStream(12345, 0));
  const covered =
    Array.from({ length: 4000 }, (_, i) => meanInterval([...draws.subarray(3 * i, 3 * i + 3)]))
      .filter(({ interval }) => interval![0] <= 0 && interval![1] >= 0).length;
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
    { mean, standardError: deviation / Math.sqrt(10), n: 10 }
  );
  // t.test(extra ~ group): t = -1.8608, df = 17.776, p-value = 0.07939, -3.3654832 .. 0.2054832.
  const { mean, interval, p } = welchTest(estimate(0.75, 1.789010), estimate(2.33, 2.002249));
  assertAlmostEquals(mean, -1.58, 1e-12);
  const pairs = [...interval, p].entries();
  const expected = [-3.3654832, 0.2054832, 0.07939];
  for (const [i, value] of pairs) assertAlmostEquals(value, expected[i]!, 1e-5);
  assertEquals([-1, 1e200, Infinity].map((t) => twoSidedP(t, 5)), [1, 0, 0]);
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

Deno.test("tQuantile() inverts the closed form for whole degrees of freedom", () => {
  // An error of 5e-8 in t moves the probability by at most t f(t) 5e-8 < 0.2 * 5e-8.
  const whole = Array.from({ length: 60 }, (_, i) => i + 1);
  for (const degreesOfFreedom of [...whole, 146, 293, 1000]) {
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

/** A cell whose seeds 0, 1, 2 ... have these values. */
const cell = (x: readonly number[], y: readonly number[]): RankedCell =>
  x.map((value, seed) => ({ seed, x: value, y: y[seed]! }));

/** Cells of one seed, which tell their order. */
const single = (x: readonly number[], y: readonly number[]): RankedCell[] =>
  x.map((value, i) => cell([value], [y[i]!]));

Deno.test("tauInterval() is scipy.stats.somersd(y, x): pairs that tie in y are left out, in x they are no order", () => {
  // By hand: of 10 pairs one is tied in x, another in y, and 6 of the other 8 are in order, 2 not.
  const x = [1, 1, 2, 3, 4];
  const y = [1, 2, 3, 3, 2.5];
  const found = tauInterval([single(x, y)], 1);
  assertEquals([found.tau, found.pairs, found.cells, found.interval], [0.444444444444, 9, 5, null]);
  assertEquals(tauInterval([single(x.map((value) => -value), y)], 1).tau, -0.444444444444);
  assertEquals(tauInterval([single(y, x)], 1).tau, 0.444444444444);
  assertAlmostEquals(tauInterval([single([1, 2, 3, 4], [1, 3, 2, 4])], 1).tau!, 2 / 3, 1e-12);
});

Deno.test("tauInterval() leaves out pairs that their seeds do not tell apart", () => {
  // Three seeds' differences of 1, 1.2 and 1.4 have the interval 1.2 ± 0.50, of 0, 1 and 2 1 ± 2.48.
  const steady = [1, 1.2, 1.4];
  const loose = [0, 1, 2];
  const zeros = [0, 0, 0];
  const far = [10, 10, 10];
  const cells = [cell(zeros, zeros), cell(steady, steady), cell(loose, far), cell(far, far)];
  // Not told: the third from the first two in x, from the fourth in y.
  const { tau, pairs } = tauInterval([cells], 1);
  assertEquals([tau, pairs], [1, 3]);
  // A common shift of a seed cancels, as pairs are compared within seed.
  const shift = [-50, 0, 70];
  const shifted = cells.map((own) => own.map((one, i) => ({ ...one, x: one.x + shift[i]! })));
  assertEquals(tauInterval([shifted], 1).pairs, 3);
  // Fewer than three pairs are no order.
  assertEquals(tauInterval([cells.slice(0, 3)], 1).tau, null);
});

Deno.test("tauInterval() compares no cell with one of another group", () => {
  // Within each group y rises with x; between the groups it falls (Simpson's paradox).
  const groups = [single([1, 2, 3], [11, 12, 13]), single([4, 5, 6], [1, 2, 3])];
  assertEquals(tauInterval(groups, 1).tau, 1);
  assert(tauInterval([groups.flat()], 1).tau! < 0);
  // A group without an order has no say.
  assertEquals(tauInterval([...groups, single([1, 1, 1], [1, 2, 3])], 1).tau, 1);
});

Deno.test("tauInterval()'s interval is that of all draws of cells", () => {
  const [x, y] = [[1, 2, 3, 4, 5], [2, 1, 4, 5, 3]];
  const twice = (value: number): number[] => [value, value];
  const { tau, interval } = tauInterval([x.map((value, i) => cell(twice(value), twice(y[i]!)))], 4);
  assertAlmostEquals(tau!, (7 - 3) / 10, 1e-12);
  const all: number[] = [];
  for (let code = 0; code < 5 ** 5; code++) {
    const drawn = [0, 1, 2, 3, 4].map((place) => Math.floor(code / 5 ** place) % 5);
    const signs = drawn.flatMap((i) =>
      drawn.map((j) => Math.sign((x[i]! - x[j]!) * (y[i]! - y[j]!)))
    ).filter((sign) => sign !== 0);
    if (signs.length > 0) all.push(signs.reduce((sum, sign) => sum + sign / signs.length, 0));
  }
  all.sort((a, b) => a - b);
  // Of 1,000 draws 25 are expected beyond each end, 5 more or less.
  const [low, high] = interval!.map((end) => Number(end.toFixed(9))) as [number, number];
  assert(all[Math.floor(0.01 * all.length)]! <= low && low <= all[Math.floor(0.04 * all.length)]!);
  assert(all[Math.floor(0.96 * all.length)]! <= high && high <= all.at(-1)!);
});

Deno.test("tauInterval() depends on its seed only, whatever the order of cells' seeds", () => {
  const stream = openStream(3, 0);
  const near = (value: number) => [0, 1, 2].map(() => value + stream.next() / 2 ** 36);
  const groups = [0, 1].map((group) => (
    [0, 1, 2, 3, 4].map((i) => cell(near(i), near((i * (2 + group)) % 5)))
  ));
  const first = tauInterval(groups, 9);
  assertEquals(tauInterval(groups, 9), first);
  const [low, high] = first.interval!;
  assert(low < first.tau! && first.tau! < high);
  assertEquals([first.cells, first.pairs, first.seeds], [10, 20, [0, 1, 2]]);
  const reversed = groups.map((cells) => cells.map((own) => own.toReversed()));
  assertEquals(tauInterval(reversed, 9), first);
  assertEquals(tauInterval([[], ...groups], 9).tau, first.tau);
  assertEquals(tauInterval([], 9).tau, null);
});
