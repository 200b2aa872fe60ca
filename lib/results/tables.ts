/**
 * Results and cells as Arquero tables and CSV.
 *
 * @module
 */
import { type ColumnTable, table } from "arquero";
import { openMeasure } from "~/lib/measure.ts";
import type { CellSummary } from "~/lib/results/cells.ts";
import type { Measurement } from "~/lib/results/record.ts";
import type { RunResult } from "~/lib/results/run_result.ts";

/** A table's columns in order, each with what it takes from a row. */
export type Columns<Row> = Record<string, (row: Row) => unknown>;

/** A column of runs, of cells, or of both. */
interface Column {
  /** Default: none, as for a count or a text. */
  readonly unit?: string;
  readonly run?: (run: RunResult) => unknown;
  readonly cell?: (cell: CellSummary) => unknown;
}

const ofTraining = (
  key: keyof RunResult["training"] & keyof CellSummary,
  unit?: string,
): Column => ({
  ...(unit && { unit }),
  run: ({ training }) => training[key],
  cell: (cell) => cell[key],
});
const ofBoth = (key: "optimizer" | "learningRate" | "batchSize", unit?: string): Column => ({
  ...(unit && { unit }),
  run: ({ config }) => config[key],
  cell: (cell) => cell[key],
});

/** Every column but those of measures, in the order in which they stand. */
const COLUMNS: Readonly<Record<string, Column>> = {
  effect: { cell: ({ effect }) => effect },
  optimizer: ofBoth("optimizer"),
  learningRate: ofBoth("learningRate"),
  batchSize: ofBoth("batchSize", "images"),
  seed: { run: ({ config }) => config.seed },
  stop: { run: ({ stop }) => stop },
  seeds: { cell: ({ seeds }) => seeds.length },
  unconverged: { cell: ({ unconverged }) => unconverged.length },
  diverged: { cell: ({ diverged }) => diverged.length },
  value: { cell: ({ value }) => value?.mean ?? null },
  low: { cell: ({ value }) => value?.interval?.[0] ?? null },
  high: { cell: ({ value }) => value?.interval?.[1] ?? null },
  pooledLow: { cell: ({ value }) => value?.pooledInterval?.[0] ?? null },
  pooledHigh: { cell: ({ value }) => value?.pooledInterval?.[1] ?? null },
  twoWayLow: { cell: ({ value }) => value?.twoWayInterval?.[0] ?? null },
  twoWayHigh: { cell: ({ value }) => value?.twoWayInterval?.[1] ?? null },
  residual: { cell: ({ residual }) => residual },
  unresolved: { cell: ({ unresolved }) => unresolved.length },
  epochs: ofTraining("epochs"),
  outcome: { run: ({ training }) => training.stopped },
  trainLoss: ofTraining("trainLoss", "nats"),
  trainAccuracy: ofTraining("trainAccuracy", "fraction"),
  testLoss: ofTraining("testLoss", "nats"),
  testAccuracy: ofTraining("testAccuracy", "fraction"),
  gradientNorm: { run: ({ training }) => training.gradientNorm },
  weightNorm: ofTraining("weightNorm"),
  distance: { run: ({ training }) => training.distance },
  trainingSeconds: { unit: "s", run: ({ training }) => training.seconds },
};

/** What a measure has beside its estimate, in a column of its own where any value has it. */
const DETAILS: Readonly<Record<string, keyof Measurement>> = {
  " standard error": "standardError",
  " residual": "residual",
  " converged": "converged",
};

/**
 * One row a run, in the order given: how training ended, losses in nats, accuracies as fractions,
 * Euclidean norms, wall time in seconds, and for every measure its estimate, its standard error, and
 * an eigenvalue's residual and whether it has converged; what no run has is no column.
 */
export function runsTable(runs: readonly RunResult[]): ColumnTable {
  const columns = columnsOf("run");
  for (const text of new Set(runs.flatMap(({ measures }) => Object.keys(measures)))) {
    columns[text] = ({ measures }) => measures[text]?.estimate ?? null;
    for (const [suffix, key] of Object.entries(DETAILS)) {
      const detail = ({ measures }: RunResult): unknown => measures[text]?.[key] ?? null;
      if (runs.some((run) => detail(run) !== null)) columns[text + suffix] = detail;
    }
  }
  return tableOf(columns, runs);
}

/** A study's runs as CSV, one row a run and stop, units in the header in brackets. */
export function runsCsv(runs: readonly RunResult[]): string {
  const named = runsTable(runs);
  const texts = new Set(runs.flatMap(({ measures }) => Object.keys(measures)));
  const unitOf = (name: string): string | undefined => {
    const text = name.replace(/ (standard error|residual)$/, "");
    return texts.has(text) ? openMeasure(text).unit : COLUMNS[name]?.unit;
  };
  const names = named.columnNames().map((name) => {
    const unit = unitOf(name);
    return [name, unit === undefined ? name : `${name} [${unit}]`] as const;
  });
  // One line end: readers take an empty line for one more row.
  return named.rename(Object.fromEntries(names)).toCSV().trimEnd() + "\n";
}

/** One row a cell: means over its seeds, the ends of their intervals, how training ended. */
export function cellsTable(cells: readonly CellSummary[]): ColumnTable {
  const { residual, unresolved, ...columns } = columnsOf("cell");
  const isEigenvalue = cells.some((cell) => cell.residual !== null);
  return tableOf({ ...columns, ...(isEigenvalue && { residual, unresolved }) }, cells);
}

/** A column's name as a heading: "pooled low", "train loss (nats)". */
export function columnTitle(name: string): string {
  const words = /^[a-z]+([A-Z][a-z]+)*$/.test(name)
    ? name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    : name;
  const unit = COLUMNS[name]?.unit;
  return unit === undefined ? words : `${words} (${unit})`;
}

/** A table with its columns even where there are no rows. */
export function tableOf<Row>(columns: Columns<Row>, rows: readonly Row[]): ColumnTable {
  return table(Object.entries(columns).map(([name, valueOf]) => [name, rows.map(valueOf)]));
}

function columnsOf<K extends "run" | "cell">(
  kind: K,
): Columns<Parameters<NonNullable<Column[K]>>[0]> {
  return Object.fromEntries(
    Object.entries(COLUMNS).flatMap(([name, column]) => {
      const valueOf = column[kind];
      return valueOf === undefined ? [] : [[name, valueOf as (row: never) => unknown]];
    }),
  ) as Columns<Parameters<NonNullable<Column[K]>>[0]>;
}
