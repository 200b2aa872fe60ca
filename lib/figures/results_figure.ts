/**
 * Sharpness, or another measure, against the effects of a study.
 *
 * @module
 */
import {
  cellLayers,
  describeCells,
  effectPanels,
  meanLayers,
  measureAxis,
  throughPoints,
} from "~/lib/figures/cells.ts";
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Layer, Panel } from "~/lib/figures/figure.ts";
import { lighten } from "~/lib/figures/theme.ts";
import { capitalize } from "~/lib/files/text.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { type CellSummary, type RunResult, summariseCells } from "~/lib/results.ts";
import { meanInterval } from "~/lib/statistics.ts";
import { type EffectName, EFFECTS, type Study } from "~/lib/study.ts";

/**
 * Sharpness against one effect for one optimizer, with the original's intervals, and how far training
 * got: the counterpart of the original's `plot_results`.
 *
 * @param runs Of one stop, in any order; cells without a result stay empty.
 * @throws {RangeError} If the effect or optimizer is not in the study's grid.
 */
export function plotResults(
  study: Study,
  runs: readonly RunResult[],
  { effect, optimizer, measure }: {
    readonly effect: EffectName;
    readonly optimizer: string;
    readonly measure?: string;
  },
): Figure {
  const { effects, optimizers } = study.grid;
  if (!effects.includes(effect) || !optimizers.includes(optimizer)) {
    throw new RangeError(
      "Cannot plot the study as effect and optimizer must be in its grid " +
        `(${[...effects, ...optimizers].join(", ")}): ` +
        `current values are ${effect} and ${optimizer}`,
    );
  }
  const grid = { ...study.grid, effects: [effect], optimizers: [optimizer] };
  return plotResults2({ ...study, grid }, runs, measure);
}

/**
 * Sharpness against each effect of the study, the optimizers in each panel, and how far training got:
 * the counterpart of the original's `plot_results_2`. The original's intervals stand under those of a
 * single optimizer.
 *
 * @param runs Of one stop, in any order; cells without a result stay empty.
 * @param measure Canonical text; default: the study's first measure.
 */
export function plotResults2(
  study: Study,
  runs: readonly RunResult[],
  measure?: string,
): Figure {
  const cells = summariseCells(study, runs, measure);
  const { name, label } = parseMeasure(cells[0]?.measure ?? "sharpness");
  const { optimizers, effects } = study.grid;
  return compose({
    name: measure === undefined ? "sharpness" : name,
    title: `${capitalize(label)} against ` +
      effects.map((effect) => EFFECTS[effect].label).join(" and "),
    panels: [
      ...effectPanels(study, cells, measureAxis(cells[0]?.measure ?? "sharpness"), (own) => [
        ...cellLayers(study, optimizers.length === 1 ? own : [], "pooled", ({ value }) => (
          { y: value?.mean ?? NaN, interval: value?.pooledInterval ?? null }
        ), { legend: "seeds × directions pooled", radius: 0, width: 5, opacity: 0.3 }),
        ...meanLayers(study, own),
      ]),
      ...effectPanels(
        study,
        cells,
        { label: "Full-set\nloss (nats)" },
        (own) =>
          cellLayers(study, own, "mean-training-loss", ({ trainLoss, unconverged }) => (
            { y: trainLoss ?? NaN, isPale: unconverged.length > 0 }
          )),
      ).map((panel) => ({ ...panel, heading: "Training loss", height: 90 })),
    ],
    caption: describeCells(study, cells),
  });
}

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

/**
 * Draws the norm of all weights against each effect, the optimizers in each panel: means over seeds.
 *
 * @param runs Of one stop, in any order; cells without a result stay empty.
 */
export function plotNorms(study: Study, runs: readonly RunResult[]): Figure {
  const cells = summariseCells(study, runs);
  return compose({
    name: "norms",
    title: "Norm of the weights",
    panels: effectPanels(study, cells, { label: "|w|", scale: "log" }, (own) => {
      const means = cellLayers(study, own, "norm", ({ bySeed }) => {
        const norms = bySeed.flatMap(({ run: { training } }) =>
          training.stopped === "diverged" ? [] : training.weightNorm ?? []
        );
        return { y: norms.length === 0 ? NaN : meanInterval(norms).mean };
      });
      return [...throughPoints(means), ...means];
    }),
    caption: `Means over seeds of the networks at the stop ${study.stops[0]}.`,
  });
}
