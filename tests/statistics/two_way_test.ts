import { meanInterval, tQuantile, twoWayInterval } from "~/lib/statistics.ts";
import { fillNormal, openStream } from "~/lib/random.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";

/** The interval over seeds' means. */
const seedsInterval = (samples: readonly (readonly number[])[]): ReturnType<typeof meanInterval> =>
  meanInterval(samples.map((row) => meanInterval(row).mean));

Deno.test("twoWayInterval() has the mean squares of a two-way layout, done by hand", () => {
  // Seed means 1, 2 and 6, direction means 1, 2, 3 and 6, mean 3; what is left is
  //   r = [[1, -1, 1, -1], [0, 2, -1, -1], [-1, -1, 0, 2]], sums of rows and columns 0.
  const rest = [[1, -1, 1, -1], [0, 2, -1, -1], [-1, -1, 0, 2]];
  const samples = [1, 2, 6].map((seed, i) =>
    [1, 2, 3, 6].map((direction, k) => seed + direction - 3 + rest[i]![k]!)
  );
  const bySeed = 4 * (4 + 1 + 9) / 2;
  const byDirection = 3 * (4 + 1 + 0 + 9) / 3;
  const left = (4 + 6 + 6) / 6;
  const variance = (bySeed + byDirection - left) / 12;
  const freedom = (bySeed + byDirection - left) ** 2 /
    (bySeed ** 2 / 2 + byDirection ** 2 / 3 + left ** 2 / 6);
  const interval = twoWayInterval(samples);
  assertEquals([interval.mean, interval.seeds, interval.directions], [3, 3, 4]);
  assertAlmostEquals(interval.standardError!, Math.sqrt(variance), 1e-14);
  assertAlmostEquals(interval.degreesOfFreedom!, freedom, 1e-12);
  const half = tQuantile(0.975, freedom) * Math.sqrt(variance);
  assertAlmostEquals(interval.low!, 3 - half, 1e-12);
  assertAlmostEquals(interval.high!, 3 + half, 1e-12);
  const { seed, direction, residual } = interval.deviations!;
  assertAlmostEquals(seed, Math.sqrt((bySeed - left) / 4), 1e-14);
  assertAlmostEquals(direction, Math.sqrt((byDirection - left) / 3), 1e-14);
  assertAlmostEquals(residual, Math.sqrt(left), 1e-14);
});

Deno.test("twoWayInterval() is meanInterval() of seeds where directions say nothing of their own", () => {
  // Each direction's mean is 11 / 3.
  const samples = [[1, 2, 3], [4, 2, 3], [6, 7, 5]];
  const two = twoWayInterval(samples);
  const one = seedsInterval(samples);
  assertStrictEquals(two.deviations!.direction, 0);
  assertStrictEquals(two.degreesOfFreedom, 2);
  assertAlmostEquals(two.low!, one.low!, 1e-12);
  assertAlmostEquals(two.high!, one.high!, 1e-12);
});

Deno.test("twoWayInterval() is the directions' interval where networks say nothing of their own", () => {
  const samples = [[1, 5, 3], [2, 3, 4]];
  const two = twoWayInterval(samples);
  const byDirection = seedsInterval([[1, 2], [5, 3], [3, 4]]);
  assertStrictEquals(two.deviations!.seed, 0);
  assertStrictEquals(two.degreesOfFreedom, 2);
  assertAlmostEquals(two.low!, byDirection.low!, 1e-12);
});

Deno.test("twoWayInterval() covers the mean of both factors where the seeds' own does not", () => {
  // Directions as spread as seeds and shared: 5 seeds, 5 directions, deviations 1, 1 and 0.5.
  const generator = openStream(8, 0);
  const draw = new Float32Array(5 + 5 + 25);
  const covered = { two: 0, one: 0 };
  const trials = 4000;
  for (let trial = 0; trial < trials; trial++) {
    fillNormal(draw, generator);
    const samples = Array.from(
      { length: 5 },
      (_, i) =>
        Array.from({ length: 5 }, (_, k) => draw[i]! + draw[5 + k]! + draw[10 + 5 * i + k]! / 2),
    );
    const two = twoWayInterval(samples);
    const one = seedsInterval(samples);
    if (two.low! <= 0 && two.high! >= 0) covered.two++;
    if (one.low! <= 0 && one.high! >= 0) covered.one++;
  }
  // The share covered has a standard error of 0.0034. Satterthwaite's degrees of freedom are an
  // approximation: known to be within a few per cent of the level at such sizes.
  assertAlmostEquals(covered.two / trials, 0.95, 0.03);
  // The half width has sqrt(A/S) where the spread is sqrt(A/S + B/K): P(|t_4| < 2.776 / sqrt(2)).
  assert(covered.one / trials < 0.9);
});

Deno.test("twoWayInterval() of equal samples is a point, of one seed or direction only a mean", () => {
  const point = twoWayInterval([[2, 2], [2, 2], [2, 2]]);
  assertEquals([point.low, point.high, point.standardError], [2, 2, 0]);
  const unknown = {
    standardError: null,
    low: null,
    high: null,
    degreesOfFreedom: null,
    deviations: null,
  };
  assertEquals(twoWayInterval([[1, 2]]), { mean: 1.5, seeds: 1, directions: 2, ...unknown });
  assertEquals(twoWayInterval([[1], [2]]), { mean: 1.5, seeds: 2, directions: 1, ...unknown });
});

Deno.test("twoWayInterval() names what it cannot use", () => {
  assertThrows(
    () => twoWayInterval([[1, 2], [1]]),
    RangeError,
    "Cannot make a two-way interval as every seed must have the same directions: " +
      "current numbers are 2 and 1",
  );
  assertThrows(
    () => twoWayInterval([]),
    RangeError,
    "Cannot take a mean as there must be at least 1 value: current number is 0",
  );
  assertThrows(
    () => twoWayInterval([[1, NaN], [1, 2]]),
    RangeError,
    "Cannot take a mean as values must be finite: current value is NaN",
  );
});
