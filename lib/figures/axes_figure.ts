/**
 * Sharpness where learning rate and batch size are varied at once, against what may explain it.
 *
 * @module
 */
import { describeCells, measureAxis } from "~/lib/figures/cells.ts";
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Axis, Layer, Panel } from "~/lib/figures/figure.ts";
import { rampOf, SYMBOLS } from "~/lib/figures/theme.ts";
import { scientific } from "~/lib/files/numbers.ts";
import { type CellSummary, type RunResult, summariseCells } from "~/lib/results.ts";
import { EFFECTS, effectValue, type Study } from "~/lib/study.ts";

/** Where a cell stands in each panel. */
const AXES: readonly (Axis & { readonly xOf: (cell: CellSummary) => number })[] = [
  { label: EFFECTS.pairs.axis, scale: "log", xOf: effectValue },
  { label: "Learning rate", scale: "log", xOf: ({ learningRate }) => learningRate },
  { label: "Full-set loss (nats)", xOf: ({ trainLoss }) => trainLoss ?? NaN },
];

/**
 * Draws a measure of every cell three times: against learning rate / batch size, the learning rate and
 * the loss at the stop. What explains it lies on one line.
 *
 * @param runs Of one stop.
 */
export function plotAxes(study: Study, runs: readonly RunResult[], measure?: string): Figure {
  const cells = summariseCells(study, runs, measure);
  const rates = [...new Set(cells.map(({ learningRate }) => learningRate))].sort((a, b) => a - b);
  const sizes = [...new Set(cells.map(({ batchSize }) => batchSize))].sort((a, b) => a - b);
  const colors = rampOf(rates);
  const [from, to] = [rates[0] ?? 0, rates.at(-1) ?? 0].map(scientific);
  return compose({
    name: "axes",
    title: "Learning rate and batch size at once",
    panels: AXES.map(({ xOf, ...axis }): Panel => ({
      x: axis,
      y: measureAxis(cells[0]?.measure ?? "sharpness"),
      layers: sizes.map((size, i): Layer => ({
        ...{ kind: "points", name: `batch-${size}`, legend: `Batch size ${size}`, radius: 4 },
        symbol: SYMBOLS[i % SYMBOLS.length]!,
        rows: cells.filter(({ batchSize }) => batchSize === size).map((cell) => ({
          ...{ x: xOf(cell), y: cell.value?.mean ?? NaN, interval: cell.value?.interval ?? null },
          ...{ color: colors.get(cell.learningRate)!, isPale: cell.unconverged.length > 0 },
        })),
      })).concat({
        // The colours' legend stands once, on marks that are there already.
        ...{ kind: "lines", name: "rate", rows: [] },
        legend: { from: `Learning rate ${from}`, to: to!, colors: [...colors.values()] },
      }),
    })),
    caption: describeCells(study, cells),
  });
}
