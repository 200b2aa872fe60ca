/**
 * How sharpness grows with the radius, as a table.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import { significant } from "~/lib/files/numbers.ts";
import { type Columns, type RunResult, summariseCells, tableOf } from "~/lib/results.ts";
import { meanInterval } from "~/lib/statistics.ts";
import { measureNamed, type Study } from "~/lib/study.ts";

/**
 * One row a cell: the mean rise over seeds at the least and the greatest radius of its curve, and the
 * exponents p of `mean = c r^p` between the first two and the last two radii. It is 2 where the rise
 * is one of second order; empty where a mean is not above 0.
 *
 * @param runs Of one stop. Cells without a radius curve are left out; one of two effects stands once.
 */
export function radiusTable(study: Study, runs: readonly RunResult[]): ColumnTable {
  const text = measureNamed(study, "radius-curve");
  const cells = text === undefined ? [] : summariseCells(study, runs, text);
  const rows = new Map(cells.flatMap((cell) => {
    const curves = cell.bySeed.flatMap(({ run }) => {
      const curve = run.measures[text!]?.curve;
      return Array.isArray(curve) ? [curve as { radius: number; mean: number }[]] : [];
    });
    const points = (curves[0] ?? []).map(({ radius }, i) => (
      { radius, mean: meanInterval(curves.map((curve) => curve[i]!.mean)).mean }
    ));
    const { optimizer, learningRate, batchSize } = cell;
    const row = { optimizer, learningRate, batchSize, points };
    return points.length < 2 ? [] : [[`${optimizer} ${learningRate} ${batchSize}`, row] as const];
  }));
  type Row = Parameters<typeof rows.set>[1];
  const columns: Columns<Row> = {
    optimizer: ({ optimizer }) => optimizer,
    learningRate: ({ learningRate }) => learningRate,
    batchSize: ({ batchSize }) => batchSize,
  };
  const [first] = rows.values();
  if (first !== undefined) {
    const radii = first.points.map(({ radius }) => radius);
    for (const at of [0, -1]) {
      columns[`rise at r = ${radii.at(at)} (nats)`] = ({ points }) =>
        significant(points.at(at)!.mean, 2);
    }
    for (const [from, to] of [[0, 1], [-2, -1]] as const) {
      columns[`exponent from r = ${radii.at(from)} to ${radii.at(to)}`] = ({ points }) => {
        const [a, b] = [points.at(from)!, points.at(to)!];
        const exponent = Math.log(b.mean / a.mean) / Math.log(b.radius / a.radius);
        return a.mean > 0 && b.mean > 0 ? exponent.toFixed(2) : "";
      };
    }
  }
  return tableOf(columns, [...rows.values()]);
}
