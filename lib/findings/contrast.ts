/**
 * The one question of every finding: how two cells differ in a value, paired over seeds.
 *
 * @module
 */
import { formatEstimate } from "~/lib/findings/words.ts";
import { type Interval, meanInterval, tQuantile, twoSidedP } from "~/lib/statistics.ts";

/** What an effect does; or what becomes of that at the stop elsewhere. */
export type Verdict = "falls" | "rises" | "survives" | "reverses" | "negligible" | "inconclusive";

/** Two values whose ratio lies within 1 / 1.2 .. 1.2 are as good as equal. */
export const NEGLIGIBLE_RATIO = 1.2;
/** So are two whose difference is at most this share of the larger, where no ratio can be had. */
export const NEGLIGIBLE_SHARE = 0.2;

/** Fewer give an interval and no verdict: two leave one degree of freedom. */
export const FEWEST_SEEDS = 3;

/** A cell's values. */
export interface End {
  readonly name: string;
  readonly bySeed: ReadonlyMap<number, number>;
  /** The same by another interpolant, or with the residual: what lies between is added to intervals. */
  readonly others?: ReadonlyMap<number, number>;
  /** Whether it is the residual: the value may be too low, and not too high. */
  readonly isFromBelow?: boolean;
  /** Mean full-set loss in nats. */
  readonly loss?: number | null;
}

/** Two cells, or one cell under two optimizers. */
export interface Contrast {
  readonly first: End;
  readonly last: End;
  /** "1" for a pure number. */
  readonly unit: string;
}

/** A contrast with what can be said of it. */
export interface Comparison extends Contrast {
  /** Last / first where both are resolved from 0, else last - first. */
  readonly scale: "ratio" | "difference";
  /** Means of the two ends over the seeds that both have. */
  readonly means: readonly [first: number, last: number];
  /** Geometric mean of the ratios, or mean of the differences, and its 95 % t interval. */
  readonly estimate: number;
  /** Null for one seed. */
  readonly interval: Interval | null;
  readonly n: number;
  readonly verdict: Verdict;
  /** 1 or -1 where the interval, of `FEWEST_SEEDS` or more, excludes no effect; else 0. */
  readonly sign: number;
  /** Two-sided, of no effect at all; and of `verdict`: at most 0.05 where it is not inconclusive. */
  readonly pEffect: number;
  readonly p: number;
}

/**
 * Compares two ends within seed: the ratio on a log scale where the values of both, and the others, are
 * above 0 and resolved from it, else the difference. The half-width is Student's plus the distance
 * between the values and the others, mean over seeds: of both ends, or the greater of two lower bounds,
 * as each moves the result one way only.
 *
 * The verdict is "negligible" where the interval lies wholly within `NEGLIGIBLE_RATIO` (or
 * `NEGLIGIBLE_SHARE` of the larger end), even if it excludes 1 (or 0). Else the effect "falls" or
 * "rises" where the interval excludes 1 (0). Where a `reference` does either it "survives" if it goes the
 * reference's way and "reverses" if it goes the other. It is inconclusive otherwise, and for fewer than
 * `FEWEST_SEEDS`.
 *
 * @param reference The same contrast at the stop, where it can be had; none at the stop itself.
 * @returns Undefined where no seed has both ends.
 */
export function compare(contrast: Contrast, reference?: Comparison): Comparison | undefined {
  const ends = [contrast.first, contrast.last];
  const seeds = [...contrast.first.bySeed.keys()]
    .filter((seed) => contrast.last.bySeed.has(seed)).sort((a, b) => a - b);
  if (seeds.length === 0) return undefined;
  const values = ends.map(({ bySeed }) => seeds.map((seed) => bySeed.get(seed)!));
  const averages = values.map((own) => meanInterval(own));
  const means = averages.map(({ mean }) => mean) as [number, number];
  const others = ends.map((end, i) =>
    seeds.map((seed, j) => end.others?.get(seed) ?? values[i]![j]!)
  );
  const isRatio = averages.every(({ interval, mean }) => (interval?.[0] ?? mean) > 0) &&
    [...values, ...others].flat().every((value) => value > 0);
  const scaled = (value: number): number => isRatio ? Math.log(value) : value;
  const back = (value: number): number => isRatio ? Math.exp(value) : value;
  const { mean, standardError, n } = meanInterval(
    seeds.map((_, i) => scaled(values[1]![i]!) - scaled(values[0]![i]!)),
  );
  const scale = isRatio ? "ratio" : "difference";
  const known = { ...contrast, means, n, estimate: back(mean), scale } as const;
  const open = { verdict: "inconclusive", sign: 0, pEffect: 1, p: 1 } as const;
  if (standardError === null) return { ...known, ...open, interval: null };
  const [before = 0, after = 0] = values.map((own, i) => {
    const apart = own.map((value, j) => Math.abs(scaled(others[i]![j]!) - scaled(value)));
    return meanInterval(apart).mean;
  });
  const shift = contrast.first.isFromBelow ? Math.max(before, after) : before + after;
  const margin = isRatio
    ? Math.log(NEGLIGIBLE_RATIO)
    : NEGLIGIBLE_SHARE * Math.max(...means.map(Math.abs));
  const size = Math.abs(mean);
  const half = tQuantile(0.975, n - 1) * standardError + shift;
  const pOf = (distance: number): number =>
    twoSidedP(distance === 0 ? 0 : distance / standardError, n - 1);
  const pEffect = pOf(size - shift);
  const interval: Interval = [back(mean - half), back(mean + half)];
  if (n < FEWEST_SEEDS) return { ...known, ...open, interval };
  const sign = size > half ? Math.sign(mean) : 0;
  const isNegligible = size + half <= margin;
  return {
    ...{ ...known, interval, sign, pEffect },
    verdict: isNegligible ? "negligible" : verdictOf(sign, reference),
    p: isNegligible ? pOf(margin - size - shift) : pEffect,
  };
}

/** "ratio 0.019 [0.017, 0.021]", or "difference −0.40 nats [−0.42, −0.38]"; of one seed no number. */
export function formatComparison({ scale, estimate, interval, unit }: Comparison): string {
  if (interval === null) return "one seed";
  return `${scale} ${formatEstimate({ mean: estimate, interval }, scale === "ratio" ? "1" : unit)}`;
}

function verdictOf(sign: number, reference: Comparison | undefined): Verdict {
  if (sign === 0) return "inconclusive";
  const seen = reference === undefined || reference.verdict === "negligible" ? 0 : reference.sign;
  return seen === 0 ? wayOf(sign) : sign === seen ? "survives" : "reverses";
}

/** What an effect of this sign does where it is compared with no other. */
export function wayOf(sign: number): Verdict {
  return sign < 0 ? "falls" : "rises";
}
