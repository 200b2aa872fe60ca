/**
 * The study's figures, listed and written.
 *
 * @module
 */
import { join } from "node:path";
import { plotCurves } from "~/lib/figures/curves_figure.ts";
import { COLUMN, type Layout, PAGE } from "~/lib/figures/layout.ts";
import { renderPdf } from "~/lib/figures/pdf.ts";
import { renderPng } from "~/lib/figures/png.ts";
import { plotPublished } from "~/lib/figures/published_figure.ts";
import { plotRanks } from "~/lib/figures/rank_figure.ts";
import { plotRatio } from "~/lib/figures/ratio_figure.ts";
import { plotResults, plotResults2 } from "~/lib/figures/sharpness_figure.ts";
import type { Figure } from "~/lib/figures/stack.ts";
import { trainingLossFigure } from "~/lib/figures/training_figure.ts";
import { writeWhole } from "~/lib/files/files.ts";
import { comparePublished, listCurves, rankMeasures } from "~/lib/findings.ts";
import { type RunResult, runsAt, summariseCells, type TrajectoryRecord } from "~/lib/results.ts";
import { measureNamed, type Study } from "~/lib/study.ts";

/** Training loss of every run against its epochs, a panel for each effect and optimizer. */
export function plotTrainingLoss(study: Study, results: readonly RunResult[]): Figure {
  return trainingLossFigure(study, results);
}

/**
 * All figures of a study: the main ones, each effect for each optimizer, training losses.
 *
 * @param records In any order; what is missing stays empty, and says so.
 */
export function listFigures(study: Study, records: readonly TrajectoryRecord[]): Figure[] {
  return [...mainFigures(study, records)(PAGE), ...otherFigures(study, records)];
}

/** The main figures without title and caption, at the width of a paper's column. */
export function listColumnFigures(study: Study, records: readonly TrajectoryRecord[]): Figure[] {
  return forColumn(mainFigures(study, records)(COLUMN));
}

/**
 * Writes all figures of a study as SVG and PNG, and the main ones also for a paper's column as SVG,
 * PDF and PNG of 300 dots an inch; each file whole or not at all.
 *
 * @param directory Made if it is not there.
 * @returns The paths written, the figure of sharpness first.
 * @throws {Error} If a file cannot be written.
 */
export async function writeFigures(
  study: Study,
  records: readonly TrajectoryRecord[],
  directory: string,
): Promise<string[]> {
  const paths: string[] = [];
  const write = async (name: string, content: string | Uint8Array<ArrayBuffer>): Promise<void> => {
    const path = join(directory, name);
    await writeWhole(path, content);
    paths.push(path);
  };
  const draw = mainFigures(study, records);
  for (const figure of [...draw(PAGE), ...otherFigures(study, records)]) {
    await write(`${figure.name}.svg`, figure.svg);
    await write(`${figure.name}.png`, renderPng(figure));
  }
  for (const figure of forColumn(draw(COLUMN))) {
    await write(`${figure.name}.svg`, figure.svg);
    await write(`${figure.name}.pdf`, await renderPdf(figure));
    await write(`${figure.name}.png`, renderPng(figure));
  }
  return paths;
}

/** Draws the main figures that have something to show, sharpness always, from results read once. */
function mainFigures(
  study: Study,
  records: readonly TrajectoryRecord[],
): (layout: Layout) => Figure[] {
  const runs = runsAt(study, records);
  const cells = summariseCells(study, runs);
  const comparisons = comparePublished(study, records);
  const ranks = rankMeasures(study, runs);
  const eigenvalue = measureNamed(study, "lambda-max");
  const hasCurves = listCurves(study, records).some(({ points }) => points.length > 1);
  return (layout) => [
    plotResults2(study, runs, { layout }),
    ...(comparisons.some(({ ours }) => ours)
      ? [plotPublished(study, comparisons, { layout })]
      : []),
    ...(hasCurves
      ? [
        plotCurves(study, records, { layout }),
        plotCurves(study, records, { layout, against: "learning-time" }),
      ]
      : []),
    ...(eigenvalue !== undefined && runs.some(({ measures }) => eigenvalue in measures)
      ? [plotResults2(study, runs, { measure: eigenvalue, layout })]
      : []),
    ...(cells.some(({ value }) => value) ? [plotRatio(study, runs, { layout })] : []),
    ...(ranks.length > 0 ? [plotRanks(study, ranks, { layout })] : []),
  ];
}

function otherFigures(study: Study, records: readonly TrajectoryRecord[]): Figure[] {
  const { effects, optimizers } = study.grid;
  const runs = runsAt(study, records);
  return [
    ...effects.flatMap((effect) =>
      optimizers.map((optimizer) => plotResults(study, runs, { effect, optimizer }))
    ),
    plotTrainingLoss(study, runs),
  ];
}

function forColumn(figures: readonly Figure[]): Figure[] {
  return figures.map((figure) => ({ ...figure, name: `${figure.name}.column` }));
}
