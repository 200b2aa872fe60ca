/**
 * Kendall's rank correlation.
 *
 * @module
 */

/**
 * Kendall's tau-b: concordant pairs less discordant ones, ties out of the count,
 *
 *     tau = (C - D) / sqrt((pairs not tied in x) (pairs not tied in y))
 *
 * (Kendall, https://doi.org/10.1093/biomet/33.3.239). 1 where y rises with x, -1 where it falls.
 *
 * @param x Finite, shape [n].
 * @param y Finite, shape [n].
 * @returns In [-1, 1]; null where one of them does not vary, as no order is there to compare.
 * @throws {RangeError} If lengths differ or a value is not finite.
 *
 * @example
 * ```ts
 * import { kendallTau } from "~/lib/statistics/kendall.ts";
 *
 * // Of 6 pairs one is the other way round: (5 - 1) / 6.
 * if (kendallTau([1, 2, 3, 4], [10, 20, 40, 30]) !== 4 / 6) throw new Error("not 2/3");
 * ```
 */
export function kendallTau(x: readonly number[], y: readonly number[]): number | null {
  if (x.length !== y.length) {
    throw new RangeError(
      "Cannot correlate ranks as there must be as many x as y: " +
        `current numbers are ${x.length} and ${y.length}`,
    );
  }
  for (const value of [...x, ...y]) {
    if (!Number.isFinite(value)) {
      throw new RangeError(
        `Cannot correlate ranks as values must be finite: current value is ${value}`,
      );
    }
  }
  let difference = 0;
  let ordered = { x: 0, y: 0 };
  for (let i = 0; i < x.length; i++) {
    for (let j = 0; j < i; j++) {
      const [signX, signY] = [Math.sign(x[i]! - x[j]!), Math.sign(y[i]! - y[j]!)];
      difference += signX * signY;
      ordered = { x: ordered.x + Math.abs(signX), y: ordered.y + Math.abs(signY) };
    }
  }
  if (ordered.x === 0 || ordered.y === 0) return null;
  return difference / Math.sqrt(ordered.x * ordered.y);
}

/** Two values of each of several cells: what is ranked, and what it is ranked against. */
export interface RankedGroup {
  readonly x: readonly number[];
  readonly y: readonly number[];
}

/**
 * The mean over groups of each one's tau, so that only cells that differ in the group's one factor
 * are compared (Jiang et al. arXiv 1912.02178).
 *
 * @returns Null where no group has one.
 */
export function tauWithinGroups(groups: readonly RankedGroup[]): number | null {
  const taus = groups.map(({ x, y }) => kendallTau(x, y)).filter((tau) => tau !== null);
  if (taus.length === 0) return null;
  // Fractions that cancel leave 0, and not what rounding leaves of them.
  return Number((taus.reduce((sum, tau) => sum + tau, 0) / taus.length).toFixed(12));
}
