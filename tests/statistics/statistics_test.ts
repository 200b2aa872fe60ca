import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  benjaminiHochberg,
  type Estimate,
  holm,
  meanInterval,
  pairedDifference,
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
  assertEquals(difference.mean, -1);
  assertEquals(pairedDifference(a, new Map([[4, 1]])), null);
  assertEquals(pairedDifference(new Map([[3, 1]]), b)!.low, null);
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
