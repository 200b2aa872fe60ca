/**
 * Sharpness, or another measure, against the effects of a study.
 *
 * @module
 */
import {
  cellLayers,
  describeCells,
  meanLayers,
  measureAxis,
  placeOf,
} from "~/lib/figures/cells.ts";
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Layer, Panel } from "~/lib/figures/figure.ts";
import { INK, optimizerStyles } from "~/lib/figures/theme.ts";
import { capitalize } from "~/lib/files/text.ts";
import { PUBLISHED_PROTOCOL, publishedCells } from "~/lib/findings.ts";
import { openMeasure } from "~/lib/measure.ts";
import { type CellSummary, type RunResult, summariseCells } from "~/lib/results.ts";
import { type EffectName, EFFECTS, effectValue, type Study } from "~/lib/study.ts";

/** Which part of a study a figure shows. */
export interface PlotResultsOptions {
  readonly effect: EffectName;
  readonly optimizer: string;
  /** Canonical text of what is shown; default: the study's first measure. */
  readonly measure?: string;
}

/** How published values look beside ours. */
export const PUBLISHED: Partial<Layer> = {
  ...{ legend: "published", color: INK.published, radius: 5, width: 1 },
};

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
  { effect, optimizer, measure }: PlotResultsOptions,
): Figure {
  const cells = summariseCells(study, runs, measure)
    .filter((cell) => cell.effect === effect && cell.optimizer === optimizer);
  if (cells.length === 0) {
    throw new RangeError(
      "Cannot plot the study as effect and optimizer must be in its grid " +
        `(${[...study.grid.effects, ...study.grid.optimizers].join(", ")}): ` +
        `current values are ${effect} and ${optimizer}`,
    );
  }
  const name = `${effect}-${optimizerStyles([optimizer]).get(optimizer)!.slug}`;
  return resultsFigure(
    study,
    cells,
    name,
    cellLayers(study, cells, "pooled", ({ value }) => (
      { y: value?.mean ?? NaN, interval: value?.pooledInterval ?? null }
    ), { legend: "original's interval, seeds × directions", radius: 0, width: 5, opacity: 0.3 }),
  );
}

/**
 * Sharpness against each effect of the study, panels side by side, the optimizers in each: the
 * counterpart of the original's `plot_results_2`.
 *
 * @param runs Of one stop, in any order; cells without a result stay empty.
 */
export function plotResults2(
  study: Study,
  runs: readonly RunResult[],
  { measure }: Pick<PlotResultsOptions, "measure"> = {},
): Figure {
  const name = measure === undefined ? "sharpness" : openMeasure(measure).name;
  return resultsFigure(study, summariseCells(study, runs, measure), name);
}

function resultsFigure(
  study: Study,
  cells: readonly CellSummary[],
  name: string,
  beneath: readonly Layer[] = [],
): Figure {
  const measure = cells[0]?.measure ?? "sharpness";
  const published = publishedCells(study, measure);
  const groups = [...Map.groupBy(cells, ({ effect }) => effect)];
  const panels = groups.map(([effect, own]): Panel => {
    const theirs = own.flatMap((cell) => {
      const one = published.find((other) =>
        other.effect === effect && other.optimizer === cell.optimizer &&
        other.value === effectValue(cell)
      );
      return one === undefined ? [] : [{ ...cell, ...one }];
    });
    const { axis, heading } = placeOf(study, effect);
    return {
      ...{ heading, x: axis, y: measureAxis(measure) },
      layers: [
        ...cellLayers(study, theirs, "published", ({ mean, halfWidth }) => (
          { y: mean, interval: [mean - halfWidth, mean + halfWidth] }
        ), PUBLISHED),
        ...beneath,
        ...meanLayers(study, own),
      ],
    };
  });
  const losses = groups.map(([effect, own]): Panel => ({
    ...{ heading: "Training loss", x: placeOf(study, effect).axis, height: 90 },
    y: { label: "Full-set\nloss (nats)" },
    layers: cellLayers(study, own, "mean-training-loss", ({ trainLoss, unconverged }) => (
      { y: trainLoss ?? NaN, isPale: unconverged.length > 0 }
    )),
  }));
  const hasPublished = panels.some(({ layers }) =>
    layers.some(({ legend }) => legend === PUBLISHED.legend)
  );
  return compose({
    name,
    title: `${capitalize(openMeasure(measure).label)} against ` +
      groups.map(([effect]) => EFFECTS[effect].label).join(" and "),
    panels: [...panels, ...losses],
    caption: describeCells(study, cells) +
      (hasPublished ? ` Published: n = 6 seeds, at ${PUBLISHED_PROTOCOL.stop}.` : ""),
  });
}
