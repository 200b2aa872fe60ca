/**
 * What tables' columns are called where people read them, with units.
 *
 * @module
 */
import type { RunResult } from "~/lib/results/run_result.ts";
import { isMeasure, runsTable } from "~/lib/results/tables.ts";

/** Units of columns that are no measures. */
const UNITS: Readonly<Record<string, string>> = {
  batchSize: "images",
  trainLoss: "nats",
  testLoss: "nats",
  trainAccuracy: "fraction",
  testAccuracy: "fraction",
  trainingSeconds: "s",
};

/** A column's name as a heading: "pooled low", "train loss (nats)". */
export function columnTitle(name: string): string {
  const words = /^[a-z]+([A-Z][a-z]+)*$/.test(name)
    ? name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
    : name;
  return name in UNITS ? `${words} (${UNITS[name]})` : words;
}

/** A study's runs as CSV, one row a run and stop, units in the header in brackets. */
export function runsCsv(
  results: readonly RunResult[],
  unitOf: (measure: string) => string,
): string {
  const runs = runsTable(results);
  const names = Object.fromEntries(
    runs.columnNames().map((name) => {
      const unit = UNITS[name] ??
        (isMeasure(name) ? unitOf(name.replace(/ standard error$/, "")) : undefined);
      return [name, unit === undefined ? name : `${name} [${unit}]`];
    }),
  );
  return runs.rename(names).toCSV() + "\n";
}
