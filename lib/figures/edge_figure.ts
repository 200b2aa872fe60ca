/**
 * The edge of stability: the largest eigenvalue along training, with 2 / learning rate.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { formatTick, valueAxis } from "~/lib/figures/axis.ts";
import { PAGE } from "~/lib/figures/layout.ts";
import { EDGE_ITEM, legend } from "~/lib/figures/legend.ts";
import { measureLabel } from "~/lib/figures/measure_axis.ts";
import type { RowsOptions } from "~/lib/figures/rescaling_figure.ts";
import { type Figure, rows, stack } from "~/lib/figures/stack.ts";
import { lighten, optimizerStyles, SERIES_COLORS } from "~/lib/figures/theme.ts";
import { extent, padded } from "~/lib/figures/ticks.ts";
import { xyPanel } from "~/lib/figures/xy_panel.ts";

/** A network on a trajectory. */
export interface EdgeRow {
  /** How the legend names the trajectory: "full batch, lr 0.05". */
  readonly series: string;
  /** Decides the colour, paler where batches are not full; default: by the series' place. */
  readonly optimizer?: string;
  readonly isFullBatch?: boolean;
  readonly epoch: number;
  /** Largest eigenvalue of the Hessian, nats per unit^2. */
  readonly lambdaMax: number;
  /** Draws 2 / learning rate; none where it is no edge, as for AdaGrad. */
  readonly learningRate?: number;
  /** Full-set loss in nats, for a second panel. */
  readonly trainLoss?: number;
}

/** Draws the eigenvalue, and the loss where it is known, against epochs. */
export function plotEdge(
  given: readonly EdgeRow[],
  { caption = "", layout = PAGE }: RowsOptions = {},
): Figure {
  const names = [...new Set(given.map(({ series }) => series))];
  const colors = new Map(names.map((name, i) => {
    const { optimizer, isFullBatch } = given.find(({ series }) => series === name)!;
    const color = optimizer === undefined
      ? SERIES_COLORS[i % SERIES_COLORS.length]!
      : lighten(optimizerStyles([optimizer]).get(optimizer)!.color, isFullBatch ? 0 : 0.5);
    return [name, color];
  }));
  const sorted = given.toSorted((a, b) => a.epoch - b.epoch);
  const edges = [
    ...new Map(
      given.flatMap(({ series, learningRate }) =>
        learningRate === undefined ? [] : [[series, { series, edge: 2 / learningRate }] as const]
      ),
    ).values(),
  ];
  const epochs = padded(extent(given.map(({ epoch }) => epoch)), 0.03);
  const x = {
    scale: { type: "linear", domain: epochs },
    ticks: 6,
    format: formatTick,
    label: ["Epoch"],
  } as const;
  const curvature = valueAxis({
    points: [...given.map(({ lambdaMax }) => lambdaMax), ...edges.map(({ edge }) => edge)],
    asRatios: true,
  });
  const losses = sorted.filter((row) => row.trainLoss !== undefined);
  const common = {
    x,
    width: layout.frameWidth,
    height: layout.height.other,
  };
  const line = { x: "epoch", z: "series", stroke: (row: EdgeRow) => colors.get(row.series)! };
  const panels = [
    xyPanel({
      ...common,
      heading: losses.length > 0 ? "(a) Curvature" : "",
      y: { ...curvature, label: measureLabel("lambda-max") },
      marks: [
        Plot.ruleY(edges, {
          y: "edge",
          className: "edge",
          stroke: ({ series }: { series: string }) => colors.get(series)!,
          strokeDasharray: "5 3",
        }),
        Plot.line(sorted, { ...line, y: "lambdaMax", className: "lambda-max" }),
        Plot.dot(sorted, {
          x: "epoch",
          y: "lambdaMax",
          className: "lambda-max-network",
          r: 1.5,
          fill: line.stroke,
        }),
      ],
    }),
    ...(losses.length === 0 ? [] : [xyPanel({
      ...common,
      heading: "(b) Loss",
      y: {
        scale: { type: "linear", domain: padded(extent(losses.map((r) => r.trainLoss!)), 0.06) },
        ticks: 5,
        format: formatTick,
        label: ["Full-set loss (nats)"],
      },
      marks: [Plot.line(losses, { ...line, y: "trainLoss", className: "loss" })],
    })]),
  ];
  const items = [
    ...names.map((label) => ({
      mark: `<path d="M-8,0h16" stroke="${colors.get(label)}" stroke-width="2"/>`,
      label,
    })),
    ...(edges.length === 0 ? [] : [EDGE_ITEM]),
  ];
  const drawn = rows(panels, layout.perRow, 8);
  return stack([legend(items, Math.max(...drawn.map(({ width }) => width))), ...drawn], {
    name: "edge-of-stability",
    title: "The edge of stability",
    caption,
    layout,
  });
}
