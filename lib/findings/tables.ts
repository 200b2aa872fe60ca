/**
 * Findings as Arquero tables, columns in words with units.
 *
 * @module
 */
import { type ColumnTable, table } from "arquero";
import type { PublishedComparison } from "~/lib/findings/compare_published.ts";
import { EDGE_OPTIMIZER, edgeShare } from "~/lib/findings/edge.ts";
import type { EffectFindings, Findings } from "~/lib/findings/list_findings.ts";
import type { MeasureRank } from "~/lib/findings/rank_measures.ts";
import { type CellSummary, type RunResult, summariseCells, valueBySeed } from "~/lib/results.ts";
import { EFFECTS, measureNamed, type Study } from "~/lib/study.ts";

/**
 * One row an effect and optimizer, then one an optimizer against the first: what `listFindings` says.
 * Relative sharpness has a column where it was taken.
 */
export function findingsTable({ effects, optimizers }: Findings): ColumnTable {
  const rows = [...effects, ...optimizers];
  const stop = effects[0]?.atStop.stop ?? "";
  const isRelative = rows.some(({ scaleFree }) => scaleFree !== undefined);
  return tableOf<EffectFindings>({
    "what is compared": ({ subject }) => subject,
    [`sharpness at ${stop}`]: ({ atStop }) => atStop.brief,
    ...(isRelative && {
      "relative sharpness there": ({ scaleFree }: EffectFindings) => scaleFree?.brief ?? null,
    }),
    "at equal training loss": ({ atEqualLoss }) => atEqualLoss.brief,
    seeds: ({ atStop }) => atStop.n,
  }, rows);
}

/** One row a published cell: both means with their intervals in nats, their ratio, and whether they agree. */
export function publishedTable(rows: readonly PublishedComparison[]): ColumnTable {
  return tableOf<PublishedComparison>({
    effect: ({ effect }) => EFFECTS[effect].label,
    optimizer: ({ optimizer }) => optimizer,
    "learning rate": ({ learningRate }) => learningRate,
    "batch size": ({ batchSize }) => batchSize,
    "our stop": ({ stop }) => stop,
    seeds: ({ n }) => n,
    "ours (nats)": ({ ours }) => ours?.mean ?? null,
    "ours, low": ({ ours }) => ours?.interval?.[0] ?? null,
    "ours, high": ({ ours }) => ours?.interval?.[1] ?? null,
    "ours, train loss": ({ trainLoss }) => trainLoss,
    "published (nats)": ({ theirs }) => theirs.mean,
    "published, low": ({ theirs }) => theirs.interval[0],
    "published, high": ({ theirs }) => theirs.interval[1],
    "ours / published": ({ ratio }) => ratio,
    "within 2 published half-widths or 10 %": ({ within }) =>
      within === null ? null : within ? "yes" : "no",
  }, rows);
}

/**
 * One row a measure: Kendall's tau with the generalisation gap in each group, and the mean over groups
 * with its bootstrap interval over seeds.
 */
export function rankTable(rows: readonly MeasureRank[]): ColumnTable {
  const isGroup = ({ effect }: MeasureRank): boolean => effect !== null;
  const groups = [...new Set(rows.filter(isGroup).map(({ group }) => group))];
  const byMeasure = Map.groupBy(rows, ({ measure }) => measure);
  return tableOf<MeasureRank>({
    measure: ({ measure }) => measure,
    ...Object.fromEntries(groups.map((name) => [
      name,
      ({ measure }: MeasureRank) =>
        byMeasure.get(measure)!.find(({ group }) => group === name)?.tau ?? null,
    ])),
    "mean tau": ({ tau }) => tau,
    low: ({ low }) => low,
    high: ({ high }) => high,
    cells: ({ cells }) => cells,
    seeds: ({ seeds }) => seeds.length,
  }, rows.filter((row) => !isGroup(row)));
}

/**
 * One row a cell: lambda max with its 95 % t interval over seeds and, of gradient descent without
 * momentum, learning rate x lambda max, which is at most 2 where that is stable at full batch.
 *
 * @param runs Of one stop. Cells without a value are left out.
 */
export function edgeTable(study: Study, runs: readonly RunResult[]): ColumnTable {
  const text = measureNamed(study, "lambda-max");
  const shareOf = (cell: CellSummary): ReturnType<typeof edgeShare> | undefined =>
    cell.optimizer === EDGE_OPTIMIZER ? edgeShare(cell) : undefined;
  const cells = text === undefined ? [] : summariseCells(study, runs, text);
  return tableOf<CellSummary>({
    optimizer: ({ optimizer }) => optimizer,
    "learning rate": ({ learningRate }) => learningRate,
    "batch size": ({ batchSize }) => batchSize,
    seeds: (cell) => valueBySeed(cell).size,
    "λ max (nats/unit²)": ({ value }) => value!.mean,
    low: ({ value }) => value!.interval?.[0] ?? null,
    high: ({ value }) => value!.interval?.[1] ?? null,
    "lr × λ max": (cell) => shareOf(cell)?.mean ?? null,
    "lr × λ max, low": (cell) => shareOf(cell)?.interval?.[0] ?? null,
    "lr × λ max, high": (cell) => shareOf(cell)?.interval?.[1] ?? null,
    "train loss (nats)": ({ trainLoss }) => trainLoss,
  }, cells.filter(({ value }) => value !== null));
}

function tableOf<Row>(
  columns: Record<string, (row: Row) => unknown>,
  rows: readonly Row[],
): ColumnTable {
  return table(Object.entries(columns).map(([name, valueOf]) => [name, rows.map(valueOf)]));
}
