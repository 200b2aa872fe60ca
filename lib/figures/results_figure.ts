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
import { capitalize } from "~/lib/files/text.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { type RunResult, summariseCells } from "~/lib/results.ts";
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
