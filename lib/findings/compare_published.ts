/**
 * Our cells beside the published ones.
 *
 * @module
 */
import {
  PUBLISHED_CELLS,
  PUBLISHED_PROTOCOL,
  type PublishedCell,
} from "~/lib/findings/published_cells.ts";
import { signOf } from "~/lib/findings/finding.ts";
import { openMeasure } from "~/lib/measure.ts";
import { MLP_1 } from "~/lib/model.ts";
import { type Interval, runsAt, summariseCells, type TrajectoryRecord } from "~/lib/results.ts";
import { kendallTau } from "~/lib/statistics.ts";
import { type EffectName, effectValue, type Study } from "~/lib/study.ts";

/** Shares of agreement: of the published mean, and in published half-widths. */
const SHARE = 0.1;
const HALF_WIDTHS = 2;

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
  /** Our mean full-set training loss in nats. */
  readonly trainLoss: number | null;
  /** Our seeds with a value. */
  readonly n: number;
  readonly theirs: { readonly mean: number; readonly interval: Interval };
  /** ours / theirs; null where one of them is not told from 0, or has no interval. */
  readonly ratio: number | null;
  /** Whether they differ by at most twice the published half-width, or 10 % of the published mean. */
  readonly within: boolean | null;
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
  const base: Record<EffectName, boolean> = {
    "learning-rate": grid.baseBatchSize === baseBatchSize,
    "batch-size": grid.baseLearningRate === baseLearningRate,
    pairs: false,
  };
  return isSame ? PUBLISHED_CELLS.filter(({ effect }) => base[effect]) : [];
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

/** How well the order of an effect's cells is the published one. */
export interface PublishedOrder {
  readonly effect: EffectName;
  readonly optimizer: string;
  /** Canonical text of the stop of our networks. */
  readonly stop: string;
  /** Cells with a result, and those of them that agree. */
  readonly cells: number;
  readonly within: number;
  /** Kendall's tau-b of our means with the published ones; null for fewer than two cells. */
  readonly tau: number | null;
}

/** Kendall's tau between our means and the published ones, by effect and optimizer. */
export function publishedOrder(rows: readonly PublishedComparison[]): PublishedOrder[] {
  const groups = Map.groupBy(rows, ({ effect, optimizer }) => `${effect} ${optimizer}`);
  return [...groups.values()].map((group) => {
    const had = group.flatMap((row) => row.ours === null ? [] : [{ ...row, ours: row.ours }]);
    const { effect, optimizer, stop } = group[0]!;
    return {
      ...{ effect, optimizer, stop },
      cells: had.length,
      within: had.filter(({ within }) => within).length,
      tau: kendallTau(had.map(({ ours }) => ours.mean), had.map(({ theirs }) => theirs.mean)),
    };
  });
}

/** Every published cell of a study beside ours at one stop. */
function compareAt(
  study: Study,
  records: readonly TrajectoryRecord[],
  stop: string,
): PublishedComparison[] {
  return summariseCells(study, runsAt(study, records, stop)).flatMap((cell) => {
    const { effect, optimizer, learningRate, batchSize, value } = cell;
    const found = publishedCells(study, cell.measure).find((published) =>
      published.effect === effect && published.optimizer === optimizer &&
      published.value === effectValue(cell)
    );
    if (found === undefined) return [];
    const { mean, halfWidth } = found;
    const theirs = { mean, interval: [mean - halfWidth, mean + halfWidth] as const };
    const isResolved = [value?.interval ?? null, theirs.interval]
      .every((interval) => signOf(interval) !== 0);
    const margin = Math.max(HALF_WIDTHS * halfWidth, SHARE * mean);
    return [{
      ...{ effect, optimizer, learningRate, batchSize, stop, theirs },
      ours: value && { mean: value.mean, interval: value.interval },
      trainLoss: cell.trainLoss,
      n: cell.bySeed.filter((seed) => seed.value !== null).length,
      ratio: value && isResolved ? value.mean / mean : null,
      within: value && Math.abs(value.mean - mean) <= margin,
    }];
  });
}
