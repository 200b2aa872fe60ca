/**
 * How sharpness grows with the radius, as a table.
 *
 * @module
 */
import { type ColumnTable, table } from "arquero";
import { type RunResult, summariseCells } from "~/lib/results.ts";
import { measureNamed, type Study } from "~/lib/study.ts";

/** A point of `radius-curve`'s value. */
interface CurvePoint {
  readonly radius: number;
  readonly mean: number;
}

/**
 * One row a cell: the means over seeds of its radius curve in nats, radius by radius, and the
 * exponents p of `mean = c r^p` between the first two and the last two radii. It is 2 where the rise
 * is one of second order; null where a mean is not above 0.
 *
 * @param runs Of one stop. Cells without a radius curve are left out.
 */
export function radiusTable(study: Study, runs: readonly RunResult[]): ColumnTable {
  const text = measureNamed(study, "radius-curve");
  const rows = text === undefined ? [] : summariseCells(study, runs, text).flatMap((cell) => {
    const curves = cell.bySeed.flatMap(({ run }) => {
      const curve = run.measures[text]?.curve;
      return Array.isArray(curve) ? [curve as CurvePoint[]] : [];
    });
    if (curves.length === 0) return [];
    const points = curves[0]!.map(({ radius }, place): CurvePoint => ({
      radius,
      mean: curves.reduce((sum, curve) => sum + curve[place]!.mean, 0) / curves.length,
    }));
    const { optimizer, learningRate, batchSize } = cell;
    return [{ optimizer, learningRate, batchSize, seeds: curves.length, points }];
  });
  const radii = rows[0]?.points.map(({ radius }) => radius) ?? [];
  const ends: [number, number][] = radii.length < 2 ? [] : [[0, 1], [-2, -1]];
  return table([
    ...(["optimizer", "learningRate", "batchSize", "seeds"] as const).map((name) =>
      [name, rows.map((row) => row[name])] as [string, unknown[]]
    ),
    ...radii.map((radius, place): [string, unknown[]] => [
      `r = ${radius}`,
      rows.map(({ points }) => points[place]!.mean),
    ]),
    ...ends.map(([from, to]): [string, unknown[]] => [
      `exponent ${radii.at(from)} to ${radii.at(to)}`,
      rows.map(({ points }) => exponent(points.at(from)!, points.at(to)!)),
    ]),
  ]);
}

function exponent(from: CurvePoint, to: CurvePoint): number | null {
  if (!(from.mean > 0 && to.mean > 0)) return null;
  return Math.log(to.mean / from.mean) / Math.log(to.radius / from.radius);
}
