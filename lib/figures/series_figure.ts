/**
 * Rows that a caller has made, a line a series: a layer rescaled, and the edge along training.
 *
 * @module
 */
import { measureAxis } from "~/lib/figures/cells.ts";
import { compose, type Figure } from "~/lib/figures/compose.ts";
import { EDGE } from "~/lib/figures/edge_figure.ts";
import type { Layer, Row } from "~/lib/figures/figure.ts";
import { SERIES_COLORS, SYMBOLS } from "~/lib/figures/theme.ts";
import type { EdgePoint } from "~/lib/findings.ts";

/** A measure of a network one of whose layers is scaled. */
export interface RescalingRow {
  /** The factor c > 0. */
  readonly scale: number;
  /** How the legend names the measure: "sharpness, r = 5". */
  readonly measure: string;
  readonly value: number;
}

/**
 * Draws each measure against c, divided by its own value at c = 1. A measure that does not see the
 * scale is a line at 1.
 *
 * @param given In any order. Left out: measures without a value > 0 at c = 1, and values at or below 0.
 */
export function plotRescaling(
  given: readonly RescalingRow[],
  { caption = "" }: { readonly caption?: string } = {},
): Figure {
  const unitOf = (own: readonly RescalingRow[]): number =>
    own.find(({ scale }) => scale === 1)?.value ?? NaN;
  const groups = [...Map.groupBy(given, ({ measure }) => measure)];
  const drawn = groups.filter(([, own]) => unitOf(own) > 0);
  const lost = groups.filter(([, own]) => !(unitOf(own) > 0)).map(([measure]) => measure);
  return compose({
    name: "rescaling",
    title: "A layer rescaled, the function unchanged",
    panels: [{
      x: { label: "First layer × c, last layer × 1 / c", scale: "log" },
      y: { label: "Measure / its value\nat c = 1", scale: "log" },
      layers: drawn.flatMap(([measure, own], i) => {
        const rows = own.filter(({ scale, value }) => scale > 0 && value > 0);
        const unit = unitOf(own);
        return seriesLayers(measure, rows.map((row) => ({ x: row.scale, y: row.value / unit })), i);
      }),
    }],
    caption: caption +
      (lost.length === 0
        ? ""
        : ` Not drawn, without a value above 0 at c = 1: ${lost.join(", ")}.`),
  });
}

/** Draws the eigenvalue against epochs, with 2 / learning rate. */
export function plotEdge(
  given: readonly EdgePoint[],
  { caption = "" }: { readonly caption?: string } = {},
): Figure {
  const rates = new Set(given.flatMap(({ learningRate }) => learningRate ?? []));
  const edges = [...rates].map((rate) => ({ x: NaN, y: 2 / rate, text: `2 / ${rate}` }));
  const groups = [...Map.groupBy(given, ({ series }) => series)];
  return compose({
    name: "edge-of-stability",
    title: "The edge of stability",
    panels: [{
      x: { label: "Epoch" },
      y: measureAxis("lambda-max"),
      layers: [
        { ...EDGE, kind: "rules", rows: edges },
        ...groups.flatMap(([series, own], i) =>
          seriesLayers(series, own.map(({ epoch, lambdaMax }) => ({ x: epoch, y: lambdaMax })), i)
        ),
      ],
    }],
    caption,
  });
}

/** A line with its points. Later ones are smaller, so that those on one another can be seen. */
function seriesLayers(legend: string, given: readonly Row[], i: number): Layer[] {
  const rows = given.toSorted((a, b) => a.x - b.x);
  const color = SERIES_COLORS[i % SERIES_COLORS.length]!;
  const symbol = SYMBOLS[i % SYMBOLS.length]!;
  const radius = Math.max(1.5, 6 - i);
  return rows.length === 0 ? [] : [
    { kind: "lines", name: `series-${i}-line`, rows, color },
    { kind: "points", name: `series-${i}`, rows, color, symbol, radius, legend },
  ];
}
