/**
 * The edge of stability among cells: where 2 / learning rate lies.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { INK } from "~/lib/figures/theme.ts";
import { openMeasure } from "~/lib/measure.ts";
import { type CellSummary, effectValue } from "~/lib/results.ts";

/** 2 / learning rate at a place on an effect's axis, in nats per unit^2. */
export interface EdgeLinePoint {
  readonly value: number;
  readonly edge: number;
}

/**
 * The line that the largest eigenvalue of full-batch SGD without momentum is bound by, by ascending
 * value; empty for other measures, and for pairs, where a value has several learning rates.
 */
export function edgeLine(cells: readonly CellSummary[]): EdgeLinePoint[] {
  const shown = cells.filter(({ measure, effect }) =>
    effect !== "pairs" && openMeasure(measure).name === "lambda-max"
  );
  const byValue = new Map(shown.map((cell) => [effectValue(cell), 2 / cell.learningRate]));
  return [...byValue].map(([value, edge]) => ({ value, edge })).sort((a, b) => a.value - b.value);
}

/** The line, dashed. */
export function edgeMark(points: readonly EdgeLinePoint[]): Plot.Markish {
  return Plot.line(points, {
    x: "value",
    y: "edge",
    className: "edge",
    stroke: INK.muted,
    strokeDasharray: "5 3",
  });
}
