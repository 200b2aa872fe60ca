/**
 * What the order of the images does to the loss that a stop looks at.
 *
 * @module
 */
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Layer, Panel } from "~/lib/figures/figure.ts";
import { INK, SERIES_COLORS, SYMBOLS } from "~/lib/figures/theme.ts";
import { capitalize } from "~/lib/files/text.ts";
import type { OrderTrace } from "~/lib/reproduce.ts";

const LOSSES = { batches: "Mean over the epoch's batches", fullSet: "All images, at its end" };

/**
 * Draws one learning rate's losses by epoch, a panel for each order, and the loss of a batch by its age
 * when the rule ended: the updates since the network was trained on it.
 *
 * @param traces From `traceOrder`; all of one learning rate.
 */
export function plotOrder(traces: readonly OrderTrace[]): Figure {
  const orders = [...Map.groupBy(traces, ({ order }) => order)];
  const byEpoch = orders.map(([order, own]): Panel => ({
    heading: order === "file" ? "Images in file order" : "Shuffled every epoch",
    x: { label: "Epoch" },
    y: { label: "Loss (nats)" },
    layers: [
      ...(["batches", "fullSet"] as const).map((key, i): Layer => ({
        ...{ kind: "lines", name: key, legend: LOSSES[key], color: SERIES_COLORS[i]! },
        ...{ width: 1, opacity: 0.8 },
        rows: own.flatMap(({ epochs, seed }) =>
          epochs.map((epoch, e) => ({ x: e + 1, y: epoch[key], z: seed }))
        ),
      })),
      ...(["batches", "fullSet"] as const).map((key, i): Layer => ({
        ...{ kind: "points", name: `${key}-stop`, color: SERIES_COLORS[i]!, radius: 3.5 },
        rows: own.flatMap(({ epochs, stops }) => {
          const stop = stops[key];
          return stop === null ? [] : [{ x: stop, y: epochs[stop - 1]![key] }];
        }),
      })),
    ],
  }));
  const byAge: Panel = {
    heading: "Batches at the stop",
    x: { label: "Updates since the batch" },
    y: { label: "Loss (nats)" },
    layers: orders.flatMap(([order, own], i): Layer[] => {
      const rows = own.flatMap(({ ages, seed }) =>
        ages.map(({ age, loss }) => ({ x: age, y: loss, z: seed }))
      );
      const style = { color: i === 0 ? INK.text : INK.axis, symbol: SYMBOLS[i]! };
      return [
        { ...style, kind: "lines", name: `${order}-age-line`, rows },
        {
          ...{ ...style, kind: "points", name: `${order}-age`, rows },
          legend: capitalize(order === "file" ? "file order" : "shuffled"),
        },
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
