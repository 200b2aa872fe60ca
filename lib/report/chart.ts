/**
 * The page's plots.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { sparse, unitAfter } from "~/lib/files/numbers.ts";
import { capitalize } from "~/lib/files/text.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { parseOptimizer } from "~/lib/optimizer.ts";
import type { Explored, ExploredCell, Selection } from "~/lib/report/explore.ts";
import type { TrajectoryContent } from "~/lib/results.ts";
import { EFFECTS, effectValue } from "~/lib/study.ts";

const AXIS = { inset: 10, ticks: 5, tickFormat: "~r", labelArrow: "none" } as const;
const GREY = "#808080";
const SYMBOLS = ["circle", "diamond", "square", "triangle"] as const;
/** Points that a line of losses keeps: more cannot be seen. */
const POINTS = 300;

/** Means with their intervals; each point is a link whose place in the document is its cell's. */
export function plotCells(
  { cells, published }: Explored,
  { x, y, optimizers, effect, measure }: Selection,
  width: number,
): Element {
  const { label, unit } = parseMeasure(measure);
  const values = [...cells, ...published].map(({ mean }) => mean);
  // A value that is not above 0 has no place on a logarithmic axis.
  const isLog = y === "log" && Math.min(...values) > 0;
  const floor = isLog ? Math.min(...values) / 10 : -Infinity;
  const sign = { stroke: "optimizer", x: effectValue };
  const whisker = ({ interval }: ExploredCell): number => Math.max(interval?.[0] ?? NaN, floor);
  return draw({
    ...{ width, height: 380 },
    x: { ...AXIS, type: x, label: EFFECTS[effect].axis, labelAnchor: "center" },
    y: {
      ...{ ...AXIS, type: isLog ? "log" : "linear", grid: true },
      label: capitalize(label) + unitAfter("name", unit),
    },
    color: { domain: optimizers, range: optimizers.map((text) => parseOptimizer(text).color) },
    symbol: { domain: optimizers, range: optimizers.map((_, i) => SYMBOLS[i % SYMBOLS.length]!) },
    marks: [
      Plot.ruleX(published, {
        ...{ x: "value", stroke: GREY, strokeWidth: 5, strokeOpacity: 0.4 },
        y1: ({ mean, halfWidth }) => Math.max(mean - halfWidth, floor),
        y2: ({ mean, halfWidth }) => mean + halfWidth,
      }),
      Plot.dot(published, { x: "value", y: "mean", symbol: "optimizer", r: 5, stroke: GREY }),
      Plot.line(cells, { ...sign, z: "optimizer", y: "mean", strokeOpacity: 0.4 }),
      Plot.ruleX(cells.filter(({ interval }) => interval), {
        ...sign,
        y1: whisker,
        y2: ({ interval }) => interval![1],
      }),
      Plot.dot(cells, {
        ...{ ...sign, y: "mean", symbol: "optimizer", fill: "optimizer", r: 5, href: () => "#" },
        sort: null,
      }),
    ],
  });
}

/** A plot without the labels of groups, which only name Plot's marks. */
function draw(options: Plot.PlotOptions): Element {
  const style = { background: "none", fontSize: "12px" };
  const plot = Plot.plot({ ...options, style, marginLeft: 76, marginBottom: 44 });
  for (const group of plot.querySelectorAll("g[aria-label]")) group.removeAttribute("aria-label");
  return plot;
}

/** The loss of every epoch of trajectories that differ in seed, and their networks' full-set losses. */
export function plotLosses(
  trajectories: readonly (TrajectoryContent & { readonly seed: number })[],
  width: number,
): Element {
  const lines = trajectories.flatMap(({ epochLosses, seed }) =>
    sparse(epochLosses.length, POINTS)
      .map((epoch) => ({ epoch, loss: epochLosses[epoch - 1]!, seed }))
  );
  const networks = trajectories.flatMap(({ networks, seed }) =>
    networks.map(({ epoch, trainLoss: loss }) => ({ epoch, loss, seed }))
  );
  const isLong = lines.some(({ epoch }) => epoch > 40);
  const at = { x: "epoch", y: "loss", stroke: "seed" };
  return draw({
    ...{ width, height: 260 },
    x: { type: isLong ? "log" : "linear", label: "Epoch", ticks: 5, tickFormat: String },
    y: { grid: true, label: "Training loss (nats)" },
    color: { type: "ordinal", scheme: "Dark2", legend: true },
    marks: [Plot.line(lines, { ...at, z: "seed" }), Plot.dot(networks, { ...at, r: 3.5 })],
  });
}
