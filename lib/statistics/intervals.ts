/**
 * Means with t intervals over seeds, the original's pooled intervals, and paired differences.
 *
 * @module
 */
import jstat from "jstat";

/** The part of jstat that is used; the package has no types. */
const { studentt }: {
  studentt: {
    inv(probability: number, degreesOfFreedom: number): number;
    cdf(t: number, degreesOfFreedom: number): number;
  };
} = jstat;

/** A mean and its confidence interval; null where one value alone cannot give it. */
export interface MeanInterval {
  /** Unit of the values, as every number here but n. */
  readonly mean: number;
  /** `s / sqrt(n)` with s the sample standard deviation (divisor n - 1). */
  readonly standardError: number | null;
  /** Number of values that count as independent. */
  readonly n: number;
  readonly low: number | null;
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
  requireShare(probability, "take a t quantile as probability");
  if (!(degreesOfFreedom > 0 && degreesOfFreedom < Infinity)) {
    throw new RangeError(
      "Cannot take a t quantile as degrees of freedom must be finite and > 0: " +
        `current value is ${degreesOfFreedom}`,
    );
  }
  return studentt.inv(probability, degreesOfFreedom);
}

/** `P(|T| >= t)` for T of `degreesOfFreedom`: 1 for t <= 0, as nothing speaks for an effect then. */
export function twoSidedP(t: number, degreesOfFreedom: number): number {
  return t > 0 ? 2 * studentt.cdf(-t, degreesOfFreedom) : 1;
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
 * import { meanInterval } from "~/lib/statistics/intervals.ts";
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
  requireFinite(values, "take a mean");
  requireShare(level, "make an interval as level");
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { mean, standardError: null, n, low: null, high: null };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const standardError = Math.sqrt(squares / (n - 1) / n);
  const half = tQuantile((1 + level) / 2, n - 1) * standardError;
  return { mean, standardError, n, low: mean - half, high: mean + half };
}

/**
 * The original study's interval: `meanInterval` of all seeds x directions as if each sample were an
 * independent one, n = seeds * K. It is too narrow where networks differ by more than directions do.
 *
 * @param samplesBySeed One list of samples a seed, shape `[seeds][K]`.
 * @throws {RangeError} If there is no sample or one is not finite.
 */
export function pooledInterval(
  samplesBySeed: readonly (readonly number[])[],
  options: IntervalOptions = {},
): MeanInterval {
  return meanInterval(samplesBySeed.flat(), options);
}

/**
 * The mean of `a[seed] - b[seed]` over the seeds that both have, with its t interval. A seed starts
 * every cell from the same weights and meets the same directions: what both have in common cancels.
 *
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

/** An independent estimate: a mean, its standard error and the degrees of freedom of that. */
export interface Estimate {
  readonly mean: number;
  readonly standardError: number;
  readonly degreesOfFreedom: number;
}

/**
 * Welch's test of `a.mean - b.mean`, variances free
 * (https://doi.org/10.2307/2332510): t with Satterthwaite's degrees of freedom.
 *
 * @returns The difference with its 95 % interval, and the two-sided p.
 */
export function welchTest(
  a: Estimate,
  b: Estimate,
): { readonly mean: number; readonly low: number; readonly high: number; readonly p: number } {
  const [u, v] = [a.standardError ** 2, b.standardError ** 2];
  const mean = a.mean - b.mean;
  if (u + v === 0) return { mean, low: mean, high: mean, p: mean === 0 ? 1 : 0 };
  const freedom = (u + v) ** 2 / (u ** 2 / a.degreesOfFreedom + v ** 2 / b.degreesOfFreedom);
  const half = tQuantile(0.975, freedom) * Math.sqrt(u + v);
  const p = twoSidedP(Math.abs(mean) / Math.sqrt(u + v), freedom);
  return { mean, low: mean - half, high: mean + half, p };
}

/**
 * Holm's step-down adjustment (https://www.jstor.org/stable/4615733): the i-th smallest of m p values
 * times m - i + 1, never below the one before. At most 5 % of families then have a false claim.
 */
export function holm(ps: readonly number[]): number[] {
  return stepwise(ps, (p, rank) => p * (ps.length - rank), Math.max);
}

/**
 * Benjamini and Hochberg's step-up adjustment (https://doi.org/10.1111/j.2517-6161.1995.tb02031.x):
 * the i-th smallest of m p values times m / i, never above the one after. Of what is counted at
 * 0.05, at most a twentieth is expected to be false.
 */
export function benjaminiHochberg(ps: readonly number[]): number[] {
  return stepwise(ps, (p, rank) => p * ps.length / (rank + 1), Math.min);
}

/** Adjusts in ascending order where each is at least the one before, descending where at most. */
function stepwise(
  ps: readonly number[],
  adjust: (p: number, rank: number) => number,
  bound: (a: number, b: number) => number,
): number[] {
  const ranked = ps.map((p, place) => ({ p, place })).sort((a, b) => a.p - b.p)
    .map(({ p, place }, rank) => ({ place, p: Math.min(1, adjust(p, rank)) }));
  if (bound === Math.min) ranked.reverse();
  const adjusted = new Array<number>(ps.length);
  let last = ranked[0]?.p ?? 1;
  for (const { p, place } of ranked) adjusted[place] = last = bound(last, p);
  return adjusted;
}

/** Checks that values are finite. @throws {RangeError} "Cannot WHAT as values must be finite: ..." */
export function requireFinite(values: readonly number[], what: string): void {
  for (const value of values) {
    if (!Number.isFinite(value)) {
      throw new RangeError(`Cannot ${what} as values must be finite: current value is ${value}`);
    }
  }
}

/** Checks a probability. @throws {RangeError} "Cannot WHAT must be in (0, 1): ..." */
export function requireShare(value: number, what: string): void {
  if (!(value > 0 && value < 1)) {
    throw new RangeError(`Cannot ${what} must be in (0, 1): current value is ${value}`);
  }
}
