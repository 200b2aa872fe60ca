/**
 * A measure along every trajectory, against the full-set loss; and beside the published study.
 *
 * @module
 */
import { effectAxis, measureAxis } from "~/lib/figures/cells.ts";
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Panel, Ramp } from "~/lib/figures/figure.ts";
import { describePublished, publishedPanels } from "~/lib/figures/published_figure.ts";
import { rampOf } from "~/lib/figures/theme.ts";
import { plural } from "~/lib/files/numbers.ts";
import { capitalize } from "~/lib/files/text.ts";
import {
  comparePublished,
  type Curve,
  CURVE_MEASURE,
  leadMeasure,
  listCurves,
} from "~/lib/findings.ts";
import { parseMeasure } from "~/lib/measure.ts";
import type { TrajectoryRecord } from "~/lib/results.ts";
import { type EffectName, EFFECTS, type Study } from "~/lib/study.ts";

/**
 * Draws one line a trajectory through its networks, a panel for each effect and optimizer, with a
 * dot at the study's first stop.
 *
 * @param records In any order; trajectories without a network that has the measure are left out.
 * @param options `measure`: its text; default the antithetic sharpness.
 */
export function plotCurves(
  study: Study,
  records: readonly TrajectoryRecord[],
  { measure = CURVE_MEASURE }: { readonly measure?: string } = {},
): Figure {
  const curves = listCurves(study, records, { measure });
  return compose({
    name: measure === CURVE_MEASURE ? "curves" : `curves-${measure.replace(/[^\w-]+/g, "_")}`,
    title: `${capitalize(parseMeasure(measure).label)} along training`,
    panels: study.grid.effects.flatMap((effect) =>
      study.grid.optimizers.flatMap((optimizer) =>
        curvesPanel(study, curves, { effect, optimizer, measure })
      )
    ),
    caption: describeCurves(study, curves),
    isNarrow: true,
  });
}

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

/** The curves of one effect and optimizer, coloured by value and named at their ends; none without any. */
function curvesPanel(
  study: Study,
  curves: readonly Curve[],
  { effect, optimizer, measure }: { effect: EffectName; optimizer: string; measure: string },
): Panel[] {
  const { values, valueOf, format } = effectAxis(study, effect);
  const colors = rampOf(values);
  const own = curves.filter(({ cell }) => cell.effect === effect && cell.optimizer === optimizer);
  if (own.length === 0) return [];
  const lines = own.map(({ cell, points }, z) =>
    points.map(({ trainLoss, value, atStop }) => (
      { x: trainLoss, y: value, z, atStop, color: colors.get(valueOf(cell))! }
    ))
  );
  const rows = lines.flat();
  // Each value at the end of its longest line.
  const names = values.flatMap((value) => {
    const ends = lines.filter((_, i) => valueOf(own[i]!.cell) === value)
      .flatMap((line) => line.at(-1) ?? []).sort((a, b) => a.x - b.x);
    return ends.slice(0, 1).map((end) => ({ ...end, text: format(value) }));
  });
  const outer = [names[0], names.at(-1)].flatMap((end) => end ?? []);
  return [{
    heading: `${capitalize(EFFECTS[effect].label)}, ${optimizer}`,
    x: { label: "Full-set loss (nats) →", isFalling: true, room: 30 },
    y: measureAxis(measure),
    layers: [
      { kind: "lines", name: "curve", rows, width: 1.25, legend: rampOfValues(study, effect) },
      { kind: "points", name: "curve-stop", rows: rows.filter((row) => row.atStop), radius: 2 },
      { kind: "texts", name: "curve-value", rows: [...new Set([...outer, ...names])] },
    ],
  }];
}

/** The colours of an effect's values. */
export function rampOfValues(study: Study, effect: EffectName): Ramp {
  const { values, format } = effectAxis(study, effect);
  const [from, to] = [values[0], values.at(-1)].map((value) => format(value ?? NaN));
  const colors = [...rampOf(values).values()];
  return { from: `${capitalize(EFFECTS[effect].label)} ${from}`, to: to!, colors };
}

/** What curves are, with their numbers. */
function describeCurves(study: Study, curves: readonly Curve[]): string {
  if (curves.length === 0) return "No trajectory has a network with this measure.";
  const seeds = new Set(curves.map(({ seed }) => seed)).size;
  const { directions } = curves[0]!;
  return "One line a trajectory through its networks, a dot where it met the stop " +
    `${study.stops[0]}; n = ${plural(seeds, "seed")}` +
    (directions ? `, the first K = ${directions} directions` : "") +
    `; the loss is that of all ${plural(study.images, "training image")}.`;
}
