/**
 * A measure along every trajectory: against the full-set loss, or against learning rate x updates.
 *
 * @module
 */
import { formatLogTick, formatTick, valueAxis } from "~/lib/figures/axis.ts";
import { curveMarks, curvesLegend, levelMark, valueStyles } from "~/lib/figures/curve_marks.ts";
import { type Layout, PAGE } from "~/lib/figures/layout.ts";
import { measureLabel } from "~/lib/figures/measure_axis.ts";
import { LETTERS, placeOf } from "~/lib/figures/place.ts";
import { type Figure, rows, stack } from "~/lib/figures/stack.ts";
import type { Piece } from "~/lib/figures/svg.ts";
import { decadeTicks, extent, padded } from "~/lib/figures/ticks.ts";
import { type PanelAxis, xyPanel } from "~/lib/figures/xy_panel.ts";
import { plural } from "~/lib/files/numbers.ts";
import { capitalize } from "~/lib/files/text.ts";
import { commonLevel, CURVE_MEASURE, type CurvePoint, listCurves } from "~/lib/findings.ts";
import { openMeasure } from "~/lib/measure.ts";
import type { TrajectoryRecord } from "~/lib/results.ts";
import { listCells, type Study } from "~/lib/study.ts";

/** What the curves show, and where. */
export interface CurvesOptions {
  /** What stands along the axis; default the full-set loss. */
  readonly against?: "loss" | "learning-time";
  /** A measure's text; default the antithetic sharpness. */
  readonly measure?: string;
  /** Default: for a page. */
  readonly layout?: Layout;
}

const AGAINST = {
  loss: {
    name: "curves",
    words: "full-set training loss",
    x: (point: CurvePoint) => point.trainLoss,
    label: ["Full-set loss (nats), falling →", "Full-set loss (nats)"],
  },
  "learning-time": {
    name: "curves-learning-time",
    words: "learning rate × updates",
    x: (point: CurvePoint) => point.learningTime,
    label: ["Learning rate × updates", "lr × updates"],
  },
} as const;

/**
 * Draws one line a trajectory through its networks, a panel for each effect and optimizer; the
 * network at the study's first stop stands out.
 *
 * @param records In any order; trajectories without a network that has the measure are left out, and
 * so are effects without any.
 */
export function plotCurves(
  study: Study,
  records: readonly TrajectoryRecord[],
  { against = "loss", measure = CURVE_MEASURE, layout = PAGE }: CurvesOptions = {},
): Figure {
  const { optimizers } = study.grid;
  const curves = listCurves(study, records, { measure });
  const seen = study.grid.effects.filter((each) => curves.some(({ cell }) => cell.effect === each));
  const effects = seen.length > 0 ? seen : study.grid.effects;
  const { name, words, x, label } = AGAINST[against];
  const scale = against === "loss" ? lossScale : timeScale;
  const horizontal = {
    ...scale(curves.flatMap((curve) => curve.points.map(x))),
    label: [label[layout.isWhole ? 0 : 1]],
  };
  // Half as wide a frame where two have to stand in a column.
  const frame = layout.isWhole
    ? { width: layout.frameWidth, height: layout.height.other }
    : { width: 122, height: 130 };
  const pieces = effects.flatMap((effect, row): Piece[] => {
    const place = placeOf(study, effect);
    const values = listCells({ grid: { ...study.grid, effects: [effect] } }).map(place.valueOf);
    const own = curves.filter(({ cell }) => cell.effect === effect);
    const heights = own.flatMap((curve) => curve.points.map(({ value }) => value));
    const vertical = { ...valueAxis({ points: heights }), label: measureLabel(measure) };
    const styles = valueStyles([...new Set(values)].sort((a, b) => a - b));
    const panels = optimizers.map((optimizer, column) => {
      const drawn = own.filter(({ cell }) => cell.optimizer === optimizer);
      const level = against === "loss" ? commonLevel(drawn) : null;
      return xyPanel({
        x: horizontal,
        y: vertical,
        ...frame,
        heading: `(${LETTERS[row * optimizers.length + column]}) ${optimizer}`,
        marks: [
          ...(level === null ? [] : [levelMark(level)]),
          ...curveMarks(drawn, { x, styleOf: (curve) => styles.get(place.valueOf(curve.cell))! }),
        ],
        isLabelled: column % 2 === 0,
        hasTicks: column % 2 === 0 || layout.isWhole,
      });
    });
    const width = layout.width === undefined
      ? 2 * panels[0]!.width
      : layout.width - 2 * layout.padding;
    return [curvesLegend(effect, { styles, format: place.format, width }), ...rows(panels, 2, 4)];
  });
  const { label: measured, parameters } = openMeasure(measure);
  const seeds = new Set(curves.map(({ seed }) => seed)).size;
  // The base cell's trajectories belong to both effects.
  const distinct = new Set(
    curves.map(({ cell, seed }) => JSON.stringify({ ...cell, effect: "", seed })),
  );
  const trajectories = distinct.size === 1 ? "1 trajectory" : `${distinct.size} trajectories`;
  return stack(pieces, {
    name: `${name}${measure === CURVE_MEASURE ? "" : `-${measure.replace(/[^\w-]+/g, "_")}`}`,
    title: `${capitalize(measured)} along training, against ${words}`,
    caption: `One line a trajectory through its networks at the stops ${study.stops.join(", ")}; ` +
      `large: at ${study.stops[0]}. ${trajectories} with ${plural(seeds, "seed")}` +
      ("radius" in parameters ? `, r = ${parameters.radius}` : "") +
      (curves[0]?.directions ? `, the first K = ${curves[0].directions} directions.` : ".") +
      (against === "loss"
        ? ` The loss is that of all ${plural(study.images, "training image")}, no epoch's mean; ` +
          "dashed: where values are compared at equal loss."
        : ""),
    layout,
  });
}

/** Falling to the right, as training goes. */
function lossScale(values: readonly number[]): Omit<PanelAxis, "label"> {
  const [low, high] = padded(extent(values), 0.05);
  return { scale: { type: "linear", domain: [high, low] }, ticks: 4, format: formatTick };
}

function timeScale(values: readonly number[]): Omit<PanelAxis, "label"> {
  const [low, high] = extent(values.filter((value) => value > 0));
  const domain = [low / 1.5, high * 1.5] as const;
  return {
    scale: { type: "log", domain: [...domain] },
    ticks: decadeTicks(...domain, 4),
    format: formatLogTick,
  };
}
