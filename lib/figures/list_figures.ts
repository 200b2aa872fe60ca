/**
 * The study's figures, listed and written.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Figure, forColumn } from "~/lib/figures/compose.ts";
import { plotEigenvalues, plotRatio, plotResults2 } from "~/lib/figures/effects_figures.ts";
import { plotLevels, plotPublished, plotRanks } from "~/lib/figures/findings_figures.ts";
import { plotDensities, plotField, plotLines } from "~/lib/figures/landscape_figures.ts";
import { renderPdf, renderPng } from "~/lib/figures/render.ts";
import { plotCurves, plotLead, plotTrainingLoss } from "~/lib/figures/training_figures.ts";
import { writeWhole } from "~/lib/files/files.ts";
import { scientific } from "~/lib/files/numbers.ts";
import { comparePublished, listFindings, rankMeasures } from "~/lib/findings.ts";
import { LINES, PLANES, readPicture } from "~/lib/landscape.ts";
import { locateStop, type Records, runsAt } from "~/lib/results.ts";
import type { Study } from "~/lib/study.ts";

/**
 * All figures of a study that have a mark to show, and sharpness always. A new one is a file and a
 * line here; `deno task reproduce` draws it, and again with `--preset quick`.
 *
 * @param records What is missing stays empty, and says so.
 */
export function listFigures(study: Study, records: Records): Figure[] {
  const runs = runsAt(study, records);
  const targets = ["gap", "test error"] as const;
  return [
    plotLead(study, records),
    plotResults2(study, runs),
    plotPublished(study, comparePublished(study, records)),
    plotCurves(study, records),
    plotLevels(study, listFindings(study, records)),
    plotEigenvalues(study, records),
    plotRatio(study, runs),
    plotRanks(study, targets.flatMap((target) => rankMeasures(study, runs, target))),
    plotTrainingLoss(study, runs),
  ].filter(({ name, panels }) =>
    name === "sharpness" ||
    panels.flatMap(({ layers }) => layers).some(({ kind, rows }) =>
      kind === "points" && rows.some(({ y }) => !Number.isNaN(y))
    )
  );
}

/**
 * The figures of what was surveyed around a study's networks: lines between them, planes around them,
 * and the spectral densities that records have at the first stop; those without data are left out.
 *
 * @param results Where landscapes are kept.
 */
export async function listPictures(
  study: Study,
  records: Records,
  results: string,
): Promise<Figure[]> {
  const [lines, planes] = await Promise.all([LINES, PLANES].map(async (pictures) => {
    const found = await Promise.all(pictures.map((picture) => readPicture(picture, results)));
    return pictures.flatMap(({ heading }, i) => found[i] ? [{ heading, found: found[i] }] : []);
  }));
  const densities = records.flatMap(({ content }) => {
    const { optimizer, learningRate, batchSize, seed } = content.trajectory;
    const epoch = locateStop(study, study.stops[0]!, content)?.epoch;
    const value = content.networks.find((network) => network.epoch === epoch)?.measures
      .find(({ probes }) => probes !== undefined);
    const name = `${optimizer}, rate ${scientific(learningRate)}, batch ${batchSize}`;
    return value === undefined || seed !== 0 ? [] : [{ name, value }];
  });
  return [
    ...(lines!.length > 0 ? [plotLines(lines!)] : []),
    ...(planes!.length > 0 ? [plotField(planes!)] : []),
    ...(densities.length > 0 ? [plotDensities(densities)] : []),
  ];
}

/**
 * Writes all figures of a study as SVG and PNG, for a paper's column also as PDF, each file whole or
 * not at all. Those whose SVG is there already are left as they are: it is written last.
 *
 * @param directory Made if it is not there.
 * @param more Figures beside those of `listFigures`.
 * @returns The paths, the first figure's SVG first.
 * @throws {Error} If a file cannot be written.
 */
export async function writeFigures(
  study: Study,
  records: Records,
  directory: string,
  more: readonly Figure[] = [],
): Promise<string[]> {
  const figures = [...listFigures(study, records), ...more];
  // Side by side: the library rasterises outside this thread.
  const written = await Promise.allSettled(
    [...figures, ...figures.map(forColumn)].map((figure) => writeFigure(figure, directory)),
  );
  return written.flatMap((outcome) => {
    if (outcome.status === "rejected") throw outcome.reason;
    return outcome.value;
  });
}

async function writeFigure(figure: Figure, directory: string): Promise<string[]> {
  const pathOf = (kind: string): string => join(directory, `${figure.name}.${kind}`);
  const kinds = figure.inches === undefined ? ["svg", "png"] : ["svg", "png", "pdf"];
  const paths = kinds.map(pathOf);
  const there = await Deno.readTextFile(paths[0]!).catch(() => undefined);
  if (there === figure.svg && paths.every((path) => existsSync(path))) return paths;
  await writeWhole(pathOf("png"), await renderPng(figure));
  if (figure.inches !== undefined) await writeWhole(pathOf("pdf"), await renderPdf(figure));
  await writeWhole(pathOf("svg"), figure.svg);
  return paths;
}
