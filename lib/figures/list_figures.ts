/**
 * The study's figures: sharpness against each effect, and training losses, as SVG and PNG.
 *
 * @module
 */
import { join } from "node:path";
import { type CellSummary, summariseCells } from "~/lib/results.ts";
import { writeWhole } from "~/lib/files/files.ts";
import { sharpnessCaption } from "~/lib/figures/caption.ts";
import { legend, sharpnessLegend } from "~/lib/figures/legend.ts";
import { renderPng } from "~/lib/figures/png.ts";
import { sharpnessPanels } from "~/lib/figures/sharpness_panel.ts";
import { type Figure, stack } from "~/lib/figures/stack.ts";
import { optimizerStyles } from "~/lib/figures/theme.ts";
import { otherFactor } from "~/lib/findings.ts";
import { trainingLossFigure } from "~/lib/figures/training_figure.ts";
import { type RunResult, runsAt, type TrajectoryRecord } from "~/lib/results.ts";
import type { Effect, Study } from "~/lib/study.ts";

/** Which part of a study a figure shows. */
export interface PlotResultsOptions {
  /** What stands along the axis. */
  readonly effect: Effect;
  /** Whose cells are shown. */
  readonly optimizer: string;
}

/** Pixels: 12 batch sizes stand 27 apart. */
const FRAME_WIDTH = 324;

/**
 * Sharpness against one effect for one optimizer, with both intervals and, below, how far training
 * got: the counterpart of the original's `plot_results`.
 *
 * @param results In any order; cells without a result stay empty.
 * @throws {RangeError} If the effect or optimizer is not in the study's grid.
 */
export function plotResults(
  study: Study,
  results: readonly RunResult[],
  { effect, optimizer }: PlotResultsOptions,
): Figure {
  const { effects, optimizers } = study.grid;
  checkMember("effect", effect, effects);
  checkMember("optimizer", optimizer, optimizers);
  const cells = summariseCells(study, results)
    .filter((cell) => cell.effect === effect && cell.optimizer === optimizer);
  return sharpnessFigure(study, cells, {
    name: `${effect}-${optimizerStyles([optimizer]).get(optimizer)!.slug}`,
    title: `Sharpness against ${effect.replace("-", " ")}, ${optimizer}`,
    effects: [effect],
    optimizers: [optimizer],
  });
}

/**
 * Sharpness against each effect of the study, panels side by side, the optimizers in each: the
 * counterpart of the original's `plot_results_2`.
 *
 * @param results In any order; cells without a result stay empty.
 */
export function plotResults2(study: Study, results: readonly RunResult[]): Figure {
  const { effects, optimizers } = study.grid;
  return sharpnessFigure(study, summariseCells(study, results), {
    name: "sharpness",
    title: "Sharpness against " +
      effects.map((effect) => effect.replace("-", " ")).join(" and "),
    effects,
    optimizers,
  });
}

/** Training loss of every run against its epochs, a panel for each effect and optimizer. */
export function plotTrainingLoss(study: Study, results: readonly RunResult[]): Figure {
  return trainingLossFigure(study, results);
}

/** All figures of a study: both panels, each effect for each optimizer, training losses. */
export function listFigures(study: Study, results: readonly RunResult[]): Figure[] {
  const { effects, optimizers } = study.grid;
  return [
    plotResults2(study, results),
    ...effects.flatMap((effect) =>
      optimizers.map((optimizer) => plotResults(study, results, { effect, optimizer }))
    ),
    plotTrainingLoss(study, results),
  ];
}

/**
 * Writes all figures of a study as SVG and PNG, each file whole or not at all.
 *
 * @param directory Made if it is not there.
 * @returns The paths written.
 * @throws {Error} If a file cannot be written.
 */
export async function writeFigures(
  study: Study,
  records: readonly TrajectoryRecord[],
  directory: string,
): Promise<string[]> {
  const paths: string[] = [];
  for (const figure of listFigures(study, runsAt(study, records))) {
    const path = join(directory, figure.name);
    await writeWhole(`${path}.svg`, figure.svg);
    await writeWhole(`${path}.png`, renderPng(figure));
    paths.push(`${path}.svg`, `${path}.png`);
  }
  return paths;
}

function sharpnessFigure(
  study: Study,
  cells: readonly CellSummary[],
  { effects, optimizers, ...names }: {
    name: string;
    title: string;
    effects: readonly Effect[];
    optimizers: readonly string[];
  },
): Figure {
  const all = optimizerStyles(study.grid.optimizers);
  const styles = new Map([...all].filter(([optimizer]) => optimizers.includes(optimizer)));
  const contents = effects.map((effect) => ({
    effect,
    heading: headingOf(study, effect),
  }));
  const panels = sharpnessPanels(cells, contents, {
    styles,
    frameWidth: FRAME_WIDTH,
    measure: cells[0]?.measure ?? "sharpness",
    classes: study.sizes.at(-1)!,
  });
  const marks = legend(sharpnessLegend(cells, styles), panels.width);
  return stack([marks, panels], { ...names, caption: sharpnessCaption(study, cells) });
}

/** "Learning rate, at batch size 128". */
function headingOf(study: Study, effect: Effect): string {
  const name = {
    "learning-rate": "Learning rate",
    "batch-size": "Batch size",
    pairs: "lr / batch",
  };
  return `${name[effect]}, ${effect === "pairs" ? "" : "at "}${otherFactor(study, effect)}`;
}

function checkMember(name: string, value: string, members: readonly string[]): void {
  if (!members.includes(value)) {
    throw new RangeError(
      `Cannot plot the study as ${name} must be one of its ${name}s (${members.join(", ")}): ` +
        `current value is ${value}`,
    );
  }
}
