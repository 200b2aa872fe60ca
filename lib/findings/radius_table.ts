/**
 * How sharpness grows with the radius, as a table.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import { type Columns, type RunResult, summariseCells, tableOf } from "~/lib/results.ts";
import { measureNamed, type Study } from "~/lib/study.ts";

/**
 * One row a cell: the means over seeds of its radius curve in nats, radius by radius, and the
 * exponents p of `mean = c r^p` between the first two and the last two radii. It is 2 where the rise
 * is one of second order; null where a mean is not above 0.
 *
 * @param runs Of one stop. Cells without a radius curve are left out.
 */
export function radiusTable(study: Study, runs: readonly RunResult[]): ColumnTable {
  const text = measureNamed(study, "radius-curve") ?? "";
  const rows = summariseCells(study, runs, text).flatMap((cell) => {
    const curves = cell.bySeed.flatMap(({ run }) => {
      const curve = run.measures[text]?.curve;
      return Array.isArray(curve) ? [curve as { radius: number; mean: number }[]] : [];
    });
    const points = curves[0]?.map(({ radius }, i) => ({
      radius,
      mean: curves.reduce((sum, curve) => sum + curve[i]!.mean, 0) / curves.length,
    }));
    return points === undefined ? [] : [{ cell, points, seeds: curves.length }];
  });
  const columns: Columns<typeof rows[number]> = {
    optimizer: ({ cell }) => cell.optimizer,
    learningRate: ({ cell }) => cell.learningRate,
    batchSize: ({ cell }) => cell.batchSize,
    seeds: ({ seeds }) => seeds,
  };
  const radii = rows[0]?.points.map(({ radius }) => radius) ?? [];
  for (const [i, radius] of radii.entries()) {
    columns[`r = ${radius}`] = ({ points }) => points[i]!.mean;
  }
  for (const [from, to] of radii.length < 2 ? [] : [[0, 1], [-2, -1]] as const) {
    columns[`exponent ${radii.at(from)} to ${radii.at(to)}`] = ({ points }) => {
      const [a, b] = [points.at(from)!, points.at(to)!];
      const isAbove = a.mean > 0 && b.mean > 0;
      return isAbove ? Math.log(b.mean / a.mean) / Math.log(b.radius / a.radius) : null;
    };
  }
  return tableOf(columns, rows);
}
