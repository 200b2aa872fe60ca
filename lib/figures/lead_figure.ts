/**
 * The study in one figure: a replication, and sharpness against loss along training.
 *
 * @module
 */
import { compose, type Figure } from "~/lib/figures/compose.ts";
import { curvesPanel, describeCurves } from "~/lib/figures/curves_figure.ts";
import { describePublished, publishedPanels } from "~/lib/figures/published_figure.ts";
import { comparePublished, CURVE_MEASURE, leadMeasure, listCurves } from "~/lib/findings.ts";
import type { TrajectoryRecord } from "~/lib/results.ts";
import type { Study } from "~/lib/study.ts";

/**
 * Draws ours beside the published sharpness, a panel an effect, and the first optimizer's sharpness
 * along training: lines on one another differ in how far training got, lines apart in the minimum.
 *
 * @param records In any order; panels without data are left out.
 */
export function plotLead(study: Study, records: readonly TrajectoryRecord[]): Figure {
  const compared = comparePublished(study, records);
  const [optimizer = ""] = study.grid.optimizers;
  // The scale-free measure where as many networks along training have it.
  const { measure, curves } = [leadMeasure().text, CURVE_MEASURE].map((measure) => {
    const curves = listCurves(study, records, { measure })
      .filter(({ cell, points }) => cell.optimizer === optimizer && points.length > 1);
    return { measure, curves, count: curves.flatMap(({ points }) => points).length };
  }).reduce((best, other) => other.count > best.count ? other : best);
  const replication = publishedPanels(study, compared, { isRatio: false });
  return compose({
    name: "lead",
    title: "Is it the minimum that differs, or how far training got?",
    panels: [
      ...replication,
      ...study.grid.effects.toReversed().flatMap((effect) =>
        curvesPanel(study, curves, { effect, optimizer, measure })
      ),
    ],
    caption: [
      replication.length > 0 &&
      `Above: the published study again. ${describePublished(compared)}`,
      curves.length > 0 &&
      "Below: lines on one another differ in how far training got, lines apart in the minimum. " +
        describeCurves(study, curves),
    ].filter((sentence) => sentence !== false).join(" "),
    isNarrow: true,
  });
}
