/**
 * Results as Arquero tables and CSV.
 *
 * @module
 */
import { type ColumnTable, table } from "arquero";
import { parseMeasure } from "~/lib/measure.ts";
import type { RunResult, Runs } from "~/lib/results/runs.ts";

/** A table's columns in order, each with what it takes from a row. */
export type Columns<Row> = Record<string, (row: Row) => unknown>;

/** Every column of runs but those of measures, with its unit. */
const RUN: Readonly<Record<string, [of: (run: RunResult) => unknown, unit?: string]>> = {
  optimizer: [({ config }) => config.optimizer],
  learningRate: [({ config }) => config.learningRate],
  batchSize: [({ config }) => config.batchSize, "images"],
  seed: [({ config }) => config.seed],
  stop: [({ stop }) => stop],
  epochs: [({ training }) => training.epochs],
  outcome: [({ training }) => training.stopped],
  trainLoss: [({ network }) => network?.trainLoss, "nats"],
  trainAccuracy: [({ network }) => network?.trainAccuracy, "fraction"],
  testLoss: [({ network }) => network?.testLoss, "nats"],
  testAccuracy: [({ network }) => network?.testAccuracy, "fraction"],
  gradientNorm: [({ network }) => network?.gradientNorm],
  weightNorm: [({ network }) => network?.weightNorm],
  distance: [({ network }) => network?.distance],
  trainingSeconds: [({ training }) => training.seconds, "s"],
};

/**
 * A study's runs as CSV, one row a run and stop, units in the header in brackets: how training ended,
 * losses, accuracies, norms, and of every measure the estimate, its standard error, and an eigenvalue's
 * residual and whether it has converged; what no run has is no column.
 */
export function runsCsv(runs: Runs): string {
  const columns: Columns<RunResult> = {};
  const add = (name: string, of: (run: RunResult) => unknown, unit?: string): void => {
    columns[unit === undefined ? name : `${name} [${unit}]`] = of;
  };
  for (const [name, [of, unit]] of Object.entries(RUN)) add(name, of, unit);
  for (const text of new Set(runs.flatMap(({ measures }) => Object.keys(measures)))) {
    const { unit } = parseMeasure(text);
    add(text, ({ measures }) => measures[text]?.estimate ?? null, unit);
    const details = [["standard error", "standardError", unit], ["residual", "residual", unit]];
    for (const [suffix, key, unit] of [...details, ["converged", "converged"]]) {
      const of = ({ measures }: RunResult): unknown => measures[text]?.[key!] ?? null;
      if (runs.some((run) => of(run) !== null)) add(`${text} ${suffix}`, of, unit);
    }
  }
  return tableOf(columns, runs).toCSV();
}

/** A table with its columns even where there are no rows. */
export function tableOf<Row>(columns: Columns<Row>, rows: readonly Row[]): ColumnTable {
  return table(Object.entries(columns).map(([name, valueOf]) => [name, rows.map(valueOf)]));
}
