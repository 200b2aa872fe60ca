/**
 * A measure along every trajectory: against the full-set loss, or against learning rate x updates.
 *
 * @module
 */
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Axis, Layer, LegendItem, Panel } from "~/lib/figures/figure.ts";
import { rampOf } from "~/lib/figures/theme.ts";
import { measureAxis, placeOf } from "~/lib/figures/words.ts";
import { plural } from "~/lib/files/numbers.ts";
import { capitalize } from "~/lib/files/text.ts";
import { type Curve, CURVE_MEASURE, type CurvePoint, listCurves } from "~/lib/findings.ts";
import { openMeasure } from "~/lib/measure.ts";
import type { TrajectoryRecord } from "~/lib/results.ts";
import { type EffectName, EFFECTS, type Study } from "~/lib/study.ts";

/** What the curves show, and where. */
export interface CurvesOptions {
  /** What stands along the axis; default the full-set loss. */
  readonly against?: "loss" | "learning-time";
  /** A measure's text; default the antithetic sharpness. */
  readonly measure?: string;
}

const AGAINST: Record<
  NonNullable<CurvesOptions["against"]>,
  { readonly words: string; readonly axis: Axis; x(point: CurvePoint): number }
> = {
  loss: {
    words: "full-set training loss",
    axis: { label: "Full-set loss (nats), falling →", isFalling: true, room: 44 },
    x: ({ trainLoss }) => trainLoss,
  },
  "learning-time": {
    words: "learning rate × updates",
    axis: { label: "Learning rate × updates", scale: "log", room: 44 },
    x: ({ learningTime }) => learningTime,
  },
};

/**
 * Draws one line a trajectory through its networks, a panel for each effect and optimizer, with a
 * dot where the study's first stop is.
 *
 * @param records In any order; trajectories without a network that has the measure are left out, and
 * so are effects without any.
 */
export function plotCurves(
  study: Study,
  records: readonly TrajectoryRecord[],
  { against = "loss", measure = CURVE_MEASURE }: CurvesOptions = {},
): Figure {
  const curves = listCurves(study, records, { measure });
  const effects = study.grid.effects.filter((name) => curves.some((c) => c.cell.effect === name));
  const { optimizers } = study.grid;
  const suffix = measure === CURVE_MEASURE ? "" : `-${measure.replace(/[^\w-]+/g, "_")}`;
  return compose({
    name: `curves${against === "loss" ? "" : `-${against}`}${suffix}`,
    title: `${capitalize(openMeasure(measure).label)} along training, against ` +
      AGAINST[against].words,
    panels: effects.flatMap((effect) =>
      optimizers.map((optimizer) =>
        curvesPanel(study, curves, { effect, optimizer, measure, against })
      )
    ),
    legend: effects.map((effect) => rampLegend(study, effect)),
    caption: describeCurves(study, curves),
    isNarrow: true,
  });
}

/** The curves of one effect and optimizer, coloured by the effect's value and named at their ends. */
export function curvesPanel(
  study: Study,
  all: readonly Curve[],
  { effect, optimizer, measure, against = "loss" }: CurvesOptions & {
    readonly effect: EffectName;
    readonly optimizer: string;
    readonly measure: string;
  },
): Panel {
  const { axis: { values = [], format = String }, valueOf } = placeOf(study, effect);
  const colors = rampOf(values);
  const { axis, x } = AGAINST[against];
  const rows = all.filter(({ cell }) => cell.effect === effect && cell.optimizer === optimizer)
    .flatMap(({ cell, points }, z) =>
      points.map((point, i) => ({
        ...{ x: x(point), y: point.value, z, color: colors.get(valueOf(cell))! },
        ...{ text: format(valueOf(cell)), atStop: point.atStop },
        isLast: i === points.length - 1,
      }))
    );
  const ends = rows.filter(({ isLast }) => isLast);
  const outer = [ends[0], ends.at(-1)].flatMap((end) => end ?? []);
  const layer = (kind: Layer["kind"], name: string, own: Layer["rows"]): Layer => (
    { kind, name, rows: own, opacity: 0.85, width: 1.25, radius: 2 }
  );
  return {
    heading: `${EFFECTS[effect].label}s, ${optimizer}`.replace(/^./, (c) => c.toUpperCase()),
    x: axis,
    y: measureAxis(measure),
    layers: [
      layer("lines", "curve", rows),
      layer("points", "curve-stop", rows.filter(({ atStop }) => atStop)),
      {
        ...{ kind: "texts", name: "curve-value", anchor: "start", shift: 6 },
        rows: [...outer, ...ends],
      },
    ],
  };
}

/** The colours of an effect's values. */
export function rampLegend(study: Study, effect: EffectName): LegendItem {
  const { axis: { values = [], format = String } } = placeOf(study, effect);
  const [first, last] = [values[0] ?? NaN, values.at(-1) ?? NaN];
  return {
    label: `${capitalize(EFFECTS[effect].label)} ${format(first)}`,
    ramp: { colors: [...rampOf(values).values()], to: format(last) },
  };
}

/** What curves are, with their numbers. */
export function describeCurves(study: Study, curves: readonly Curve[]): string {
  if (curves.length === 0) return "No trajectory has a network with this measure.";
  const seeds = new Set(curves.map(({ seed }) => seed)).size;
  // The base cell's trajectories belong to both effects.
  const distinct = new Set(
    curves.map(({ cell: { effect: _, ...cell }, seed }) => JSON.stringify({ ...cell, seed })),
  );
  const count = distinct.size === 1 ? "1 trajectory" : `${distinct.size} trajectories`;
  const { directions } = curves[0]!;
  return `One line a trajectory through its networks; dots: at the stop ${study.stops[0]}. ` +
    `${count}, n = ${plural(seeds, "seed")}` +
    `${directions ? `, the first K = ${directions} directions` : ""}. ` +
    `The loss is that of all ${plural(study.images, "training image")}.`;
}
