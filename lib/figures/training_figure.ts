/**
 * The training loss of every run against its epochs.
 *
 * @module
 */
import { describeCells, effectAxis } from "~/lib/figures/cells.ts";
import { compose, type Figure } from "~/lib/figures/compose.ts";
import { rampOfValues } from "~/lib/figures/curves_figure.ts";
import type { Layer, Panel } from "~/lib/figures/figure.ts";
import { rampOf } from "~/lib/figures/theme.ts";
import { type CellSummary, type RunResult, summariseCells } from "~/lib/results.ts";
import { EFFECTS, type Study } from "~/lib/study.ts";

/** Points that a line keeps: more cannot be seen. */
const POINTS = 40;
/** A tenth of the epochs hold most of the fall: beyond so many epochs they get a log axis. */
const LINEAR_EPOCHS = 40;

/** Draws a line a run, a panel for each effect and optimizer. */
export function plotTrainingLoss(study: Study, runs: readonly RunResult[]): Figure {
  const cells = summariseCells(study, runs);
  const isLong = runs.some(({ training }) => training.epochs > LINEAR_EPOCHS);
  const groups = Map.groupBy(cells, ({ effect, optimizer }) => `${effect} ${optimizer}`);
  return compose({
    name: "training-loss",
    title: "Training loss of every run",
    panels: [...groups.values()].map((own): Panel => ({
      heading: `${own[0]!.optimizer}, ${EFFECTS[own[0]!.effect].label}s`,
      x: { label: "Epoch", scale: isLong ? "log" : "linear" },
      y: { label: "Epoch loss (nats)" },
      layers: lossLayers(study, own),
    })),
    caption:
      "Mean batch loss of every epoch, one line a run, to a dot where it reached the stop, a " +
      `hollow one at the epoch limit, a square where it diverged. ${describeCells(study, cells)}`,
    isNarrow: true,
  });
}

function lossLayers(study: Study, cells: readonly CellSummary[]): Layer[] {
  const { effect } = cells[0]!;
  const { values, valueOf } = effectAxis(study, effect);
  const colors = rampOf(values);
  const lines = cells.flatMap((cell) =>
    cell.bySeed.map(({ seed, run: { training: { epochLosses, stopped } } }) =>
      keptEpochs(epochLosses.length).map((x) => ({
        ...{ x, y: epochLosses[x - 1]!, z: `${valueOf(cell)} ${seed}`, stopped },
        ...{ color: colors.get(valueOf(cell))!, isHollow: stopped === "epoch limit" },
      }))
    )
  );
  const ends = Map.groupBy(
    lines.flatMap((line) => line.at(-1) ?? []),
    ({ stopped }) => stopped === "diverged",
  );
  const style = { width: 1, opacity: 0.8, legend: rampOfValues(study, effect) };
  const points = (name: string, rows: Layer["rows"] = []): Layer => (
    { kind: "points", name, rows, radius: 2, symbol: name === "diverged" ? "square" : "circle" }
  );
  return [
    { kind: "lines", name: "training-loss", rows: lines.flat(), ...style },
    points("end-of-training", ends.get(false)),
    points("diverged", ends.get(true)),
  ];
}

/** Epochs 1..count, all or some of them evenly in log epoch, first and last included. */
function keptEpochs(count: number): number[] {
  const even = Array.from(
    { length: Math.min(count, POINTS) },
    (_, i) => count <= POINTS ? i + 1 : Math.round(count ** (i / (POINTS - 1))),
  );
  return [...new Set(even)];
}
