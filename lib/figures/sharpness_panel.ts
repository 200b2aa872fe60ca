/**
 * One panel an effect: sharpness above, and below it how far training got.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { type CellSummary, effectValue } from "~/lib/results.ts";
import { type Axis, type LossAxis, lossAxis } from "~/lib/figures/axis.ts";
import { measureAxis, measureLabel } from "~/lib/figures/measure_axis.ts";
import { renderPlot } from "~/lib/figures/plot.ts";
import { means, type Series, sharpnessMarks, shiftOf } from "~/lib/figures/series.ts";
import { beside } from "~/lib/figures/stack.ts";
import { type Piece, text, translate } from "~/lib/figures/svg.ts";
import { EFFECT_LABEL, INK, type OptimizerStyle } from "~/lib/figures/theme.ts";
import { labelValues, type ValueLabels } from "~/lib/figures/value_labels.ts";
import type { Effect } from "~/lib/study.ts";

const HEIGHT = { heading: 24, sharpness: 240, gap: 6, loss: 86 } as const;
/** Pixels left of the frame: two lines of label, which the first panel has, and the tick labels. */
const MARGIN = { label: 34, ticks: 50, right: 6 } as const;
/** Pixels between the frame and the first and last value. */
const INSET = 18;

/** A panel: an effect, and over it what the other factor was. */
export interface PanelContent {
  readonly effect: Effect;
  readonly heading: string;
}

/** What all panels of a figure share. */
export interface PanelsOptions {
  /** Drawn side by side in this order. */
  readonly styles: ReadonlyMap<string, OptimizerStyle>;
  /** Pixels of the frame from left to right. */
  readonly frameWidth: number;
  /** Canonical text of what is shown. */
  readonly measure: string;
  /** Classes C of the data, for the lowest possible loss. */
  readonly classes: number;
}

interface Panel extends PanelContent {
  readonly series: readonly Series[];
  /** Where the cells stand, ascending. */
  readonly values: readonly number[];
  readonly labels: ValueLabels;
}

interface Axes {
  readonly rise: Axis;
  readonly loss: LossAxis;
}

/** Draws panels side by side on the same vertical axes, which all `cells` together fix. */
export function sharpnessPanels(
  cells: readonly CellSummary[],
  contents: readonly PanelContent[],
  options: PanelsOptions,
): Piece {
  const panels = contents.map((content) => arrange(cells, content, options));
  const labelHeight = Math.max(...panels.map(({ labels }) => labels.height));
  const axes: Axes = {
    rise: measureAxis(cells),
    loss: lossAxis(cells.flatMap(({ trainLoss }) => trainLoss ?? []), options),
  };
  const pieces = panels.map((panel, i) =>
    drawPanel(panel, axes, { ...options, labelHeight, labelled: i === 0 })
  );
  return beside(pieces, 8);
}

function arrange(
  cells: readonly CellSummary[],
  content: PanelContent,
  { styles, frameWidth }: PanelsOptions,
): Panel {
  const { effect } = content;
  const hasSeedIntervals = cells.some(({ sharpness }) => sharpness?.interval);
  const series = [...styles].map(([optimizer, style], i): Series => ({
    optimizer,
    style,
    cells: cells.filter((cell) => cell.effect === effect && cell.optimizer === optimizer)
      .sort((a, b) => effectValue(a) - effectValue(b)),
    shift: shiftOf(i, { count: styles.size, hasSeedIntervals }),
  }));
  const values = [...new Set(series.flatMap((one) => one.cells.map(effectValue)))]
    .sort((a, b) => a - b);
  const labels = labelValues(effect, values, { pixels: frameWidth - 2 * INSET });
  return { ...content, series, values, labels };
}

function drawPanel(
  { effect, heading, series, values, labels }: Panel,
  { rise, loss }: Axes,
  { frameWidth, measure, labelHeight, labelled }: PanelsOptions & {
    labelHeight: number;
    labelled: boolean;
  },
): Piece {
  const left = MARGIN.ticks + (labelled ? MARGIN.label : 0);
  const width = left + frameWidth + MARGIN.right;
  const [low, high] = [values[0]!, values.at(-1)!];
  const frame = {
    width,
    marginTop: 6,
    marginLeft: left,
    marginRight: MARGIN.right,
    x: {
      type: "log",
      domain: low === high ? [low / 2, low * 2] : [low, high],
      insetLeft: INSET,
      insetRight: INSET,
    },
  } as const;
  const upper = renderPlot({
    ...frame,
    height: HEIGHT.sharpness,
    marginBottom: 6,
    y: rise.scale,
    marks: [
      ...ground(values, rise),
      ...(rise.hasNegative ? [Plot.ruleY([0], { stroke: INK.axis })] : []),
      ...series.map((one) => sharpnessMarks(one, rise)),
    ],
  });
  const lower = renderPlot({
    ...frame,
    height: HEIGHT.loss + labelHeight,
    marginBottom: 6 + labelHeight,
    y: loss.scale,
    marks: [
      ...ground(values, { ...loss, ticks: 3 }),
      Plot.ruleY(loss.references, { stroke: INK.muted, strokeDasharray: "3 3" }),
      ...series.map(({ style, cells, shift }) =>
        means(cells.filter(({ trainLoss }) => trainLoss !== null), {
          style,
          dx: shift.mean,
          y: ({ trainLoss }) => trainLoss,
          className: `${style.slug}-mean-training-loss`,
        })
      ),
      Plot.axisX(values, {
        label: null,
        tickSize: 4,
        // Not tickFormat, which a log scale calls for powers of its base only.
        text: (_: number, i: number) => labels.labels[i],
        ...(labels.leaning ? { tickRotate: -45 } : {}),
      }),
    ],
  });
  const lossTop = HEIGHT.heading + HEIGHT.sharpness + HEIGHT.gap;
  const bottom = lossTop + lower.height + 10;
  const middle = left + frameWidth / 2;
  const verticalLabels = [
    ...verticalLabel(measureLabel(measure), {
      middle: HEIGHT.heading + HEIGHT.sharpness / 2,
    }),
    ...verticalLabel(["Full-set", "loss (nats)"], { middle: lossTop + HEIGHT.loss / 2 }),
  ];
  return {
    svg: [
      text(heading, { x: middle, y: 16, anchor: "middle", weight: "bold" }),
      translate(upper.svg, 0, HEIGHT.heading),
      translate(lower.svg, 0, lossTop),
      ...(labelled ? verticalLabels : []),
      text(EFFECT_LABEL[effect], { x: middle, y: bottom, anchor: "middle" }),
    ].join(""),
    width,
    height: bottom + 10,
  };
}

/** Frame and grid: labelled values upwards, one line a value along. */
function ground(values: readonly number[], axis: Axis): Plot.Markish[] {
  const ticks = typeof axis.ticks === "number" ? axis.ticks : [...axis.ticks];
  return [
    Plot.gridX(values, { stroke: INK.grid, strokeOpacity: 1 }),
    Plot.gridY({ ticks, stroke: INK.grid, strokeOpacity: 1 }),
    Plot.axisY({ ticks, label: null, tickSize: 0, tickFormat: axis.format }),
    Plot.frame({ stroke: INK.axis }),
  ];
}

function verticalLabel(lines: readonly string[], { middle }: { middle: number }): string[] {
  return lines.map((line, i) =>
    text(line, { x: 12 + 15 * i, y: middle, anchor: "middle", rotate: -90 })
  );
}
