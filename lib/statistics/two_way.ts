/**
 * The interval of a mean over seeds and directions that are both drawn at random.
 *
 * @module
 */
import { type IntervalOptions, meanInterval, tQuantile } from "~/lib/statistics/intervals.ts";

/** A mean over seeds x directions with what its spread is made of. */
export interface TwoWayInterval {
  /** Unit of the samples. */
  readonly mean: number;
  readonly standardError: number | null;
  readonly low: number | null;
  readonly high: number | null;
  /** Number of seeds S. */
  readonly seeds: number;
  /** Number of directions K, the same for every seed. */
  readonly directions: number;
  /** Satterthwaite's; not an integer. */
  readonly degreesOfFreedom: number | null;
  /** Standard deviations between networks, between directions, and of what is left. */
  readonly deviations: {
    readonly seed: number;
    readonly direction: number;
    readonly residual: number;
  } | null;
}

/**
 * The mean of `samples` with an interval for other seeds and other directions.
 *
 * Sample (i, k) is `mean + a_i + b_k + e_ik`, seeds a, directions b (shared by all seeds) and rest e
 * independent with variances A, B, E. With the mean squares of the two-way layout
 *
 *     M_a = K sum_i (s_i. - s_..)^2 / (S - 1)         expects K A + E
 *     M_b = S sum_k (s_.k - s_..)^2 / (K - 1)         expects S B + E
 *     M_e = sum_ik (s_ik - s_i. - s_.k + s_..)^2 / ((S - 1)(K - 1))  expects E
 *
 * the mean's variance `A/S + B/K + E/SK` is estimated by `(M_a + M_b - M_e) / SK`, and the
 * interval is `mean +- t(level, f) * standardError` with Satterthwaite's
 *
 *     f = (M_a + M_b - M_e)^2 / (M_a^2/(S-1) + M_b^2/(K-1) + M_e^2/((S-1)(K-1))).
 *
 * A component whose estimate is negative counts as 0, its mean square leaving the sum together with
 * M_e; f is at least the smaller of S - 1 and K - 1, where subtraction takes it below.
 * Where directions do not differ this is `meanInterval` of the seeds' means.
 * Sources: Satterthwaite, https://doi.org/10.2307/3002019; Searle, Casella and McCulloch, Variance
 * Components, 4.7.
 *
 * @param samples Shape [S][K], finite: the same directions for every seed.
 * @returns For S = 1 or K = 1 only the mean: nothing is known of other seeds, or of other directions.
 * @throws {RangeError} If there is no sample, rows differ in length, or one is not finite.
 */
export function twoWayInterval(
  samples: readonly (readonly number[])[],
  { level = 0.95 }: IntervalOptions = {},
): TwoWayInterval {
  const seeds = samples.length;
  const directions = samples[0]?.length ?? 0;
  for (const row of samples) {
    if (row.length !== directions) {
      throw new RangeError(
        "Cannot make a two-way interval as every seed must have the same directions: " +
          `current numbers are ${directions} and ${row.length}`,
      );
    }
  }
  const { mean } = meanInterval(samples.flat(), { level });
  if (seeds === 1 || directions === 1) {
    const unknown = { standardError: null, low: null, high: null };
    return { mean, ...unknown, seeds, directions, degreesOfFreedom: null, deviations: null };
  }
  const { bySeed, byDirection, rest } = meanSquares(samples, mean);
  const [a, b] = [Math.max(bySeed, rest), Math.max(byDirection, rest)];
  // In units of S K times the mean's variance.
  const variance = a + b - rest;
  const restFreedom = (seeds - 1) * (directions - 1);
  const squares = (a > rest ? a ** 2 / (seeds - 1) : 0) +
    (b > rest ? b ** 2 / (directions - 1) : 0) +
    // It stands in the sum with + where neither other stays, and with - where both do.
    ((a > rest) === (b > rest) ? rest ** 2 / restFreedom : 0);
  const fewest = Math.min(seeds, directions) - 1;
  const freedom = variance === 0 ? fewest : Math.max(fewest, variance ** 2 / squares);
  const standardError = Math.sqrt(variance / (seeds * directions));
  const half = tQuantile((1 + level) / 2, freedom) * standardError;
  return {
    mean,
    standardError,
    low: mean - half,
    high: mean + half,
    seeds,
    directions,
    degreesOfFreedom: freedom,
    deviations: {
      seed: Math.sqrt((a - rest) / directions),
      direction: Math.sqrt((b - rest) / seeds),
      residual: Math.sqrt(rest),
    },
  };
}

function meanSquares(
  samples: readonly (readonly number[])[],
  mean: number,
): { bySeed: number; byDirection: number; rest: number } {
  const [S, K] = [samples.length, samples[0]!.length];
  const seedMeans = samples.map((row) => row.reduce((sum, value) => sum + value, 0) / K);
  const directionMeans = samples[0]!.map((_, k) =>
    samples.reduce((sum, row) => sum + row[k]!, 0) / S
  );
  const squares = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const left = samples.map((row, i) =>
    row.map((value, k) => value - seedMeans[i]! - directionMeans[k]! + 2 * mean)
  );
  return {
    bySeed: K * squares(seedMeans) / (S - 1),
    byDirection: S * squares(directionMeans) / (K - 1),
    rest: squares(left.flat()) / ((S - 1) * (K - 1)),
  };
}
