/**
 * Our cells beside those that the original study published.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import { plural, plurals, significant } from "~/lib/files/numbers.ts";
import CELLS from "~/lib/findings/published_cells.json" with { type: "json" };
import { enumerate, formatEstimate, formatTau } from "~/lib/findings/words.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { FAMILY_ERROR } from "~/lib/findings/list_findings.ts";
import { MLP_1 } from "~/lib/model.ts";
import { type CellSummary, type Records, runsAt, summariseCells, tableOf } from "~/lib/results.ts";
import {
  type Estimate,
  holm,
  type Interval,
  type MeanInterval,
  meanInterval,
  tauInterval,
  tQuantile,
  twoSidedP,
  welchTest,
} from "~/lib/statistics.ts";
import { type Cell, EFFECTS, effectValue, type Study } from "~/lib/study.ts";

/** A published cell: 6 seeds x 49 directions. */
export interface PublishedCell extends Pick<Cell, "effect" | "optimizer"> {
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
export const PUBLISHED_CELLS = CELLS.map(([effect, optimizer, value, mean, halfWidth]) => (
  { effect, optimizer, value, mean, halfWidth }
)) as readonly PublishedCell[];

/** A mean in nats with its 95 % interval. */
type Value = Pick<MeanInterval, "mean" | "interval">;

/** A published cell beside ours: our values by seed and our mean full-set training loss. */
export interface PublishedComparison extends Cell, Pick<CellSummary, "bySeed" | "trainLoss"> {
  /** Canonical text of the stop of our networks. */
  readonly stop: string;
  /** Null while the cell has no result. */
  readonly ours: Value | null;
  readonly theirs: Value & { readonly interval: Interval };
  /**
   * Ours over theirs with its 95 % interval and p of equality, by Welch's test of the logarithms; null
   * where one is not told from 0, or ours has one seed.
   */
  readonly ratio: Value & { readonly p: number } | null;
  /** How far the two means lie apart, in published half-widths. */
  readonly apart: number | null;
}

/**
 * The published cells that a study's cells of a measure can be compared with: of the same network,
 * start, images in their order and other factor, and of the sharpness at the same radius.
 */
export function publishedCells({ grid, ...study }: Study, measure: string): PublishedCell[] {
  const { name, parameters } = parseMeasure(measure);
  const { images, radius, baseBatchSize, baseLearningRate } = PUBLISHED_PROTOCOL;
  const isSame = study.images === images && String(study.sizes) === String(MLP_1) &&
    (study.order ?? study.init) === undefined && name === "sharpness" &&
    parameters.radius === radius;
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
 * first. A run that the epoch limit ended before its stop is none: the published ones got there.
 */
export function comparePublished(study: Study, records: Records): PublishedComparison[] {
  const [there, here] = [PUBLISHED_PROTOCOL.stop, study.stops[0]!].map((stop) => {
    const runs = runsAt(study, records, stop)
      .filter(({ training }) => training.stopped === "reached");
    return summariseCells(study, runs).flatMap((cell) => {
      const found = publishedCells(study, cell.measure).find(({ effect, optimizer, value }) =>
        effect === cell.effect && optimizer === cell.optimizer && value === effectValue(cell)
      );
      return found === undefined ? [] : [compareCell(cell, found, stop)];
    });
  });
  const isThere = new Set(there!.filter(({ ours }) => ours !== null).map(({ effect }) => effect));
  return there!.map((row, i) => isThere.has(row.effect) ? row : here![i]!);
}

/**
 * What an effect and optimizer come to: how many cells agree, which differ by Welch's test, adjusted by
 * Holm over all rows, and which have no result yet.
 *
 * @param isSaid Of which rows; default: of all.
 */
export function publishedSentences(
  rows: readonly PublishedComparison[],
  isSaid: (row: PublishedComparison) => boolean = () => true,
): string[] {
  if (rows.every(({ ours }) => ours === null)) return [];
  const groups = Map.groupBy(
    rows.filter(isSaid),
    ({ effect, optimizer }) => `${effect} ${optimizer}`,
  );
  const tested = rows.filter(({ ratio }) => ratio !== null);
  const ps = holm(tested.map(({ ratio }) => ratio!.p));
  return [...groups.values()].map((own) => {
    const { effect, optimizer, stop } = own[0]!;
    const { label, format } = EFFECTS[effect];
    const start = `${optimizer}, ${label}, at ${stop}:`;
    const namesOf = (some: readonly PublishedComparison[]): string =>
      enumerate(some.map((row) => format(effectValue(row))));
    const [had, absent] = [own.filter(({ ours }) => ours), own.filter(({ ours }) => !ours)];
    if (had.length === 0) return `${start} none of ${own.length} cells has a result yet.`;
    const within = (most: number): number => had.filter(({ apart }) => apart! <= most).length;
    const differ = had.filter((row) => (ps[tested.indexOf(row)] ?? 1) <= FAMILY_ERROR);
    const ranked = had.map(({ bySeed, theirs }) =>
      [...bySeed].map(([seed, x]) => ({ seed, x, y: theirs.mean }))
    );
    const order = tauInterval([ranked], 0);
    const seeds = plurals(had.map(({ bySeed }) => bySeed.size), "seed");
    return [
      `${start} ${within(1)} of ${plural(had.length, "cell")} within one published half-width, ` +
      `${within(2)} within two; n = ${seeds}.`,
      had.some(({ ratio }) => ratio) &&
      `Welch's test tells ${differ.length > 0 ? namesOf(differ) : "none"} apart.`,
      had.length > 2 && order.interval !== null &&
      `Kendall's tau of the order is ${formatTau(order)}.`,
      absent.length > 0 && `No result at ${namesOf(absent)}.`,
    ].filter(Boolean).join(" ");
  });
}

/** One row a published cell: both means with their intervals, their ratio, and whether they agree. */
export function publishedTable(rows: readonly PublishedComparison[]): ColumnTable {
  return tableOf<PublishedComparison>({
    optimizer: ({ optimizer }) => optimizer,
    "learning rate": ({ learningRate }) => learningRate,
    "batch size": ({ batchSize }) => batchSize,
    seeds: ({ bySeed }) => bySeed.size,
    "training loss (nats)": ({ trainLoss }) => trainLoss && significant(trainLoss),
    "ours (nats)": ({ ours }) => formatEstimate(ours),
    "published (nats)": ({ theirs }) => formatEstimate(theirs),
    "ours / published": ({ ratio }) => formatEstimate(ratio),
    "Welch's p": ({ ratio }) => ratio && significant(ratio.p, 2),
    "half-widths apart": ({ apart }) => apart && significant(apart, 2),
  }, rows);
}

/**
 * The share of our means over n seeds that lie within one published half-width if seeds of both studies
 * are draws of one normal population: `P(|T| <= t(0.975, 5) / sqrt(1 + 6 / n))`, T of 5 degrees of freedom.
 */
export function shareWithin(n: number): number {
  const { seeds } = PUBLISHED_PROTOCOL;
  return 1 - twoSidedP(tQuantile(0.975, seeds - 1) / Math.sqrt(1 + seeds / n), seeds - 1);
}

/** Means are compared by their logarithms, whose standard error is that of the mean / the mean. */
function compareCell(
  { effect, optimizer, learningRate, batchSize, value, trainLoss, bySeed }: CellSummary,
  { mean, halfWidth }: PublishedCell,
  stop: string,
): PublishedComparison {
  const estimateOf = (mean: number, standardError: number, n: number): Estimate => (
    { mean: Math.log(mean), standardError: standardError / mean, n }
  );
  const isResolved = (value?.interval?.[0] ?? 0) > 0 && mean > halfWidth;
  const own = isResolved ? meanInterval([...bySeed.values()]) : undefined;
  const { seeds } = PUBLISHED_PROTOCOL;
  const test = own && welchTest(
    estimateOf(own.mean, own.standardError!, own.n),
    estimateOf(mean, halfWidth / tQuantile(0.975, seeds - 1), seeds),
  );
  const [low = NaN, high = NaN] = test?.interval.map(Math.exp) ?? [];
  return {
    ...{ effect, optimizer, learningRate, batchSize, stop, trainLoss, bySeed, ours: value },
    theirs: { mean, interval: [mean - halfWidth, mean + halfWidth] },
    ratio: test === undefined
      ? null
      : { ...test, mean: Math.exp(test.mean), interval: [low, high] },
    apart: value && Math.abs(value.mean - mean) / halfWidth,
  };
}
