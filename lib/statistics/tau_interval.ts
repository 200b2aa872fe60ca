/**
 * Kendall's tau between cells' means, with an interval over seeds.
 *
 * @module
 */
import { openStream } from "~/lib/random.ts";
import { type RankedGroup, tauWithinGroups } from "~/lib/statistics/kendall.ts";

/** Two values of a cell's networks, by seed. Seeds that only one of them has are not used. */
export interface RankedCell {
  readonly x: ReadonlyMap<number, number>;
  readonly y: ReadonlyMap<number, number>;
}

/** A rank correlation with its interval; null where it cannot be had. */
export interface TauInterval {
  /** Of the cells' means over all seeds; the mean over groups where there are several. */
  readonly tau: number | null;
  readonly low: number | null;
  readonly high: number | null;
  /** Seeds that were drawn from, ascending. */
  readonly seeds: readonly number[];
  /** Cells of all groups. */
  readonly cells: number;
  /** Draws of seeds in which tau could be had. */
  readonly resamples: number;
}

/** How the interval is made. */
export interface TauOptions {
  /** Of the draws. */
  readonly seed: number;
  /** Draws of seeds. Default 2000: the ends of the interval move by some 0.01 from seed to seed. */
  readonly resamples?: number;
  /** Probability between the percentiles, in (0, 1). Default 0.95. */
  readonly level?: number;
}

/**
 * Kendall's tau-b of the cells' means, within groups, with a percentile bootstrap over seeds: as many
 * seeds as there are are drawn with replacement, the same for all cells (they are paired), cells'
 * means and tau are taken again, and the interval lies between the (1 -+ level) / 2 quantiles
 * (Efron and Tibshirani, An Introduction to the Bootstrap, 13). A cell without any of the drawn seeds
 * is left out of that draw.
 *
 * It says how much the ranking hangs on the seeds at hand, cells and directions as they are. Few
 * seeds make it too narrow: three have 10 different draws.
 *
 * @param groups Cells that differ in one factor, group by group.
 * @returns low and high are null for fewer than 2 seeds.
 * @throws {RangeError} If a value is not finite, or an option out of its domain.
 */
export function tauInterval(
  groups: readonly (readonly RankedCell[])[],
  { seed, resamples = 2000, level = 0.95 }: TauOptions,
): TauInterval {
  if (!(Number.isInteger(resamples) && resamples >= 1)) {
    throw new RangeError(
      `Cannot resample as resamples must be an integer >= 1: current value is ${resamples}`,
    );
  }
  if (!(level > 0 && level < 1)) {
    throw new RangeError(
      `Cannot make an interval as level must be in (0, 1): current value is ${level}`,
    );
  }
  const cells = groups.flat();
  const seeds = [...new Set(cells.flatMap((cell) => commonSeeds(cell)))].sort((a, b) => a - b);
  const tau = tauOf(groups, seeds);
  const known = { tau, seeds, cells: cells.length };
  if (seeds.length < 2 || tau === null) return { ...known, low: null, high: null, resamples: 0 };
  const generator = openStream(seed, 0);
  const taus: number[] = [];
  for (let draw = 0; draw < resamples; draw++) {
    const drawn = seeds.map(() =>
      seeds[Math.floor((generator.next() >>> 0) / 2 ** 32 * seeds.length)]!
    );
    const again = tauOf(groups, drawn);
    if (again !== null) taus.push(again);
  }
  taus.sort((a, b) => a - b);
  if (taus.length === 0) return { ...known, low: null, high: null, resamples: 0 };
  const [low, high] = [(1 - level) / 2, (1 + level) / 2].map((p) => quantile(taus, p));
  return { ...known, low: low!, high: high!, resamples: taus.length };
}

function commonSeeds({ x, y }: RankedCell): number[] {
  return [...x.keys()].filter((seed) => y.has(seed));
}

/** Tau of the means over these seeds, each as often as it was drawn. */
function tauOf(
  groups: readonly (readonly RankedCell[])[],
  drawn: readonly number[],
): number | null {
  return tauWithinGroups(groups.map((cells): RankedGroup => {
    const means = cells.flatMap(({ x, y }) => {
      const own = drawn.filter((seed) => x.has(seed) && y.has(seed));
      const mean = (values: ReadonlyMap<number, number>): number =>
        own.reduce((sum, seed) => sum + values.get(seed)!, 0) / own.length;
      return own.length === 0 ? [] : [{ x: mean(x), y: mean(y) }];
    });
    return { x: means.map(({ x }) => x), y: means.map(({ y }) => y) };
  }));
}

/** Between the two nearest order statistics (R's type 7). */
function quantile(ascending: readonly number[], p: number): number {
  const place = p * (ascending.length - 1);
  const [below, above] = [ascending[Math.floor(place)]!, ascending[Math.ceil(place)]!];
  return below + (place - Math.floor(place)) * (above - below);
}
