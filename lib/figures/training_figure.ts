/**
 * The training loss of every run against its epochs.
 *
 * @module
 */
import { compose, type Figure } from "~/lib/figures/compose.ts";
import { rampLegend } from "~/lib/figures/curves_figure.ts";
import type { Layer, Panel, Row } from "~/lib/figures/figure.ts";
import { rampOf } from "~/lib/figures/theme.ts";
import { describeRuns, placeOf } from "~/lib/figures/words.ts";
import { plural } from "~/lib/files/numbers.ts";
import { type CellSummary, type Outcome, type RunResult, summariseCells } from "~/lib/results.ts";
import { type EffectName, EFFECTS, type Study } from "~/lib/study.ts";

/** Points that a line keeps: more cannot be seen in a panel of 350 pixels. */
const POINTS = 60;
/** A tenth of the epochs hold most of the fall: beyond so many epochs they get a log axis. */
const LINEAR_EPOCHS = 40;

/** Draws a line a run, a panel for each effect and optimizer. */
export function plotTrainingLoss(study: Study, runs: readonly RunResult[]): Figure {
  const { effects, optimizers } = study.grid;
  const cells = summariseCells(study, runs);
  const isLong = runs.some(({ training }) => training.epochLosses.length > LINEAR_EPOCHS);
  return compose({
    name: "training-loss",
    title: "Training loss of every run",
    panels: effects.flatMap((effect) =>
      optimizers.map((optimizer): Panel => ({
        heading: `${optimizer}, ${EFFECTS[effect].other(study)}`,
        x: { label: "Epoch", ...(isLong ? { scale: "log" } : {}) },
        y: { label: "Epoch loss (nats)" },
        layers: lossLayers(
          study,
          cells.filter((cell) => cell.effect === effect && cell.optimizer === optimizer),
          effect,
        ),
      }))
    ),
    legend: effects.map((effect) => rampLegend(study, effect)),
    caption: `Mean batch loss of every epoch, one line a run, n = ` +
      `${plural(study.grid.seeds.length, "seed")}. A line ends in a filled dot where the run ` +
      "reached the stop, in a hollow one where the epoch limit stopped it, in a square where it " +
      `diverged. Dashed: untrained. ${describeRuns(study, cells)}`,
  });
}

function lossLayers(
  study: Study,
  cells: readonly CellSummary[],
  effect: EffectName,
): Layer[] {
  const { axis, valueOf } = placeOf(study, effect);
  const colors = rampOf(axis.values ?? []);
  const runs = cells.flatMap((cell) =>
    cell.bySeed.map(({ run: { training } }) => ({ ...training, color: colors.get(valueOf(cell))! }))
  );
  const rows = runs.flatMap(({ epochLosses, color }, z) =>
    keptEpochs(epochLosses.length).map((x): Row => ({ x, y: epochLosses[x - 1]!, z, color }))
  );
  const ends = (isShown: (stopped: Outcome) => boolean): Row[] =>
    runs.filter(({ stopped, epochs }) => epochs > 0 && isShown(stopped))
      .map(({ epochLosses, color, stopped }) => ({
        ...{ x: epochLosses.length, y: epochLosses.at(-1)!, color },
        isHollow: stopped === "epoch limit",
      }));
  const untrained = Math.log(study.sizes.at(-1)!);
  const isNear = rows.some(({ y }) => y > 0.9 * untrained);
  const text = `ln ${study.sizes.at(-1)} = ${untrained.toFixed(3)}`;
  return [
    {
      ...{ kind: "rules", name: "untrained", dash: "3 3", width: 1 },
      rows: isNear ? [{ x: NaN, y: untrained, text }] : [],
    },
    { kind: "lines", name: "training-loss", rows, width: 1, opacity: 0.8 },
    {
      ...{ kind: "points", name: "end-of-training", radius: 2 },
      rows: ends((stopped) => stopped !== "diverged"),
    },
    {
      ...{ kind: "points", name: "diverged", radius: 3, symbol: "square" },
      rows: ends((stopped) => stopped === "diverged"),
    },
  ];
}

/** Epochs 1..count, all of them or so many of them evenly in log epoch, first and last included. */
function keptEpochs(count: number): number[] {
  if (count <= POINTS) return Array.from({ length: count }, (_, i) => i + 1);
  const even = Array.from(
    { length: POINTS },
    (_, i) => Math.round(Math.exp(Math.log(count) * i / (POINTS - 1))),
  );
  return [...new Set(even)];
}
