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
const RUN: Columns<RunResult> = {
  optimizer: ({ config }) => config.optimizer,
  learningRate: ({ config }) => config.learningRate,
  "batchSize [images]": ({ config }) => config.batchSize,
  seed: ({ config }) => config.seed,
  stop: ({ stop }) => stop,
  epochs: ({ training }) => training.epochs,
  outcome: ({ training }) => training.stopped,
  "trainLoss [nats]": ({ network }) => network?.trainLoss,
  "trainAccuracy [fraction]": ({ network }) => network?.trainAccuracy,
  "testLoss [nats]": ({ network }) => network?.testLoss,
  "testAccuracy [fraction]": ({ network }) => network?.testAccuracy,
  gradientNorm: ({ network }) => network?.gradientNorm,
  weightNorm: ({ network }) => network?.weightNorm,
  distance: ({ network }) => network?.distance,
  "trainingSeconds [s]": ({ training }) => training.seconds,
};

/**
 * A study's runs as CSV, one row a run and stop, units in the header in brackets: how training ended,
 * losses, accuracies, norms, and of every measure the estimate, its standard error, and an eigenvalue's
 * residual; what no run has is no column.
 */
export function runsCsv(runs: Runs): string {
  const columns = { ...RUN };
  for (const text of new Set(runs.flatMap(({ measures }) => Object.keys(measures)))) {
    const { unit } = parseMeasure(text);
    const details = {
      [`${text} [${unit}]`]: "estimate",
      [`${text} standard error [${unit}]`]: "standardError",
      [`${text} residual [${unit}]`]: "residual",
    };
    for (const [name, key] of Object.entries(details)) {
      const of = ({ measures }: RunResult): unknown => measures[text]?.[key] ?? null;
      if (runs.some((run) => of(run) !== null)) columns[name] = of;
    }
  }
  return tableOf(columns, runs).toCSV();
}

/** A table with its columns even where there are no rows. */
export function tableOf<Row>(columns: Columns<Row>, rows: readonly Row[]): ColumnTable {
  return table(Object.entries(columns).map(([name, valueOf]) => [name, rows.map(valueOf)]));
}
