/**
 * Findings as Arquero tables, columns in words with units.
 *
 * @module
 */
import { type ColumnTable, table } from "arquero";
import type { PublishedComparison } from "~/lib/findings/compare_published.ts";
import type { MeasureRank } from "~/lib/findings/rank_measures.ts";
import { EFFECT_NAME } from "~/lib/findings/words.ts";
import {
  type CellSummary,
  type RunResult,
  sharpnessBySeed,
  summariseCells,
} from "~/lib/results.ts";
import { measureNamed, type Study } from "~/lib/study.ts";

/** One row a published cell: both means with their intervals in nats, their ratio, and whether they agree. */
export function publishedTable(rows: readonly PublishedComparison[]): ColumnTable {
  return tableOf<PublishedComparison>({
    effect: ({ effect }) => EFFECT_NAME[effect],
    optimizer: ({ optimizer }) => optimizer,
    "learning rate": ({ learningRate }) => learningRate,
    "batch size": ({ batchSize }) => batchSize,
    seeds: ({ n }) => n,
    "ours (nats)": ({ ours }) => ours?.mean ?? null,
    "ours, low": ({ ours }) => ours?.interval?.[0] ?? null,
    "ours, high": ({ ours }) => ours?.interval?.[1] ?? null,
    "ours, train loss": ({ trainLoss }) => trainLoss,
    "published (nats)": ({ theirs }) => theirs.mean,
    "published, low": ({ theirs }) => theirs.interval[0],
    "published, high": ({ theirs }) => theirs.interval[1],
    "ours / published": ({ ratio }) => ratio,
    agrees: ({ within }) => within === null ? null : within ? "yes" : "no",
  }, rows);
}

/** One row a measure and group: Kendall's tau with the generalisation gap and its bootstrap interval. */
export function rankTable(rows: readonly MeasureRank[]): ColumnTable {
  return tableOf<MeasureRank>({
    measure: ({ measure }) => measure,
    group: ({ group }) => group,
    "Kendall's tau": ({ tau }) => tau,
    low: ({ low }) => low,
    high: ({ high }) => high,
    cells: ({ cells }) => cells,
    seeds: ({ seeds }) => seeds.length,
  }, rows);
}

/**
 * One row a cell: lambda max with its 95 % t interval over seeds, and learning rate x lambda max,
 * which is at most 2 where full-batch gradient descent without momentum is stable.
 *
 * @param runs Of one stop. Cells without a value are left out.
 */
export function edgeTable(study: Study, runs: readonly RunResult[]): ColumnTable {
  const text = measureNamed(study, "lambda-max");
  const cells = text === undefined ? [] : summariseCells(study, runs, text);
  return tableOf<CellSummary>({
    optimizer: ({ optimizer }) => optimizer,
    "learning rate": ({ learningRate }) => learningRate,
    "batch size": ({ batchSize }) => batchSize,
    seeds: (cell) => sharpnessBySeed(cell).size,
    "λ max (nats/unit²)": ({ sharpness }) => sharpness!.mean,
    low: ({ sharpness }) => sharpness!.interval?.[0] ?? null,
    high: ({ sharpness }) => sharpness!.interval?.[1] ?? null,
    "lr × λ max": ({ learningRate, sharpness }) => learningRate * sharpness!.mean,
    "train loss (nats)": ({ trainLoss }) => trainLoss,
  }, cells.filter(({ sharpness }) => sharpness !== null));
}

function tableOf<Row>(
  columns: Record<string, (row: Row) => unknown>,
  rows: readonly Row[],
): ColumnTable {
  return table(Object.entries(columns).map(([name, valueOf]) => [name, rows.map(valueOf)]));
}
