/**
 * Our cells beside those that the original study published.
 *
 * @module
 */
import { plurals, significant } from "~/lib/files/numbers.ts";
import CELLS from "~/lib/findings/published_cells.json" with { type: "json" };
import { enumerate, formatInterval } from "~/lib/findings/words.ts";
import { openMeasure } from "~/lib/measure.ts";
import { MLP_1 } from "~/lib/model.ts";
import {
  type Interval,
  runsAt,
  summariseCells,
  type TrajectoryRecord,
  valueBySeed,
} from "~/lib/results.ts";
import {
  type Estimate,
  type MeanInterval,
  meanInterval,
  type TauInterval,
  tauInterval,
  tQuantile,
  welchTest,
} from "~/lib/statistics.ts";
import { type EffectName, EFFECTS, effectValue, type Study } from "~/lib/study.ts";

/** A published cell: 6 seeds x 49 directions at radius 5, where `cumulative:1e-4` stopped training. */
export interface PublishedCell {
  readonly effect: EffectName;
  readonly optimizer: string;
  /** Learning rate at batch size 128, or batch size at learning rate 1e-4. */
  readonly value: number;
  /** Mean sharpness in nats. */
  readonly mean: number;
  /** Half the width of the 95 % t interval over the 6 seed means. */
  readonly halfWidth: number;
}

/** How the published networks came about, as far as it is the same in all cells. */
export const PUBLISHED_PROTOCOL = {
  images: 50_000,
  stop: "cumulative:1e-4",
  baseLearningRate: 1e-4,
  baseBatchSize: 128,
  radius: 5,
  seeds: 6,
} as const;

/**
 * Computed from the samples that the original study published
 * (https://github.com/Contrapassot/OML, results/). Its base cell stands in both effects, with runs of
 * its own each time; its seeds are not paired.
 */
export const PUBLISHED_CELLS: readonly PublishedCell[] = Object.entries(CELLS)
  .flatMap(([effect, byOptimizer]) =>
    Object.entries(byOptimizer).flatMap(([optimizer, rows]) =>
      rows.map(([value, mean, halfWidth]): PublishedCell => ({
        effect: effect as EffectName,
        optimizer,
        value: value!,
        mean: mean!,
        halfWidth: halfWidth!,
      }))
    )
  );

/** A published cell beside ours. */
export interface PublishedComparison {
  readonly effect: EffectName;
  readonly optimizer: string;
  readonly learningRate: number;
  readonly batchSize: number;
  /** Canonical text of the stop of our networks. */
  readonly stop: string;
  /** In nats; null while the cell has no result. */
  readonly ours: { readonly mean: number; readonly interval: Interval | null } | null;
  readonly bySeed: ReadonlyMap<number, number>;
  /** Our mean full-set training loss in nats. */
  readonly trainLoss: number | null;
  /** Our seeds with a value. */
  readonly n: number;
  readonly theirs: { readonly mean: number; readonly interval: Interval };
  /**
   * ours / theirs with its 95 % interval and the p of equality, by Welch's test of the logarithms
   * (standard error of each: that of the mean / mean); null where one is not told from 0, or ours has
   * one seed.
   */
  readonly ratio: number | null;
  readonly ratioInterval: Interval | null;
  readonly p: number | null;
  /** How many published half-widths they differ by at most, 1 or 2; false: by more. */
  readonly within: 1 | 2 | false | null;
}

/**
 * The published cells that a study's cells of a measure can be compared with: of the same network,
 * images and other factor, and of the sharpness at the same radius.
 */
export function publishedCells(study: Study, measure: string): PublishedCell[] {
  const { grid, images, sizes } = study;
  const { name, parameters } = openMeasure(measure);
  const { radius, baseBatchSize, baseLearningRate } = PUBLISHED_PROTOCOL;
  const isSame = images === PUBLISHED_PROTOCOL.images && String(sizes) === String(MLP_1) &&
    name === "sharpness" && parameters.radius === radius;
  return PUBLISHED_CELLS.filter(({ effect }) =>
    isSame &&
    (effect === "learning-rate"
      ? grid.baseBatchSize === baseBatchSize
      : grid.baseLearningRate === baseLearningRate)
  );
}

/**
 * Compares every cell of a study that was published, in the cells' order: an effect's cells at the
 * published stop where any of them has a result there, whoever asked for it, else at the study's
 * first.
 */
export function comparePublished(
  study: Study,
  records: readonly TrajectoryRecord[],
): PublishedComparison[] {
  const there = compareAt(study, records, PUBLISHED_PROTOCOL.stop);
  const isThere = new Set(there.filter(({ ours }) => ours !== null).map(({ effect }) => effect));
  if (there.every(({ effect }) => isThere.has(effect))) return there;
  return compareAt(study, records, study.stops[0]!)
    .map((row, i) => isThere.has(row.effect) ? there[i]! : row);
}

/** How an effect's cells agree with the published ones. */
export interface PublishedOrder {
  readonly effect: EffectName;
  readonly optimizer: string;
  /** Canonical text of the stop of our networks. */
  readonly stop: string;
  /** Cells with a result, those within 1 published half-width, and within 2. */
  readonly cells: number;
  readonly withinOne: number;
  readonly within: number;
  /** Kendall's tau-b of our means with theirs, where it has an interval. */
  readonly tau: TauInterval | null;
}

/** Counts agreement by effect and optimizer. */
export function publishedOrder(rows: readonly PublishedComparison[]): PublishedOrder[] {
  const groups = Map.groupBy(rows, ({ effect, optimizer }) => `${effect} ${optimizer}`);
  return [...groups.values()].map((group) => {
    const had = group.filter(({ n }) => n > 0);
    const { effect, optimizer, stop } = group[0]!;
    const tau = tauInterval([had.map(({ bySeed, theirs }) => ({
      x: bySeed,
      y: new Map([...bySeed.keys()].map((seed) => [seed, theirs.mean])),
    }))], { seed: 0, resamples: 1000 });
    return {
      ...{ effect, optimizer, stop },
      cells: had.length,
      withinOne: had.filter(({ within }) => within === 1).length,
      within: had.filter(({ within }) => within).length,
      tau: tau.low === null ? null : tau,
    };
  });
}

/**
 * One sentence an effect and optimizer: how many cells lie within one and two published half-widths,
 * which do not and by how much, and at which stop. Empty where nothing can be compared at all.
 */
export function publishedSentences(rows: readonly PublishedComparison[]): string[] {
  if (rows.every(({ ours }) => ours === null)) return [];
  return publishedOrder(rows).map((order) => {
    const { effect, optimizer, stop, cells, withinOne, within, tau } = order;
    const own = rows.filter((row) => row.effect === effect && row.optimizer === optimizer);
    const subject = `${optimizer}, ${EFFECTS[effect].label}, at ${stop}`;
    if (cells === 0) return `${subject}: none of ${own.length} cells has a result yet.`;
    const nameOf = (row: PublishedComparison): string => EFFECTS[effect].format(effectValue(row));
    const off = own.filter((row) => row.within === false).map((row) =>
      `${nameOf(row)} (${ratioText(row)})`
    );
    const absent = own.filter((row) => row.ours === null).map(nameOf);
    const note = stop === PUBLISHED_PROTOCOL.stop
      ? ""
      : ` (published at ${PUBLISHED_PROTOCOL.stop})`;
    return [
      `${subject}${note}: of ${cells} cells ${withinOne} lie within one published half-width and ` +
      `${within} within two`,
      off.length > 0 && `; not ${enumerate(off)}`,
      tau !== null && `; Kendall's tau with the published order is ${significant(tau.tau!, 2)} ` +
        formatInterval([tau.low!, tau.high!]),
      `; n = ${plurals(own.filter(({ n }) => n > 0).map(({ n }) => n), "seed")}.`,
      absent.length > 0 && ` Missing: ${enumerate(absent)}.`,
    ].filter(Boolean).join("");
  });
}

/** "ratio 0.70 [0.52, 0.93], Welch's p = 0.02", or why there is none. */
function ratioText({ ratio, ratioInterval, p, n }: PublishedComparison): string {
  if (ratio === null) return n === 1 ? "1 seed" : "not told from 0";
  return `ratio ${significant(ratio, 2)} ${formatInterval(ratioInterval!)}, Welch's p = ${
    significant(p!, 1)
  }`;
}

/** Every published cell of a study beside ours at one stop. */
function compareAt(
  study: Study,
  records: readonly TrajectoryRecord[],
  stop: string,
): PublishedComparison[] {
  const { seeds } = PUBLISHED_PROTOCOL;
  return summariseCells(study, runsAt(study, records, stop)).flatMap((cell) => {
    const { effect, optimizer, learningRate, batchSize, value, trainLoss } = cell;
    const found = publishedCells(study, cell.measure).find((published) =>
      published.effect === effect && published.optimizer === optimizer &&
      published.value === effectValue(cell)
    );
    if (found === undefined) return [];
    const { mean, halfWidth } = found;
    const bySeed = valueBySeed(cell);
    const n = bySeed.size;
    const isResolved = (value?.interval?.[0] ?? 0) > 0 && mean > halfWidth;
    const test = isResolved
      ? welchTest(relative(meanInterval([...bySeed.values()])), {
        mean: Math.log(mean),
        standardError: halfWidth / tQuantile(0.975, seeds - 1) / mean,
        degreesOfFreedom: seeds - 1,
      })
      : null;
    const widths = value === null ? null : Math.abs(value.mean - mean) / halfWidth;
    return [{
      ...{ effect, optimizer, learningRate, batchSize, stop, trainLoss, bySeed, n },
      theirs: { mean, interval: [mean - halfWidth, mean + halfWidth] },
      ours: value && { mean: value.mean, interval: value.interval },
      ratio: test && Math.exp(test.mean),
      ratioInterval: test && [Math.exp(test.low), Math.exp(test.high)],
      p: test && test.p,
      within: widths === null ? null : widths <= 1 ? 1 : widths <= 2 ? 2 : false,
    }];
  });
}

/** The logarithm of a mean with its standard error, to first order. */
function relative({ mean, standardError, n }: MeanInterval): Estimate {
  return { mean: Math.log(mean), standardError: standardError! / mean, degreesOfFreedom: n - 1 };
}
