/**
 * Results, cells and paired differences as Arquero tables.
 *
 * @module
 */
import { type ColumnTable, table } from "arquero";
import { type CellSummary, summariseCells, valueBySeed } from "~/lib/results/cells.ts";
import type { RunResult } from "~/lib/results/run_result.ts";
import { type PairedDifference, pairedDifference } from "~/lib/statistics.ts";
import { effectValue, type Study } from "~/lib/study.ts";

const RUN_COLUMNS = {
  optimizer: ({ config }) => config.optimizer,
  learningRate: ({ config }) => config.learningRate,
  batchSize: ({ config }) => config.batchSize,
  seed: ({ config }) => config.seed,
  stop: ({ stop }) => stop,
  epochs: ({ training }) => training.epochs,
  outcome: ({ training }) => training.stopped,
  trainLoss: ({ training }) => training.trainLoss,
  trainAccuracy: ({ training }) => training.trainAccuracy,
  testLoss: ({ training }) => training.testLoss,
  testAccuracy: ({ training }) => training.testAccuracy,
  gradientNorm: ({ training }) => training.gradientNorm,
  weightNorm: ({ training }) => training.weightNorm,
  distance: ({ training }) => training.distance,
  trainingSeconds: ({ training }) => training.seconds,
} satisfies Record<string, (run: RunResult) => unknown>;

const CELL_COLUMNS = {
  effect: (cell) => cell.effect,
  optimizer: (cell) => cell.optimizer,
  learningRate: (cell) => cell.learningRate,
  batchSize: (cell) => cell.batchSize,
  seeds: (cell) => cell.seeds.length,
  unconverged: (cell) => cell.unconverged.length,
  diverged: (cell) => cell.diverged.length,
  value: (cell) => cell.value?.mean ?? null,
  low: (cell) => cell.value?.interval?.[0] ?? null,
  high: (cell) => cell.value?.interval?.[1] ?? null,
  pooledLow: (cell) => cell.value?.pooledInterval?.[0] ?? null,
  pooledHigh: (cell) => cell.value?.pooledInterval?.[1] ?? null,
  twoWayLow: (cell) => cell.value?.twoWayInterval?.[0] ?? null,
  twoWayHigh: (cell) => cell.value?.twoWayInterval?.[1] ?? null,
  trainLoss: (cell) => cell.trainLoss,
  trainAccuracy: (cell) => cell.trainAccuracy,
  testLoss: (cell) => cell.testLoss,
  testAccuracy: (cell) => cell.testAccuracy,
  epochs: (cell) => cell.epochs,
} satisfies Record<string, (cell: CellSummary) => unknown>;

/** What a cell is compared with. */
export const COMPARISONS = ["base cell", "next smaller value", "optimizer"] as const;
/** One of `COMPARISONS`. */
export type Comparison = typeof COMPARISONS[number];

/** A paired difference in sharpness: the mean of `cell - against` within seed, in nats. */
export interface CellDifference extends PairedDifference {
  /** Which kind of pair this is. */
  readonly comparison: Comparison;
  /** The cell whose value is the minuend. */
  readonly cell: CellSummary;
  /** The cell that is subtracted. */
  readonly against: CellSummary;
}

const DIFFERENCE_COLUMNS = {
  comparison: ({ comparison }) => comparison,
  effect: ({ cell }) => cell.effect,
  optimizer: ({ cell }) => cell.optimizer,
  learningRate: ({ cell }) => cell.learningRate,
  batchSize: ({ cell }) => cell.batchSize,
  against: ({ against, comparison }) =>
    comparison === "optimizer"
      ? against.optimizer
      : `${against.learningRate}, ${against.batchSize}`,
  difference: ({ mean }) => mean,
  standardError: ({ standardError }) => standardError,
  low: ({ low }) => low,
  high: ({ high }) => high,
  seeds: ({ n }) => n,
} satisfies Record<string, (difference: CellDifference) => unknown>;

/**
 * One row a run, in the order given: how training ended, losses in nats, accuracies as fractions,
 * Euclidean norms, wall time in seconds, and for every measure its estimate and standard error.
 */
export function runsTable(results: readonly RunResult[]): ColumnTable {
  const texts = [...new Set(results.flatMap(({ measures }) => Object.keys(measures)))];
  const columns = Object.fromEntries(texts.flatMap((text) => [
    [text, ({ measures }: RunResult) => measures[text]?.estimate ?? null],
    [`${text} standard error`, ({ measures }: RunResult) => measures[text]?.standardError ?? null],
  ]));
  return tableOf<RunResult>({ ...RUN_COLUMNS, ...columns }, results);
}

/** Whether a column of `runsTable` is a measure's. */
export function isMeasure(column: string): boolean {
  return !(column in RUN_COLUMNS);
}

/** One row a cell: means over its seeds in nats, the ends of their intervals, how training ended. */
export function cellsTable(cells: readonly CellSummary[]): ColumnTable {
  return tableOf(CELL_COLUMNS, cells);
}

/**
 * One row a paired difference in mean sharpness, `cell - against` within seed, in nats, with its
 * 95 % t interval over seeds (n = seeds in both; no interval for one), in `listDifferences`' order.
 *
 * @param results In any order; pairs of cells without a seed in common are left out.
 * @throws {RangeError} If two results are of the same run.
 */
export function differencesTable(study: Study, results: readonly RunResult[]): ColumnTable {
  return tableOf(DIFFERENCE_COLUMNS, listDifferences(study, summariseCells(study, results)));
}

/**
 * Every cell against the base cell and against the next smaller value of its effect, optimizer by
 * optimizer, and every optimizer against the study's first in every cell. Each distinct comparison
 * stands once; pairs without a seed in common are left out.
 *
 * @param cells All cells of `study`, from `summariseCells`.
 */
export function listDifferences(study: Study, cells: readonly CellSummary[]): CellDifference[] {
  const { baseLearningRate, baseBatchSize, optimizers: [reference] } = study.grid;
  const isBase = (cell: CellSummary): boolean =>
    cell.learningRate === baseLearningRate && cell.batchSize === baseBatchSize;
  const partners: Record<Comparison, (cell: CellSummary) => CellSummary | undefined> = {
    "base cell": (cell) => isBase(cell) ? undefined : seriesOf(cells, cell).find(isBase),
    "next smaller value": (cell) => {
      const series = seriesOf(cells, cell);
      return series[series.indexOf(cell) - 1];
    },
    optimizer: (cell) =>
      cell.optimizer === reference
        ? undefined
        : seriesOf(cells, { effect: cell.effect, optimizer: reference! })
          .find(({ learningRate, batchSize }) =>
            learningRate === cell.learningRate && batchSize === cell.batchSize
          ),
  };
  const seen = new Set<string>();
  const nameOf = ({ optimizer, learningRate, batchSize }: CellSummary): string =>
    `${optimizer} ${learningRate} ${batchSize}`;
  return COMPARISONS.flatMap((comparison) =>
    cells.flatMap((cell) => {
      const against = partners[comparison](cell);
      if (against === undefined) return [];
      const pair = [nameOf(cell), nameOf(against)].sort().join(" - ");
      if (seen.has(pair)) return [];
      seen.add(pair);
      const difference = pairedDifference(valueBySeed(cell), valueBySeed(against));
      return difference === null ? [] : [{ comparison, cell, against, ...difference }];
    })
  );
}

/** The cells of one effect and optimizer, a line of a figure, by ascending value. */
export function seriesOf(
  cells: readonly CellSummary[],
  { effect, optimizer }: Pick<CellSummary, "effect" | "optimizer">,
): CellSummary[] {
  return cells.filter((cell) => cell.effect === effect && cell.optimizer === optimizer)
    .sort((a, b) => effectValue(a) - effectValue(b));
}

/** A table with its columns even where there are no rows. */
function tableOf<Row>(
  columns: Record<string, (row: Row) => unknown>,
  rows: readonly Row[],
): ColumnTable {
  return table(Object.entries(columns).map(([name, valueOf]) => [name, rows.map(valueOf)]));
}
