/**
 * Trajectories: the loss of every epoch, and a measure against the full-set loss.
 *
 * @module
 */
import { describeRuns, type EffectAxis, effectAxis, measureAxis } from "~/lib/figures/cells.ts";
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Layer, Panel, Ramp } from "~/lib/figures/figure.ts";
import { describePublished, publishedPanels } from "~/lib/figures/findings_figures.ts";
import { rampOf } from "~/lib/figures/theme.ts";
import { plural, sparse } from "~/lib/files/numbers.ts";
import { capitalize } from "~/lib/files/text.ts";
import { comparePublished, type Curve, LEAD_MEASURE, listCurves } from "~/lib/findings.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { type CellSummary, type Records, type Runs, summariseCells } from "~/lib/results.ts";
import { type Cell, EFFECTS, effectValue, type Study } from "~/lib/study.ts";

/** Points that a line of epochs keeps: more cannot be seen. */
const POINTS = 40;
/** A tenth of the epochs hold most of the fall: beyond so many epochs they get a log axis. */
const LINEAR_EPOCHS = 40;

/** Draws the loss of every epoch, a line a run, a panel for each effect and optimizer. */
export function plotTrainingLoss(study: Study, runs: Runs): Figure {
  const cells = summariseCells(study, runs);
  const isLong = runs.some(({ training }) => training.epochs > LINEAR_EPOCHS);
  const groups = Map.groupBy(cells, ({ effect, optimizer }) => `${effect} ${optimizer}`);
  return compose({
    name: "training-loss",
    title: "Epoch loss of every run",
    panels: [...groups.values()].map((own): Panel => ({
      heading: `${own[0]!.optimizer}, ${EFFECTS[own[0]!.effect].label}s`,
      x: { label: "Epoch", scale: isLong ? "log" : "linear" },
      y: { label: "Epoch loss (nats)" },
      layers: lossLayers(study, own),
    })),
    caption:
      "Mean batch loss of every epoch, one line a run, to a dot where it reached the stop, a " +
      `hollow one at the epoch limit, a square where it diverged. ${describeRuns(study, cells)}`,
    isNarrow: true,
  });
}

function lossLayers(study: Study, cells: readonly CellSummary[]): Layer[] {
  const { colorOf, ramp } = valueColors(effectAxis(study, cells[0]!.effect));
  const lines = cells.flatMap((cell, z) =>
    cell.runs.map(({ config: { seed }, training: { epochLosses, stopped } }) =>
      sparse(epochLosses.length, POINTS).map((x) => ({
        ...{ x, y: epochLosses[x - 1]!, z: `${z} ${seed}`, stopped, color: colorOf(cell) },
        isHollow: stopped === "epoch limit",
      }))
    )
  );
  const ends = lines.flatMap((line) => line.at(-1) ?? []);
  return [
    {
      ...{ kind: "lines", name: "training-loss", rows: lines.flat() },
      ...{ width: 1, opacity: 0.8, legend: ramp },
    },
    {
      ...{ kind: "points", name: "end-of-training", radius: 2 },
      rows: ends.filter(({ stopped }) => stopped !== "diverged"),
    },
    {
      ...{ kind: "points", name: "diverged", radius: 2, symbol: "square" },
      rows: ends.filter(({ stopped }) => stopped === "diverged"),
    },
  ];
}

/** Draws one line a trajectory through its networks, with a dot at the study's first stop. */
export function plotCurves(study: Study, records: Records): Figure {
  const curves = listCurves(study, records, LEAD_MEASURE);
  return compose({
    name: "curves",
    title: `${capitalize(parseMeasure(LEAD_MEASURE).label)} along training`,
    panels: byEffect(curves).flatMap((some) =>
      [...Map.groupBy(some, ({ cell }) => cell.optimizer).values()]
        .map((own) => curvesPanel(study, own))
    ),
    caption: describeCurves(study, curves),
    isNarrow: true,
  });
}

/**
 * Draws ours beside the published sharpness, a panel an effect, and the first optimizer's sharpness
 * along training where two cells can be compared.
 *
 * @param records Panels without data are left out.
 */
export function plotLead(study: Study, records: Records): Figure {
  const compared = comparePublished(study, records);
  const [optimizer = ""] = study.grid.optimizers;
  const curves = listCurves(study, records, LEAD_MEASURE)
    .filter(({ cell, points }) => cell.optimizer === optimizer && points.length > 1);
  const replication = publishedPanels(study, compared, { isRatio: false });
  const along = byEffect(curves).toReversed()
    .filter((own) => new Set(own.map(({ cell }) => effectValue(cell))).size > 1)
    .map((own) => curvesPanel(study, own));
  return compose({
    name: "lead",
    title: "Is it the minimum that differs, or how far training got?",
    panels: [...replication, ...along],
    caption: [
      replication.length > 0 &&
      `Upper panels: the published study repeated. ${describePublished(compared)}`,
      along.length > 0 &&
      "Lower panels: cells whose lines lie close to one another are about as sharp at equal loss. " +
        describeCurves(study, curves),
    ].filter((sentence) => sentence !== false).join(" "),
    isNarrow: true,
  });
}

function byEffect(curves: readonly Curve[]): Curve[][] {
  return [...Map.groupBy(curves, ({ cell }) => cell.effect).values()];
}

/** The curves of one effect and optimizer, coloured by value and named at their ends. */
function curvesPanel(study: Study, own: readonly Curve[]): Panel {
  const { effect, optimizer } = own[0]!.cell;
  const axis = effectAxis(study, effect);
  const { title, values, valueOf, format } = axis;
  const { colorOf, ramp } = valueColors(axis);
  const lines = own.map(({ cell, points }, z) =>
    points.map(({ trainLoss, value, atStop }) => (
      { x: trainLoss, y: value, z, atStop, color: colorOf(cell) }
    ))
  );
  const rows = lines.flat();
  // Each value at the end of its longest line.
  const names = values.flatMap((value) => {
    const ends = lines.filter((_, i) => valueOf(own[i]!.cell) === value)
      .flatMap((line) => line.length > 1 || line[0]?.atStop ? line.at(-1)! : [])
      .sort((a, b) => a.x - b.x);
    return ends.slice(0, 1).map((end) => ({ ...end, text: format(value) }));
  });
  const outer = [names[0], names.at(-1)].flatMap((end) => end ?? []);
  return {
    heading: `${title}, ${optimizer}`,
    x: { label: "Full-set loss (nats) →", isFalling: true, room: 30 },
    y: measureAxis(LEAD_MEASURE),
    layers: [
      { kind: "lines", name: "curve", rows, width: 1.25, legend: ramp },
      { kind: "points", name: "curve-stop", rows: rows.filter((row) => row.atStop), radius: 2 },
      {
        ...{ kind: "texts", name: "curve-value", halo: "#fff" },
        rows: [...new Set([...outer, ...names])],
      },
    ],
  };
}

/** The colours of an effect's values, and their entry in the legend. */
function valueColors(
  { values, valueOf, format, title }: EffectAxis,
): { colorOf: (cell: Cell) => string; ramp: Ramp } {
  const colors = rampOf(values);
  // Of one value the legend has one word.
  const ends = [...new Set([values[0], values.at(-1)])];
  const [from, to = ""] = ends.map((value) => format(value ?? NaN));
  return {
    colorOf: (cell) => colors.get(valueOf(cell))!,
    ramp: { from: `${title} ${from}`, to, colors: [...colors.values()] },
  };
}

/** What curves are, with their numbers. */
function describeCurves(study: Study, curves: readonly Curve[]): string {
  if (curves.length === 0) return "No trajectory has a network with this measure.";
  const seeds = new Set(curves.map(({ seed }) => seed)).size;
  const { directions } = curves[0]!;
  return "One line a trajectory; the dot is its network at the stop " +
    `${study.stops[0]}; n = ${plural(seeds, "seed")}` +
    (directions ? `, the first K = ${directions} directions` : "") +
    `. The loss is that of all ${plural(study.images, "training image")}.`;
}
