/**
 * Means with their t intervals, Welch's test, and several tests at once.
 *
 * @module
 */
import jstat from "jstat";

/** The part of jstat that is used; the package has no types. */
const { studentt }: {
  studentt: Record<"inv" | "cdf", (probabilityOrT: number, degreesOfFreedom: number) => number>;
} = jstat;

/** Low and high end of a 95 % interval. */
export type Interval = readonly [low: number, high: number];

/** A mean with its 95 % confidence interval; null where one value alone cannot give it. */
export interface MeanInterval {
  readonly mean: number;
  /** `s / sqrt(n)` with s the sample standard deviation (divisor n - 1). */
  readonly standardError: number | null;
  /** Number of values that count as independent. */
  readonly n: number;
  readonly interval: Interval | null;
}

/** A mean of n values that has a standard error. */
export type Estimate = Pick<MeanInterval, "mean" | "n"> & { readonly standardError: number };

/**
 * Student's t quantile: the t with `P(T <= t) = probability` for T of `degreesOfFreedom`.
 *
 * From jstat, whose relative error at 0.975 is below 5e-8 up to 1,000 degrees of freedom.
 *
 * @throws {RangeError} If probability is not in (0, 1), or degrees of freedom not finite and > 0.
 */
export function tQuantile(probability: number, degreesOfFreedom: number): number {
  const fail = (what: string, value: number): never => {
    throw new RangeError(`Cannot take a t quantile as ${what}: current value is ${value}`);
  };
  if (!(probability > 0 && probability < 1)) fail("probability must be in (0, 1)", probability);
  if (!(degreesOfFreedom > 0 && degreesOfFreedom < Infinity)) {
    fail("degrees of freedom must be finite and > 0", degreesOfFreedom);
  }
  return studentt.inv(probability, degreesOfFreedom);
}

/** `P(|T| >= t)` for T of `degreesOfFreedom`: 1 for t <= 0, as nothing speaks for an effect then. */
export function twoSidedP(t: number, degreesOfFreedom: number): number {
  // jstat's is NaN where the square of t is not finite, and 0 long before.
  return t > 0 ? 2 * studentt.cdf(-Math.min(t, 1e100), degreesOfFreedom) : 1;
}

/**
 * The mean of independent values with its 95 % t interval: `mean +- t(0.975, n - 1) * s / sqrt(n)`
 * (Student, "The probable error of a mean", https://doi.org/10.2307/2331554).
 *
 * @returns In the values' unit; for one value standardError and interval are null.
 * @throws {RangeError} If there is no value, or one is not finite.
 *
 * @example
 * ```ts
 * import { meanInterval } from "~/lib/statistics/intervals.ts";
 *
 * const { mean, interval } = meanInterval([1, 2, 3]);
 * // t(0.975, 2) = 4.302653 and s / sqrt(n) = 1 / sqrt(3)
 * if (mean !== 2 || Math.abs(interval![1] - 4.484138) > 1e-6) throw new Error("not Student's interval");
 * ```
 */
export function meanInterval(values: readonly number[]): MeanInterval {
  const n = values.length;
  if (n === 0) {
    throw new RangeError(
      "Cannot take a mean as there must be at least 1 value: current number is 0",
    );
  }
  const bad = values.find((value) => !Number.isFinite(value));
  if (bad !== undefined) {
    throw new RangeError(`Cannot take a mean as values must be finite: current value is ${bad}`);
  }
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n === 1) return { mean, standardError: null, n, interval: null };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const standardError = Math.sqrt(squares / (n - 1) / n);
  const half = tQuantile(0.975, n - 1) * standardError;
  return { mean, standardError, n, interval: [mean - half, mean + half] };
}

/**
 * Welch's test of `a.mean - b.mean`, variances free (https://doi.org/10.2307/2332510): t with
 * Satterthwaite's degrees of freedom.
 *
 * @returns The difference with its 95 % interval, and the two-sided p.
 */
export function welchTest(
  a: Estimate,
  b: Estimate,
): { readonly mean: number; readonly interval: Interval; readonly p: number } {
  const [u, v] = [a.standardError ** 2, b.standardError ** 2];
  const mean = a.mean - b.mean;
  if (u + v === 0) return { mean, interval: [mean, mean], p: mean === 0 ? 1 : 0 };
  const freedom = (u + v) ** 2 / (u ** 2 / (a.n - 1) + v ** 2 / (b.n - 1));
  const half = tQuantile(0.975, freedom) * Math.sqrt(u + v);
  const p = twoSidedP(Math.abs(mean) / Math.sqrt(u + v), freedom);
  return { mean, interval: [mean - half, mean + half], p };
}

/**
 * Holm's step-down adjustment (https://www.jstor.org/stable/4615733): the i-th smallest of m p values
 * times m - i + 1, never below the one before. At most 5 % of families then have a false claim.
 */
export function holm(ps: readonly number[]): number[] {
  let last = 0;
  return adjust(
    ps,
    (ranked) => ranked.map((p, i) => last = Math.max(last, Math.min(1, p * (ps.length - i)))),
  );
}

/**
 * Benjamini and Hochberg's step-up adjustment (https://doi.org/10.1111/j.2517-6161.1995.tb02031.x):
 * the i-th smallest of m p values times m / i, never above the one after. Of what is counted at
 * 0.05, at most a twentieth is expected to be false.
 */
export function benjaminiHochberg(ps: readonly number[]): number[] {
  let last = 1;
  return adjust(ps, (ranked) =>
    ranked.toReversed()
      .map((p, i) => last = Math.min(last, p * ps.length / (ps.length - i)))
      .reverse());
}

/** Adjusts p values in ascending order, and gives them back in the order that they had. */
function adjust(ps: readonly number[], by: (ranked: readonly number[]) => number[]): number[] {
  const order = [...ps.keys()].sort((a, b) => ps[a]! - ps[b]!);
  const adjusted = by(order.map((place) => ps[place]!));
  return ps.map((_, place) => adjusted[order.indexOf(place)]!);
}
