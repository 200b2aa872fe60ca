/**
 * Rank correlation, and its interval over seeds and cells.
 *
 * @module
 */
import jstat from "jstat";
import { openStream } from "~/lib/random.ts";
import { type Interval, requireFinite } from "~/lib/statistics/intervals.ts";

/** Between the two nearest order statistics (R's type 7); the package has no types. */
const { percentile }: { percentile(values: readonly number[], share: number): number } = jstat;

/**
 * Somers' d of y given x: concordant pairs less discordant ones, of the pairs that are not tied in x,
 *
 *     d = (C - D) / (pairs not tied in x)
 *
 * (Somers, https://doi.org/10.2307/2090408). 1 where y rises with x, -1 where it falls, though many cells of
 * a grid have one x: Kendall's tau-b cannot reach either then. Without ties it is Kendall's tau.
 *
 * @param x Finite, shape [n], as y.
 * @returns In [-1, 1]; null where one of them does not vary, as no order is there to compare.
 * @throws {RangeError} If lengths differ or a value is not finite.
 */
export function somersD(x: readonly number[], y: readonly number[]): number | null {
  if (x.length !== y.length) {
    throw new RangeError(
      "Cannot correlate ranks as there must be as many x as y: " +
        `current numbers are ${x.length} and ${y.length}`,
    );
  }
  requireFinite([...x, ...y], "correlate ranks");
  let [difference, untiedX, untiedY] = [0, 0, 0];
  for (let i = 0; i < x.length; i++) {
    for (let j = 0; j < i; j++) {
      const signX = Math.sign(x[i]! - x[j]!);
      const signY = Math.sign(y[i]! - y[j]!);
      difference += signX * signY;
      untiedX += Math.abs(signX);
      untiedY += Math.abs(signY);
    }
  }
  return untiedX === 0 || untiedY === 0 ? null : difference / untiedX;
}

/**
 * The mean over groups of each one's tau, so that only cells that differ in the group's one factor
 * are compared (Jiang et al. arXiv 1912.02178).
 *
 * @returns Null where no group has one.
 */
export function tauWithinGroups(
  groups: readonly { readonly x: readonly number[]; readonly y: readonly number[] }[],
): number | null {
  const taus = groups.map(({ x, y }) => somersD(x, y)).filter((tau) => tau !== null);
  if (taus.length === 0) return null;
  // Fractions that cancel leave 0, and not what rounding leaves of them.
  return Number((taus.reduce((sum, tau) => sum + tau, 0) / taus.length).toFixed(12));
}

/** A cell's networks, each with the two values that are ranked. */
export type RankedCell = readonly {
  readonly seed: number;
  readonly x: number;
  readonly y: number;
}[];

/** Draws of the bootstrap. */
const RESAMPLES = 1000;

/** A rank correlation with its interval; null where it cannot be had. */
export interface TauInterval {
  /** Of the cells' means over all seeds; the mean over groups where there are several. */
  readonly tau: number | null;
  readonly interval: Interval | null;
  /** Seeds that were drawn from, ascending. */
  readonly seeds: readonly number[];
  /** Cells of all groups. */
  readonly cells: number;
}

/**
 * Somers' d of the cells' means, within groups, with a 95 % percentile bootstrap over seeds and
 * cells: as many seeds as there are are drawn with replacement, the same for all cells (they are
 * paired), and as many cells in each group (Efron and Tibshirani, An Introduction to the Bootstrap,
 * 13). A cell without any of the drawn seeds is left out of that draw. Few seeds make it too narrow:
 * three have 10 different draws.
 *
 * @param groups Cells that differ in one factor, group by group.
 * @param seed Of the draws.
 * @returns The interval is null for fewer than 2 seeds.
 * @throws {RangeError} If a value is not finite.
 */
export function tauInterval(groups: readonly (readonly RankedCell[])[], seed: number): TauInterval {
  const cells = groups.flat();
  const seeds = [...new Set(cells.flat().map(({ seed }) => seed))].sort((a, b) => a - b);
  const tau = tauOf(groups, seeds);
  const known = { tau, seeds, cells: cells.length, interval: null };
  if (seeds.length < 2 || tau === null) return known;
  const stream = openStream(seed, 0);
  const draw = <T>(all: readonly T[]): T[] =>
    all.map(() => all[Math.floor((stream.next() >>> 0) / 2 ** 32 * all.length)]!);
  const taus = Array.from({ length: RESAMPLES }, () => {
    const drawn = draw(seeds);
    return tauOf(groups.map(draw), drawn);
  }).filter((again) => again !== null);
  const [low, high] = [0.025, 0.975].map((share) => percentile(taus, share));
  return taus.length === 0 ? known : { ...known, interval: [low!, high!] };
}

/** Tau of the cells' means over seeds, each as often as it was drawn. */
function tauOf(
  groups: readonly (readonly RankedCell[])[],
  drawn: readonly number[],
): number | null {
  return tauWithinGroups(groups.map((cells) => {
    const had = cells.map((cell) =>
      drawn.flatMap((seed) => cell.find((one) => one.seed === seed) ?? [])
    ).filter(({ length }) => length > 0);
    const means = (key: "x" | "y"): number[] =>
      had.map((all) => all.reduce((sum, one) => sum + one[key], 0) / all.length);
    return { x: means("x"), y: means("y") };
  }));
}
