/**
 * One panel of training losses: the runs of one effect and optimizer, epoch by epoch.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { lossAxis } from "~/lib/figures/axis.ts";
import { renderPlot } from "~/lib/figures/plot.ts";
import type { Piece } from "~/lib/figures/svg.ts";
import { INK } from "~/lib/figures/theme.ts";
import type { RunResult } from "~/lib/results.ts";

/** Points that a line keeps: more cannot be seen in a panel of 270 pixels. */
const POINTS = 120;
/** A tenth of the epochs hold most of the fall: beyond so many epochs they get a log axis. */
const LINEAR_EPOCHS = 40;

/** A run and the colour of its line. */
export interface LossLine {
  readonly result: RunResult;
  readonly color: string;
}

/** Where the panel stands, and what all panels share. */
export interface LossPanelOptions {
  readonly width: number;
  readonly height: number;
  readonly marginLeft: number;
  readonly marginBottom: number;
  /** Last epoch, smallest and largest loss of all panels. */
  readonly epochs: number;
  readonly losses: readonly number[];
  readonly classes: number;
}

/** Draws the lines, later ones over earlier ones. */
export function lossPanel(lines: readonly LossLine[], options: LossPanelOptions): Piece {
  const { epochs, losses, classes, ...size } = options;
  const axis = lossAxis(losses, { classes });
  const ticks = typeof axis.ticks === "number" ? axis.ticks : [...axis.ticks];
  const logarithmic = epochs > LINEAR_EPOCHS;
  const points = lines.flatMap(({ result: { training }, color }, run) =>
    keptEpochs(training.epochLosses.length).map((epoch) => (
      { run, color, epoch, loss: training.epochLosses[epoch - 1]! }
    ))
  );
  const ends = lines.flatMap(({ result: { training }, color }) => {
    const loss = training.epochLosses.at(-1);
    return loss === undefined
      ? []
      : [{ epoch: training.epochLosses.length, loss, color, stopped: training.stopped }];
  });
  return renderPlot({
    ...size,
    marginTop: 6,
    marginRight: 6,
    x: {
      type: logarithmic ? "log" : "linear",
      domain: [logarithmic ? 1 : Math.min(1, epochs - 1), Math.max(epochs, 1)],
      insetLeft: 8,
      insetRight: 8,
    },
    y: axis.scale,
    marks: [
      Plot.gridY({ ticks, stroke: INK.grid, strokeOpacity: 1 }),
      Plot.axisY({ ticks, label: null, tickSize: 0, tickFormat: axis.format }),
      Plot.axisX({
        label: null,
        tickSize: 4,
        ...(logarithmic ? { ticks: 4 } : { ticks: linearTicks(epochs) }),
        tickFormat: (epoch: number) => String(epoch),
      }),
      Plot.frame({ stroke: INK.axis }),
      Plot.ruleY(axis.references, { stroke: INK.muted, strokeDasharray: "3 3" }),
      Plot.line(points, {
        x: "epoch",
        y: "loss",
        z: "run",
        className: "training-loss",
        stroke: "color",
        strokeWidth: 1,
        strokeOpacity: 0.8,
      }),
      Plot.dot(ends.filter(({ stopped }) => stopped !== "diverged"), {
        x: "epoch",
        y: "loss",
        r: 2,
        className: "end-of-training",
        stroke: "color",
        fill: (end: typeof ends[number]) => end.stopped === "reached" ? end.color : "#fff",
      }),
      Plot.dot(ends.filter(({ stopped }) => stopped === "diverged"), {
        x: "epoch",
        y: "loss",
        r: 4,
        className: "diverged",
        stroke: "color",
        symbol: "times",
      }),
    ],
  });
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

/** Whole epochs, at most about eight of them. */
function linearTicks(epochs: number): number[] {
  const step = [1, 2, 5, 10].find((one) => epochs / one <= 8) ?? 10;
  return Array.from({ length: Math.floor(epochs / step) }, (_, i) => (i + 1) * step);
}
