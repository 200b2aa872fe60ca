/**
 * A study's cells as tables for people.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import { significant, unitAfter } from "~/lib/files/numbers.ts";
import { formatEstimate } from "~/lib/findings/words.ts";
import { parseMeasure } from "~/lib/measure.ts";
import {
  type CellSummary,
  type Columns,
  distinctCells,
  type Runs,
  summariseCells,
  tableOf,
} from "~/lib/results.ts";
import { meanInterval } from "~/lib/statistics.ts";
import { EFFECTS, mainMeasure, type Study } from "~/lib/study.ts";

/**
 * Columns of cells that have results: where they stand, the measure with its 95 % t interval over
 * seeds to the digits that this leaves meaning, how far training got.
 */
export function cellColumns(study: Study): Columns<CellSummary> {
  const { label, unit } = parseMeasure(mainMeasure(study));
  const name = label + unitAfter("name", unit);
  return {
    optimizer: ({ optimizer }) => optimizer,
    ...Object.fromEntries(
      study.grid.effects.flatMap((effect) => effect === "pairs" ? FACTORS : effect)
        .map((effect) => [EFFECTS[effect].label, EFFECTS[effect].valueOf]),
    ),
    [`${name}, 95 % interval`]: ({ value }) => formatEstimate(value) || "none",
    "training loss (nats)": ({ trainLoss }) => trainLoss?.toFixed(2) ?? null,
    "test accuracy (%)": ({ testAccuracy }) =>
      testAccuracy === null ? null : (testAccuracy * 100).toFixed(1),
    epochs: ({ epochs }) => epochs?.toFixed(0) ?? null,
    seeds: ({ seeds }) => seeds.length,
  };
}

const FACTORS = ["learning-rate", "batch-size"] as const;

/** What became of a cell's seeds, where it is not that all have a value; else nothing. */
export function cellNote({ diverged, unconverged }: CellSummary): string {
  return [
    diverged.length > 0 && `${diverged.length} diverged`,
    unconverged.length > 0 && "stop not reached",
  ].filter(Boolean).join(", ");
}

/**
 * How sharpness grows with the radius, one row a cell: the mean rise over seeds at the least and the
 * greatest radius of its curve, and the exponents p of `mean = c r^p` between the first two and the last
 * two radii. It is 2 where the rise is one of second order; empty where a mean is not above 0.
 *
 * @param runs Of one stop. Cells without a radius curve are left out; one of two effects stands once.
 */
export function radiusTable(study: Study, runs: Runs): ColumnTable {
  const rows = distinctCells(summariseCells(study, runs)).map((cell) => {
    const curves = cell.runs.flatMap(({ measures }) =>
      Object.values(measures).flatMap(({ curve }) =>
        curve === undefined ? [] : [curve as { radius: number; mean: number }[]]
      )
    );
    const points = (curves[0] ?? []).map(({ radius }, i) => (
      { radius, mean: meanInterval(curves.map((curve) => curve[i]!.mean)).mean }
    ));
    return { ...cell, points };
  }).filter(({ points }) => points.length > 1);
  type Row = typeof rows[0];
  const radii = rows[0]?.points.map(({ radius }) => radius) ?? [];
  const rise = (at: number): Columns<Row> => ({
    [`rise at r = ${radii.at(at)} (nats)`]: ({ points }) => significant(points.at(at)!.mean, 2),
  });
  const exponent = (from: number, to: number): Columns<Row> => ({
    [`exponent from r = ${radii.at(from)} to ${radii.at(to)}`]: ({ points }) => {
      const [a, b] = [points.at(from)!, points.at(to)!];
      const power = Math.log(b.mean / a.mean) / Math.log(b.radius / a.radius);
      return a.mean > 0 && b.mean > 0 ? power.toFixed(2) : "";
    },
  });
  return tableOf<Row>({
    optimizer: ({ optimizer }) => optimizer,
    "learning rate": ({ learningRate }) => learningRate,
    "batch size (images)": ({ batchSize }) => batchSize,
    ...(rows.length === 0
      ? {}
      : { ...rise(0), ...rise(-1), ...exponent(0, 1), ...exponent(-2, -1) }),
  }, rows);
}
