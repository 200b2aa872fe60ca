/**
 * One panel an effect: sharpness above, and below it how far training got.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import type { PublishedCell } from "~/lib/findings.ts";
import type { CellSummary } from "~/lib/results.ts";
import type { Axis, LossAxis } from "~/lib/figures/axis.ts";
import { edgeLine, type EdgeLinePoint, edgeMark } from "~/lib/figures/edge_marks.ts";
import { cellsLossAxis, measureAxis, measureLabel } from "~/lib/figures/measure_axis.ts";
import { renderPlot } from "~/lib/figures/plot.ts";
import type { Layout } from "~/lib/figures/layout.ts";
import { LETTERS, type Place } from "~/lib/figures/place.ts";
import { publishedMarks } from "~/lib/figures/published_marks.ts";
import { means, type Series, sharpnessMarks, shiftOf } from "~/lib/figures/series.ts";
import { rows } from "~/lib/figures/stack.ts";
import { verticalLabel } from "~/lib/figures/xy_panel.ts";
import { type Piece, text, translate } from "~/lib/figures/svg.ts";
import { INK, type OptimizerStyle } from "~/lib/figures/theme.ts";
import { labelValues, type ValueLabels } from "~/lib/figures/value_labels.ts";

const HEIGHT = { heading: 24, gap: 6 } as const;
/** Pixels left of the frame: two lines of label, which the first panel has, and the tick labels. */
const MARGIN = { label: 34, ticks: 50, right: 6 } as const;
/** Pixels between the frame and the first and last value. */
const INSET = 18;

/** What all panels of a figure share. */
export interface PanelsOptions {
  /** Drawn side by side in this order. */
  readonly styles: ReadonlyMap<string, OptimizerStyle>;
  readonly layout: Layout;
  /** Published cells that stand beside ours. */
  readonly published: readonly PublishedCell[];
  /** Canonical text of what is shown. */
  readonly measure: string;
  /** Classes C of the data, for the lowest possible loss. */
  readonly classes: number;
}

interface Panel {
  readonly place: Place;
  /** Over it, with its letter where there are several. */
  readonly heading: string;
  readonly series: readonly Series[];
  readonly edge: readonly EdgeLinePoint[];
  /** Where the cells stand, ascending. */
  readonly values: readonly number[];
  readonly labels: ValueLabels;
}

interface Axes {
  readonly rise: Axis;
  readonly loss: LossAxis;
}

/** Draws panels; those of a row share vertical axes, which their cells together fix. */
export function sharpnessPanels(
  cells: readonly CellSummary[],
  places: readonly Place[],
  options: PanelsOptions,
): Piece[] {
  const panels = places.map((place, i) => ({
    ...arrange(cells, place, options),
    heading: places.length === 1 ? place.heading : `(${LETTERS[i]}) ${place.heading}`,
  }));
  const { layout, published } = options;
  const labelHeight = Math.max(...panels.map(({ labels }) => labels.height));
  const pieces = panels.map((panel, i) => {
    const row = Math.floor(i / layout.perRow) * layout.perRow;
    const effects = places.slice(row, row + layout.perRow).map(({ effect }) => effect);
    const own = cells.filter(({ effect }) => effects.includes(effect));
    const beside = published.filter(({ effect }) => effects.includes(effect));
    const axes: Axes = {
      rise: measureAxis(own, beside),
      loss: cellsLossAxis(own, options),
    };
    return drawPanel(panel, axes, { ...options, labelHeight, labelled: i === row });
  });
  return rows(pieces, layout.perRow, 8);
}

function arrange(
  cells: readonly CellSummary[],
  place: Place,
  { styles, layout, published }: PanelsOptions,
): Omit<Panel, "heading"> {
  const { effect, valueOf } = place;
  const hasSeedIntervals = cells.some(({ value }) => value?.interval);
  const series = [...styles].map(([optimizer, style], i): Series => ({
    optimizer,
    style,
    cells: cells.filter((cell) => cell.effect === effect && cell.optimizer === optimizer)
      .sort((a, b) => valueOf(a) - valueOf(b)),
    valueOf,
    published: published.filter((cell) => cell.effect === effect && cell.optimizer === optimizer),
    shift: shiftOf(i, { count: styles.size, hasSeedIntervals }),
  }));
  const values = [...new Set(series.flatMap((one) => one.cells.map(valueOf)))]
    .sort((a, b) => a - b);
  const labels = labelValues(place.format, values, { pixels: layout.frameWidth - 2 * INSET });
  const edge = edgeLine(series.flatMap((one) => one.cells));
  return { place, series, edge, values, labels };
}

function drawPanel(
  { place, heading, series, edge, values, labels: valueLabels }: Panel,
  { rise, loss }: Axes,
  { layout, measure, labelHeight, labelled }: PanelsOptions & {
    labelHeight: number;
    labelled: boolean;
  },
): Piece {
  const { frameWidth, height } = layout;
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
    height: height.sharpness,
    marginBottom: 6,
    y: rise.scale,
    marks: [
      ...ground(values, rise),
      ...(rise.hasNegative ? [Plot.ruleY([0], { stroke: INK.axis })] : []),
      edgeMark(edge),
      ...series.map((one) => publishedMarks(one, rise)),
      ...series.map((one) => sharpnessMarks(one, { ...rise, isPooledShown: layout.isWhole })),
    ],
  });
  const lower = renderPlot({
    ...frame,
    height: height.loss + labelHeight,
    marginBottom: 6 + labelHeight,
    y: loss.scale,
    marks: [
      ...ground(values, { ...loss, ticks: 3 }),
      Plot.ruleY(loss.references, { stroke: INK.muted, strokeDasharray: "3 3" }),
      ...series.map(({ style, cells, shift, valueOf }) =>
        means(cells.filter(({ trainLoss }) => trainLoss !== null), {
          style,
          x: valueOf,
          dx: shift.mean,
          y: ({ trainLoss }) => trainLoss,
          className: `${style.slug}-mean-training-loss`,
        })
      ),
      Plot.axisX(values, {
        label: null,
        tickSize: 4,
        // Not tickFormat, which a log scale calls for powers of its base only.
        text: (_: number, i: number) => valueLabels.labels[i],
        ...(valueLabels.leaning ? { tickRotate: -45 } : {}),
      }),
    ],
  });
  const lossTop = HEIGHT.heading + height.sharpness + HEIGHT.gap;
  const bottom = lossTop + lower.height + 10;
  const middle = left + frameWidth / 2;
  const labels = verticalLabel(measureLabel(measure), HEIGHT.heading + height.sharpness / 2) +
    verticalLabel(["Full-set", "loss (nats)"], lossTop + height.loss / 2);
  return {
    svg: [
      text(heading, { x: middle, y: 16, anchor: "middle", weight: "bold" }),
      translate(upper.svg, 0, HEIGHT.heading),
      translate(lower.svg, 0, lossTop),
      labelled ? labels : "",
      text(place.label, { x: middle, y: bottom, anchor: "middle" }),
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
