/**
 * The marks of one optimizer in a sharpness panel: means, both intervals, single seeds.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { type CellSummary, effectValue, type Interval } from "~/lib/results.ts";
import { CAP } from "~/lib/figures/plot.ts";
import { OPTIMIZER_COLOR, OPTIMIZER_SYMBOL } from "~/lib/figures/theme.ts";
import type { OptimizerName } from "~/lib/optimizer.ts";

/** The cells of one optimizer and effect by ascending value, and their place beside the tick. */
export interface Series {
  readonly optimizer: OptimizerName;
  readonly cells: readonly CellSummary[];
  /** Pixels by which means, seeds and pooled intervals stand beside their value. */
  readonly shift: { readonly mean: number; readonly seeds: number; readonly pooled: number };
}

/** A cell whose runs all diverged: it has no mean. */
export function isLost({ seeds, diverged }: CellSummary): boolean {
  return seeds.length > 0 && diverged.length === seeds.length;
}

/**
 * Two series stand back to back, pooled intervals inside, seeds outside: 12 batch sizes leave 27
 * pixels for the pair. Without intervals over seeds the pooled ones take their place.
 */
export function shiftOf(
  index: number,
  { count, hasSeedIntervals }: { count: number; hasSeedIntervals: boolean },
): Series["shift"] {
  const side = index === 0 ? -1 : 1;
  const shift = count === 1
    ? { mean: 0, seeds: -7, pooled: 6 }
    : { mean: 5.5 * side, seeds: 10.5 * side, pooled: 1.25 * side };
  return hasSeedIntervals ? shift : { ...shift, pooled: shift.mean };
}

/** Marks of a series' sharpness; `bottom` is where the sharpness axis begins, in nats. */
export function sharpnessMarks(
  { optimizer, cells, shift }: Series,
  { bottom }: { bottom: number },
): Plot.Markish[] {
  const stroke = OPTIMIZER_COLOR[optimizer];
  const measured = cells.filter(({ sharpness }) => sharpness !== null);
  const seeds = measured.filter(({ bySeed }) => bySeed.length > 1).flatMap((cell) =>
    cell.bySeed.flatMap(({ sharpness }) =>
      sharpness === null ? [] : [{ x: effectValue(cell), y: sharpness }]
    )
  );
  return [
    Plot.line(cells, {
      x: effectValue,
      y: (cell: CellSummary) => cell.sharpness?.mean,
      dx: shift.mean,
      className: `${optimizer}-line-through-means`,
      stroke,
      strokeOpacity: 0.4,
    }),
    whisker(measured, (cell) => cell.sharpness?.pooledInterval, {
      bottom,
      dx: shift.pooled,
      className: `${optimizer}-pooled-interval`,
      stroke,
      strokeWidth: 1,
      strokeOpacity: 0.6,
      r: 1.5,
    }),
    Plot.dot(seeds, {
      x: "x",
      y: "y",
      dx: shift.seeds,
      className: `${optimizer}-one-seed`,
      r: 1.5,
      fill: stroke,
      fillOpacity: 0.75,
    }),
    whisker(measured, (cell) => cell.sharpness?.interval, {
      bottom,
      dx: shift.mean,
      className: `${optimizer}-t-interval-over-seeds`,
      stroke,
      strokeWidth: 2,
      strokeOpacity: 1,
      r: 3,
    }),
    means(measured, {
      optimizer,
      dx: shift.mean,
      y: (cell) => cell.sharpness?.mean,
      className: `${optimizer}-mean-sharpness`,
    }),
    Plot.text(cells.filter(isLost), {
      x: effectValue,
      frameAnchor: "top",
      dy: 6,
      dx: shift.mean,
      className: `${optimizer}-diverged`,
      text: () => "× diverged",
      rotate: -90,
      textAnchor: "end",
      fill: stroke,
      stroke: "#fff",
    }),
  ].flat();
}

/** A marker a cell, hollow where the epoch limit stopped a run. */
export function means(
  cells: readonly CellSummary[],
  { optimizer, ...place }: {
    optimizer: OptimizerName;
    dx: number;
    className: string;
    y: (cell: CellSummary) => number | null | undefined;
  },
): Plot.Dot {
  const color = OPTIMIZER_COLOR[optimizer];
  return Plot.dot(cells, {
    x: effectValue,
    ...place,
    r: 3,
    symbol: OPTIMIZER_SYMBOL[optimizer],
    fill: ({ unconverged }: CellSummary) => unconverged.length > 0 ? "#fff" : color,
    stroke: color,
    strokeWidth: 1.5,
  });
}

/** Vertical strokes with caps; an end below the axis (a logarithmic one ends above 0) has none. */
function whisker(
  cells: readonly CellSummary[],
  intervalOf: (cell: CellSummary) => Interval | null | undefined,
  { bottom, r, ...style }: {
    bottom: number;
    dx: number;
    className: string;
    r: number;
    stroke: string;
    strokeWidth: number;
    strokeOpacity: number;
  },
): Plot.Markish[] {
  const rows = cells.flatMap((cell) => {
    const interval = intervalOf(cell);
    return interval ? [{ x: effectValue(cell), low: interval[0], high: interval[1] }] : [];
  });
  const ends = rows.flatMap(({ x, low, high }) => [{ x, y: low }, { x, y: high }]);
  return [
    Plot.ruleX(rows, {
      x: "x",
      y1: (row: typeof rows[number]) => Math.max(row.low, bottom),
      y2: "high",
      ...style,
    }),
    Plot.dot(ends.filter(({ y }) => y >= bottom), { x: "x", y: "y", r, symbol: CAP, ...style }),
  ];
}
