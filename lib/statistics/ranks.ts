/**
 * Rank correlation, and its interval over seeds and cells.
 *
 * @module
 */
import jstat from "jstat";
import { openStream } from "~/lib/random.ts";
import { type Interval, meanInterval } from "~/lib/statistics/intervals.ts";

/** Between the two nearest order statistics (R's type 7); the package has no types. */
const { percentile }: { percentile(values: readonly number[], share: number): number } = jstat;

/** A cell's networks, each with the two values that are ranked. */
export type RankedCell = readonly {
  readonly seed: number;
  readonly x: number;
  readonly y: number;
}[];

/** Of two cells; null where seeds do not tell. */
type Agreement = number | null;

/** Draws of the bootstrap. */
const RESAMPLES = 1000;
/** Fewer pairs of cells are no order; and of fewer, that four cells have, draws differ by too little. */
const FEWEST_PAIRS = 3;
const FEWEST_DRAWN = 6;

/** A rank correlation with its interval; null where it cannot be had. */
export interface TauInterval {
  /** The mean over groups where there are several. */
  readonly tau: number | null;
  readonly interval: Interval | null;
  /** Seeds of any cell, ascending. */
  readonly seeds: readonly number[];
  /** Cells of all groups. */
  readonly cells: number;
  /** Pairs of cells that count. */
  readonly pairs: number;
}

/**
 * Kendall's tau over pairs of cells within groups, so that only cells that differ in the group's one factor
 * are compared (Jiang et al. arXiv 1912.02178); then the mean over groups. Pairs count that are told apart
 * in y: those that go the same way in x (C), the opposite way (D), or have the same x (T), which then does
 * not explain y. Where x may differ and is not told apart, the pair does not count.
 *
 *     tau = (C - D) / (C + D + T)
 *
 * (Somers' D of x given y, https://doi.org/10.2307/2090408). Two cells are told apart where the 95 % t
 * interval of their difference, paired over seeds, excludes 0, or where they have one seed in common,
 * which has no interval. So the seeds decide which pairs count.
 *
 * The interval is a 95 % percentile bootstrap over cells: as many are drawn in each group as it has,
 * with replacement (Efron and Tibshirani, An Introduction to the Bootstrap, 13). Of a tau of 1 or -1
 * every draw is the same.
 *
 * @param groups Cells that differ in one factor, group by group; one of fewer than three pairs that are
 * told apart in both is passed over.
 * @param seed Of the draws.
 * @returns The interval is null for fewer than 2 seeds or 6 pairs.
 * @throws {RangeError} If a value is not finite.
 */
export function tauInterval(groups: readonly (readonly RankedCell[])[], seed: number): TauInterval {
  const cells = groups.flat();
  const seeds = [...new Set(cells.flat().map(({ seed }) => seed))].sort((a, b) => a - b);
  const signs = groups.map((own) => own.map((a, i) => own.slice(0, i).map((b) => agreement(a, b))))
    .filter((own) => own.flat().filter(Boolean).length >= FEWEST_PAIRS);
  const all = signs.map((own) => [...own.keys()]);
  const tau = meanTau(signs, all);
  const pairs = count(signs.flat(2));
  const known = { tau, seeds, cells: cells.length, pairs, interval: null };
  if (seeds.length < 2 || pairs < FEWEST_DRAWN || tau === null) return known;
  const stream = openStream(seed, 0);
  const draw = (own: readonly number[]): number[] =>
    own.map(() => own[Math.floor((stream.next() >>> 0) / 2 ** 32 * own.length)]!);
  const taus = Array.from({ length: RESAMPLES }, () => meanTau(signs, all.map(draw)))
    .filter((again) => again !== null);
  const [low, high] = [0.025, 0.975].map((share) => percentile(taus, share));
  return { ...known, interval: [low!, high!] };
}

/** 1 where two cells go the same way in x and y, -1 where opposite ways, 0 where x is one; null if not told. */
function agreement(a: RankedCell, b: RankedCell): Agreement {
  const both = a.flatMap((one) => {
    const other = b.find(({ seed }) => seed === one.seed);
    return other === undefined ? [] : [[one, other] as const];
  });
  const [dx, dy] = (["x", "y"] as const).map((key) => both.map(([u, v]) => u[key] - v[key]));
  const [x, y] = [signOf(dx!), signOf(dy!)];
  if (y === 0) return null;
  return x === 0 && dx!.some((each) => each !== 0) ? null : x * y;
}

/** The sign of a mean whose 95 % t interval excludes 0, or of a single value; else 0. */
function signOf(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const { mean, interval } = meanInterval(values);
  const [low, high] = interval ?? [mean, mean];
  return low <= 0 && high >= 0 ? 0 : Math.sign(mean);
}

/** Tau of the cells that were drawn, by group, from the agreement of each with those before it; the mean. */
function meanTau(
  signs: readonly (readonly (readonly Agreement[])[])[],
  drawn: readonly (readonly number[])[],
): number | null {
  const taus = signs.flatMap((own, group) => {
    const some = drawn[group]!.flatMap((i) =>
      drawn[group]!.map((j) => own[Math.max(i, j)]![Math.min(i, j)] ?? null)
    );
    return count(some) === 0
      ? []
      : some.reduce<number>((sum, one) => sum + (one ?? 0), 0) / count(some);
  });
  if (taus.length === 0) return null;
  // Fractions that cancel leave 0, and not what rounding leaves of them.
  return Number((taus.reduce((sum, tau) => sum + tau, 0) / taus.length).toFixed(12));
}

const count = (some: readonly Agreement[]): number => some.filter((one) => one !== null).length;
