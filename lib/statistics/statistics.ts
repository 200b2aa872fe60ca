/**
 * Means with t intervals over seeds, the original's pooled intervals, and paired differences.
 *
 * @module
 */
import jstat from "jstat";

/** The part of jstat that is used; the package has no types. */
const { studentt, normal }: {
  studentt: { inv(probability: number, degreesOfFreedom: number): number };
  normal: { cdf(x: number, mean: number, deviation: number): number };
} = jstat;

/** A mean and its confidence interval; null where one value alone cannot give it. */
export interface MeanInterval {
  /** Unit of the values, as every number here but n. */
  readonly mean: number;
  /** `s / sqrt(n)` with s the sample standard deviation (divisor n - 1). */
  readonly standardError: number | null;
  /** Number of values that count as independent. */
  readonly n: number;
  /** Lower end of the interval. */
  readonly low: number | null;
  /** Upper end of the interval. */
  readonly high: number | null;
}

/** A mean difference between two cells, within seed. */
export interface PairedDifference extends MeanInterval {
  /** Seeds that both cells have, ascending; the values stand in this order. */
  readonly seeds: readonly number[];
  /** `a[seed] - b[seed]` for every seed of `seeds`. */
  readonly differences: readonly number[];
}

/** How an interval is made. */
export interface IntervalOptions {
  /** Probability that the interval covers the mean, in (0, 1); 0.95 by default. */
  readonly level?: number;
}

/**
 * Student's t quantile: the t with `P(T <= t) = probability` for T of `degreesOfFreedom`.
 *
 * From jstat, whose relative error at 0.975 is below 5e-8 up to 1,000 degrees of freedom.
 *
 * @param probability In (0, 1).
 * @param degreesOfFreedom Finite and > 0.
 * @throws {RangeError} If an argument is out of its domain.
 */
export function tQuantile(probability: number, degreesOfFreedom: number): number {
  if (!(probability > 0 && probability < 1)) {
    throw new RangeError(
      `Cannot take a t quantile as probability must be in (0, 1): current value is ${probability}`,
    );
  }
  if (!(degreesOfFreedom > 0 && degreesOfFreedom < Infinity)) {
    throw new RangeError(
      "Cannot take a t quantile as degrees of freedom must be finite and > 0: " +
        `current value is ${degreesOfFreedom}`,
    );
  }
  return studentt.inv(probability, degreesOfFreedom);
}

/**
 * The share of a normal distribution between two values; of one without a spread all or nothing.
 *
 * @param deviation Standard deviation, finite and >= 0.
 */
export function normalBetween(
  [low, high]: readonly [number, number],
  { mean, deviation }: { readonly mean: number; readonly deviation: number },
): number {
  if (deviation === 0) return low < mean && mean < high ? 1 : 0;
  return normal.cdf(high, mean, deviation) - normal.cdf(low, mean, deviation);
}

/**
 * The mean of independent values with its t interval:
 * `mean +- t((1 + level) / 2, n - 1) * s / sqrt(n)`
 * (Student, "The probable error of a mean", https://doi.org/10.2307/2331554).
 *
 * @param values At least one, all finite; the result has their unit.
 * @returns For one value standardError, low and high are null: it says nothing about its spread.
 * @throws {RangeError} If there is no value, one is not finite, or level is out of (0, 1).
 *
 * @example
 * ```ts
 * import { meanInterval } from "~/lib/statistics/statistics.ts";
 *
 * const { mean, low, high } = meanInterval([1, 2, 3]);
 * // t(0.975, 2) = 4.302653 and s / sqrt(n) = 1 / sqrt(3)
 * if (mean !== 2 || Math.abs(high! - 4.484138) > 1e-6 || Math.abs(low! + 0.484138) > 1e-6) {
 *   throw new Error("not Student's interval");
 * }
 * ```
 */
export function meanInterval(
  values: readonly number[],
  { level = 0.95 }: IntervalOptions = {},
): MeanInterval {
  const n = values.length;
  if (n === 0) {
    throw new RangeError(
      "Cannot take a mean as there must be at least 1 value: current number is 0",
    );
  }
  for (const value of values) {
    if (!Number.isFinite(value)) {
      throw new RangeError(
        `Cannot take a mean as values must be finite: current value is ${value}`,
      );
    }
  }
  if (!(level > 0 && level < 1)) {
    throw new RangeError(
      `Cannot make an interval as level must be in (0, 1): current value is ${level}`,
    );
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { mean, standardError: null, n, low: null, high: null };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const standardError = Math.sqrt(squares / (n - 1) / n);
  const half = tQuantile((1 + level) / 2, n - 1) * standardError;
  return { mean, standardError, n, low: mean - half, high: mean + half };
}

/**
 * The interval over seeds: `meanInterval` of each seed's mean over its directions, n = seeds.
 *
 * Networks are what is drawn at random anew; directions only measure each of them.
 *
 * @param samplesBySeed One list of sharpness samples in nats a seed, shape `[seeds][K]`.
 * @throws {RangeError} If a list is empty or a sample not finite.
 */
export function seedInterval(
  samplesBySeed: readonly (readonly number[])[],
  options: IntervalOptions = {},
): MeanInterval {
  return meanInterval(samplesBySeed.map((samples) => meanInterval(samples).mean), options);
}

/**
 * The original study's interval: `meanInterval` of all seeds x directions as if each sample were
 * an independent one, n = seeds * K. It is too narrow where networks differ by more than
 * directions do, and says nothing about other seeds.
 *
 * @param samplesBySeed One list of sharpness samples in nats a seed, shape `[seeds][K]`.
 * @throws {RangeError} If there is no sample or one is not finite.
 */
export function pooledInterval(
  samplesBySeed: readonly (readonly number[])[],
  options: IntervalOptions = {},
): MeanInterval {
  return meanInterval(samplesBySeed.flat(), options);
}

/**
 * The mean of `a[seed] - b[seed]` over the seeds that both have, with its t interval.
 *
 * A seed starts every cell from the same weights and meets the same directions, so that what the
 * two have in common cancels.
 *
 * @param a Value by seed, such as the cell's seed means in nats.
 * @param b Value by seed of the cell that is subtracted.
 * @returns Null if no seed is in both.
 * @throws {RangeError} If a value is not finite.
 */
export function pairedDifference(
  a: ReadonlyMap<number, number>,
  b: ReadonlyMap<number, number>,
  options: IntervalOptions = {},
): PairedDifference | null {
  const seeds = [...a.keys()].filter((seed) => b.has(seed)).sort((x, y) => x - y);
  if (seeds.length === 0) return null;
  const differences = seeds.map((seed) => a.get(seed)! - b.get(seed)!);
  return { ...meanInterval(differences, options), seeds, differences };
}
