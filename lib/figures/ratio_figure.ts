/**
 * Both effects on one axis: a measure against learning rate / batch size.
 *
 * @module
 */
import { describeCells, meanLayers, measureAxis } from "~/lib/figures/cells.ts";
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Layer, Panel } from "~/lib/figures/figure.ts";
import { lighten } from "~/lib/figures/theme.ts";
import { type CellSummary, type RunResult, summariseCells } from "~/lib/results.ts";
import { EFFECTS, type Study } from "~/lib/study.ts";

/** Draws every cell at its learning rate / batch size, a panel an optimizer. */
export function plotRatio(
  study: Study,
  runs: readonly RunResult[],
  measure?: string,
): Figure {
  const cells = summariseCells(study, runs, measure);
  const xOf = EFFECTS.pairs.valueOf;
  const layersOf = (own: readonly CellSummary[]): Layer[] => {
    const { label, name, symbol } = EFFECTS[own[0]!.effect];
    const style = { symbol, shift: 0, legend: `by ${label}` };
    return meanLayers(study, own, xOf).map((layer) => ({
      ...{ ...layer, ...(layer.kind === "points" ? style : {}), shift: 0 },
      name: layer.name.replace("mean", name),
      color: lighten(layer.color!, name === "batch-size" ? 0.45 : 0),
    }));
  };
  // Pairs of one ratio lie on one another: each is named by its batch size.
  const sizes = (own: readonly CellSummary[]): Layer => ({
    ...{ kind: "texts", name: "size" },
    rows: own.filter(({ effect, value }) => effect === "pairs" && value !== null)
      .map((cell) => ({ x: xOf(cell), y: cell.value!.mean, text: String(cell.batchSize) })),
  });
  return compose({
    name: "ratio",
    title: "Both effects on one axis",
    panels: [...Map.groupBy(cells, ({ optimizer }) => optimizer)].map((
      [optimizer, own],
    ): Panel => ({
      heading: optimizer,
      x: { label: "Learning rate / batch size (1/images)", scale: "log" },
      y: measureAxis(cells[0]?.measure ?? "sharpness"),
      layers: [
        ...[...Map.groupBy(own, ({ effect }) => effect).values()].flatMap(layersOf),
        sizes(own),
      ],
    })),
    caption:
      `${describeCells(study, cells)} Were the noise of the gradient all that counts, cells of ` +
      "equal learning rate / batch size would be equally sharp.",
  });
}
