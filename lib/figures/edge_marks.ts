/**
 * The edge of stability among cells: where 2 / learning rate lies.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { INK } from "~/lib/figures/theme.ts";
import { openMeasure } from "~/lib/measure.ts";
import { type CellSummary } from "~/lib/results.ts";
import { effectValue } from "~/lib/study.ts";

/** Straight pieces of the line between two neighbouring values. */
const PIECES = 16;

/** 2 / learning rate at a place on an effect's axis, in nats per unit^2. */
export interface EdgeLinePoint {
  readonly value: number;
  readonly edge: number;
}

/**
 * The line that the largest eigenvalue of full-batch SGD without momentum is bound by, by ascending
 * value; empty for other measures, for pairs, where a value has several learning rates, and for one
 * value, which is no line.
 */
export function edgeLine(cells: readonly CellSummary[]): EdgeLinePoint[] {
  const shown = cells.filter(({ measure, effect }) =>
    effect !== "pairs" && openMeasure(measure).name === "lambda-max"
  );
  const byValue = new Map(shown.map((cell) => [effectValue(cell), 2 / cell.learningRate]));
  if (byValue.size < 2) return [];
  return [...byValue].map(([value, edge]) => ({ value, edge })).sort((a, b) => a.value - b.value);
}

/** The line, dashed: straight where both axes are logarithmic, and right where they are not. */
export function edgeMark(points: readonly EdgeLinePoint[]): Plot.Markish {
  const line = points.flatMap((from, i) => {
    const to = points[i + 1];
    if (to === undefined) return [from];
    return Array.from({ length: PIECES }, (_, k) => ({
      value: from.value * (to.value / from.value) ** (k / PIECES),
      edge: from.edge * (to.edge / from.edge) ** (k / PIECES),
    }));
  });
  return Plot.line(line, {
    x: "value",
    y: "edge",
    className: "edge",
    stroke: INK.muted,
    strokeDasharray: "5 3",
  });
}
