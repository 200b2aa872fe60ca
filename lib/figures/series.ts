/**
 * The marks of one optimizer in a sharpness panel: means, both intervals, single seeds.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import type { PublishedCell } from "~/lib/findings.ts";
import type { CellSummary, Interval } from "~/lib/results.ts";
import { CAP } from "~/lib/figures/plot.ts";
import { markSymbol } from "~/lib/figures/symbols.ts";
import type { OptimizerStyle } from "~/lib/figures/theme.ts";

/** The cells of one optimizer and effect by ascending value, and their place beside the tick. */
export interface Series {
  readonly optimizer: string;
  readonly style: OptimizerStyle;
  readonly cells: readonly CellSummary[];
  /** Where a cell stands along the axis. */
  readonly valueOf: (cell: CellSummary) => number;
  /** Of the same optimizer and effect. */
  readonly published: readonly PublishedCell[];
  /** Pixels by which means, seeds and pooled intervals stand beside their value. */
  readonly shift: { readonly mean: number; readonly seeds: number; readonly pooled: number };
}

/** A cell whose runs all diverged: it has no mean. */
export function isLost({ seeds, diverged }: CellSummary): boolean {
  return seeds.length > 0 && diverged.length === seeds.length;
}

/**
 * Two series stand back to back, pooled intervals inside, seeds outside: 12 batch sizes leave 27
 * pixels for the pair. More stand in a row with seeds and pooled intervals on their means. Without
 * intervals over seeds the pooled ones take their place.
 */
export function shiftOf(
  index: number,
  { count, hasSeedIntervals }: { count: number; hasSeedIntervals: boolean },
): Series["shift"] {
  const side = index === 0 ? -1 : 1;
  const place = Math.min(8, 24 / count) * (index - (count - 1) / 2);
  const shift = count === 1
    ? { mean: 0, seeds: -7, pooled: 6 }
    : count === 2
    ? { mean: 5.5 * side, seeds: 10.5 * side, pooled: 1.25 * side }
    : { mean: place, seeds: place, pooled: place };
  return hasSeedIntervals ? shift : { ...shift, pooled: shift.mean };
}

/** Marks of a series' measure; `bottom` is where its axis begins. */
export function sharpnessMarks(
  { style, cells, shift, valueOf }: Series,
  { bottom, isPooledShown }: { bottom: number; isPooledShown: boolean },
): Plot.Markish[] {
  const { color: stroke, slug } = style;
  const measured = cells.filter(({ value }) => value !== null);
  const seeds = measured.filter(({ bySeed }) => bySeed.length > 1).flatMap((cell) =>
    cell.bySeed.flatMap(({ value }) => value === null ? [] : [{ x: valueOf(cell), y: value }])
  );
  return [
    Plot.line(cells, {
      x: valueOf,
      y: (cell: CellSummary) => cell.value?.mean,
      dx: shift.mean,
      className: `${slug}-line-through-means`,
      stroke,
      strokeOpacity: 0.4,
      ...(style.dash === undefined ? {} : { strokeDasharray: style.dash }),
    }),
    whisker(isPooledShown ? measured : [], (cell) => cell.value?.pooledInterval, {
      valueOf,
      bottom,
      dx: shift.pooled,
      className: `${slug}-pooled-interval`,
      stroke,
      strokeWidth: 1,
      strokeOpacity: 0.6,
      r: 1.5,
    }),
    Plot.dot(seeds, {
      x: "x",
      y: "y",
      dx: shift.seeds,
      className: `${slug}-one-seed`,
      r: 1.5,
      fill: stroke,
      fillOpacity: 0.75,
    }),
    whisker(measured, (cell) => cell.value?.interval, {
      valueOf,
      bottom,
      dx: shift.mean,
      className: `${slug}-t-interval-over-seeds`,
      stroke,
      strokeWidth: 2,
      strokeOpacity: 1,
      r: 3,
    }),
    means(measured, {
      style,
      x: valueOf,
      dx: shift.mean,
      y: (cell) => cell.value?.mean,
      className: `${slug}-mean-sharpness`,
    }),
    Plot.text(cells.filter(isLost), {
      x: valueOf,
      frameAnchor: "top",
      dy: 6,
      dx: shift.mean,
      className: `${slug}-diverged`,
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
  { style: { color, symbol }, ...place }: {
    style: OptimizerStyle;
    x: (cell: CellSummary) => number;
    dx: number;
    className: string;
    y: (cell: CellSummary) => number | null | undefined;
  },
): Plot.Dot {
  return Plot.dot(cells, {
    ...place,
    r: 3,
    symbol: markSymbol(symbol),
    fill: ({ unconverged }: CellSummary) => unconverged.length > 0 ? "#fff" : color,
    stroke: color,
    strokeWidth: 1.5,
  });
}

/** Vertical strokes with caps; an end below the axis (a logarithmic one ends above 0) has none. */
function whisker(
  cells: readonly CellSummary[],
  intervalOf: (cell: CellSummary) => Interval | null | undefined,
  { valueOf, bottom, r, ...style }: {
    valueOf: (cell: CellSummary) => number;
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
    return interval ? [{ x: valueOf(cell), low: interval[0], high: interval[1] }] : [];
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
