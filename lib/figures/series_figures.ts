/**
 * Rows that a caller has made, a line a series: a layer rescaled, the edge along training, and losses in
 * two orders of the images.
 *
 * @module
 */
import { measureAxis } from "~/lib/figures/cells.ts";
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Layer, Panel, Row } from "~/lib/figures/figure.ts";
import {
  EDGE,
  INK,
  lighten,
  optimizerStyles,
  SERIES_COLORS,
  SYMBOLS,
} from "~/lib/figures/theme.ts";
import { type EdgePoint, EIGENVALUE } from "~/lib/findings.ts";
import type { OrderTrace, RescaledMeasure } from "~/lib/reproduce.ts";

/**
 * Draws each measure against c, divided by its own value at c = 1. A measure that does not see the
 * scale is a line at 1.
 *
 * @param given From `rescaledMeasures`, in any order. Left out: measures without a value > 0 at c = 1, and values at or below 0.
 */
export function plotRescaling(
  given: readonly Omit<RescaledMeasure, "standardError">[],
  { caption = "" }: { readonly caption?: string } = {},
): Figure {
  const groups = [...Map.groupBy(given, ({ measure }) => measure)].map(([measure, own]) => (
    { measure, own, unit: own.find(({ scale }) => scale === 1)?.value ?? NaN }
  ));
  const drawn = groups.filter(({ unit }) => unit > 0);
  const lost = groups.filter(({ unit, own }) =>
    [unit, ...own.map(({ value }) => value)]
      .some((value) => !(value > 0))
  );
  return compose({
    name: "rescaling",
    title: "A layer rescaled, the function unchanged",
    panels: [{
      x: { label: "First layer × c, last layer × 1 / c", scale: "log" },
      y: { label: "Measure / its value\nat c = 1", scale: "log" },
      layers: drawn.flatMap(({ measure, own, unit }, i) => {
        const rows = own.filter(({ scale, value }) => scale > 0 && value > 0);
        return seriesLayers(measure, rows.map((row) => ({ x: row.scale, y: row.value / unit })), i);
      }),
    }],
    caption: given.length === 0 ? "Nothing was computed yet." : caption +
      (lost.length === 0 ? "" : " Values that are not above 0, or not at c = 1, are not drawn: " +
        `${lost.map(({ measure }) => measure).join(", ")}.`),
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
  const styles = optimizerStyles([...new Set(given.map(({ optimizer }) => optimizer))]);
  return compose({
    name: "edge-of-stability",
    title: "The edge of stability",
    panels: [{
      x: { label: "Epoch" },
      y: measureAxis(EIGENVALUE),
      layers: [
        { ...EDGE, kind: "rules", rows: edges },
        ...groups.flatMap(([series, own], i) => {
          const rows = own.map(({ epoch, lambdaMax }) => ({ x: epoch, y: lambdaMax }));
          const { optimizer } = own[0]!;
          // The later ones of an optimizer are paler.
          const first = groups.findIndex(([, [point]]) => point!.optimizer === optimizer);
          const { color } = styles.get(optimizer)!;
          return seriesLayers(series, rows, i, lighten(color, first < i ? 0.5 : 0));
        }),
      ],
    }],
    caption,
  });
}

/** A line with its points. Later ones are smaller, so that those on one another can be seen. */
function seriesLayers(
  legend: string,
  given: readonly Row[],
  i: number,
  color: string = SERIES_COLORS[i % SERIES_COLORS.length]!,
): Layer[] {
  const rows = given.toSorted((a, b) => a.x - b.x);
  const symbol = SYMBOLS[i % SYMBOLS.length]!;
  const radius = Math.max(1.5, 6 - i);
  return [
    { kind: "lines", name: `series-${i}-line`, rows, color },
    { kind: "points", name: `series-${i}`, rows, color, symbol, radius, legend },
  ];
}

/** The losses of a trace. */
const LOSSES = [
  { key: "batches", legend: "Mean over the epoch's batches", color: SERIES_COLORS[0]! },
  { key: "fullSet", legend: "All images, at its end", color: SERIES_COLORS[1]! },
] as const;

/**
 * Draws one learning rate's losses by epoch, a panel for each order, and the loss of a batch by its age
 * when the rule ended: the updates since the network was trained on it.
 *
 * @param traces From `traceOrder`; all of one learning rate.
 */
export function plotOrder(traces: readonly OrderTrace[]): Figure {
  const orders = [...Map.groupBy(traces, ({ order }) => order)];
  const y = { label: "Loss (nats)" };
  const byEpoch = orders.map(([order, own]): Panel => ({
    heading: order === "file" ? "Images in file order" : "Shuffled every epoch",
    ...{ x: { label: "Epoch" }, y },
    layers: [
      ...LOSSES.map(({ key, ...style }): Layer => ({
        ...{ ...style, kind: "lines", name: key, width: 1, opacity: 0.8 },
        rows: own.flatMap(({ epochs, seed }) =>
          epochs.map((epoch, e) => ({ x: e + 1, y: epoch[key], z: seed }))
        ),
      })),
      ...LOSSES.map(({ key, color }): Layer => ({
        ...{ kind: "points", name: `${key}-stop`, color, radius: 3.5 },
        rows: own.flatMap(({ epochs, stops }) => {
          const stop = stops[key];
          return stop === null ? [] : [{ x: stop, y: epochs[stop - 1]![key] }];
        }),
      })),
    ],
  }));
  const byAge: Panel = {
    heading: "Batches at the stop",
    ...{ x: { label: "Updates since the batch" }, y },
    layers: orders.flatMap(([order, own], i): Layer[] => {
      const rows = own.flatMap(({ ages, seed }) =>
        ages.map(({ age, loss }) => ({ x: age, y: loss, z: seed }))
      );
      const style = { color: i === 0 ? INK.text : INK.axis, symbol: SYMBOLS[i]!, rows };
      const legend = order === "file" ? "File order" : "Shuffled";
      return [
        { ...style, kind: "lines", name: `${order}-age-line` },
        { ...style, kind: "points", name: `${order}-age`, legend },
      ];
    }),
  };
  const [first] = traces;
  return compose({
    name: "order",
    title: "What the order of the images does",
    panels: [...byEpoch, byAge],
    caption: first === undefined
      ? "Nothing was computed yet."
      : `Learning rate ${first.learningRate}, one line a seed; dots: where ${first.rule} ends on ` +
        "either loss. Batches are normalised by their own rows, all images by theirs.",
  });
}
