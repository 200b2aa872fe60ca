/**
 * Loss and accuracy along a line through networks, or contours of the loss in a plane.
 *
 * @module
 */
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Layer, Panel } from "~/lib/figures/figure.ts";
import { INK, rampOf, SERIES_COLORS } from "~/lib/figures/theme.ts";
import { plural, significant, thousands } from "~/lib/files/numbers.ts";
import type { Landscape, LandscapePoint } from "~/lib/landscape.ts";

/** Contours of a plane. */
const LEVELS = 12;
const SPLITS = ["train", "test"] as const;
const WORD = { train: "Training", test: "Test" } as const;

/** Draws a landscape. */
export function plotLandscape(found: Landscape): Figure {
  const { axes, networks, points, question } = found;
  const isPlane = axes.length === 2;
  const names = networks.map(({ name }) => name);
  return compose({
    name: "landscape",
    title: `${isPlane ? "A plane" : "A line"} through ${names.join(", ")}`,
    panels: isPlane ? contourPanels(found) : linePanels(found),
    caption: [
      `${plural(points.length, "point")} over ${thousands(Number(question["images"]))} training ` +
      "and all test images; at each point the logits are normalised with their own statistics.",
      question["normalise"] === "filter" &&
      "A step of 1 moves every filter by its own norm" +
        (question["biases"] === "keep" ? "; biases stay." : ", a layer's biases by theirs."),
      question["normalise"] === "none" &&
      `A step is a distance in weight space${
        question["biases"] === "keep" ? "; biases stay" : ""
      }.`,
      "Marked: the networks themselves.",
    ].filter(Boolean).join(" "),
  });
}

/**
 * Draws the losses along lines between networks, a panel a line.
 *
 * @param given With the heading of each panel.
 */
export function plotLines(
  given: readonly { readonly heading: string; readonly found: Landscape }[],
): Figure {
  return compose({
    name: "lines",
    title: "On the way from one network to another at one epoch loss",
    // What a line joins stands in its heading: its axis must fit half a column.
    panels: given.map(({ heading, found }) => (
      { ...linePanels(found)[0]!, heading, x: { label: "Share of the way" } }
    )),
    caption: "One pair of one seed each; at each point the logits are normalised " +
      "with their own statistics. Marked: the networks themselves.",
    isNarrow: true,
  });
}

/** Rises of the loss in nats at which a field's contours lie, each twice the one before. */
const RISES = Array.from({ length: 10 }, (_, i) => 0.01 * 2 ** i);

/**
 * Draws how the training loss rises in planes around networks, a panel a plane, the same contours and
 * axes in all.
 *
 * @param given With the heading of each panel.
 */
export function plotField(
  given: readonly { readonly heading: string; readonly found: Landscape }[],
): Figure {
  const levels = [0, ...RISES];
  const colors = [...rampOf(levels).values()].reverse();
  const [from, to] = [RISES[0]!, RISES.at(-1)!].map((level) => significant(level));
  return compose({
    name: "field",
    title: "Rise of the training loss around networks",
    panels: given.map(({ heading, found: { points } }): Panel => {
      const lowest = Math.min(...points.map(({ trainLoss }) => trainLoss ?? Infinity));
      const rows = points.map(({ x, y, trainLoss }) => ({ x, y, z: (trainLoss ?? NaN) - lowest }));
      return {
        heading,
        x: { label: "Random direction 0" },
        y: { label: "Random direction 1" },
        layers: [
          {
            ...{ kind: "contours", name: "rise", rows, levels, colors },
            legend: { from: `Rise ${from}`, to: `${to} nats`, colors },
          },
          {
            ...{ kind: "points", name: "network", color: INK.text, radius: 2 },
            rows: [{ x: 0, y: 0 }],
          },
        ],
      };
    }),
    caption:
      "Seed 0 at the stop; a step of 1 moves every filter by its own norm, a layer's biases " +
      "by theirs; each band begins at twice the rise of the one before.",
    isNarrow: true,
  });
}

function linePanels({ axes: [axis], networks, points }: Landscape): Panel[] {
  const marks = (y: (point: LandscapePoint) => number | null): Layer => ({
    ...{ kind: "points", name: "network", color: INK.text },
    rows: networks.flatMap(({ x, name }) => {
      const own = points.find((point) => point.x === x);
      return own ? [{ x, y: y(own) ?? NaN, text: name }] : [];
    }),
  });
  return (["Loss", "Accuracy"] as const).map((what): Panel => ({
    heading: what,
    x: { label: axis!.label },
    y: { label: what === "Loss" ? "Loss (nats)" : "Accuracy (fraction)" },
    layers: [
      ...SPLITS.map((split, i): Layer => ({
        ...{ kind: "lines", name: `${split}-line`, legend: WORD[split], color: SERIES_COLORS[i]! },
        ...(split === "test" ? { dash: "5,3" } : {}),
        rows: points.map((point) => ({ x: point.x, y: point[`${split}${what}`] ?? NaN })),
      })),
      marks((point) => point[`train${what}`]),
    ],
  }));
}

function contourPanels({ axes: [x, y], networks, points }: Landscape): Panel[] {
  return SPLITS.map((split): Panel => {
    const rows = points.map((point) => ({ ...point, y: point.y, z: point[`${split}Loss`] ?? NaN }));
    const known = rows.map(({ z }) => z).filter(Number.isFinite).sort((a, b) => a - b);
    const [low, high] = [known[0] ?? 0, known.at(-1) ?? 1];
    // Close where the loss is low, as there the shape of a minimum is; the first takes all.
    const levels = Array.from(
      { length: LEVELS },
      (_, i) => low + (high - low) * (i / LEVELS) ** 2,
    );
    const colors = [...rampOf(levels).values()].reverse();
    const [from, to] = [levels[0]!, levels.at(-1)!].map((level) => significant(level));
    return {
      heading: `${WORD[split]} loss`,
      x: { label: x!.label },
      y: { label: y!.label },
      height: 300,
      layers: [
        {
          ...{ kind: "contours", name: `${split}-contours`, rows, levels, colors },
          legend: { from: `${WORD[split]} loss ${from}`, to: `${to} nats`, colors },
        },
        { kind: "points", name: "network", rows: networks, color: INK.text },
        {
          ...{ kind: "texts", name: "network-name" },
          rows: networks.map(({ name, ...at }) => ({ ...at, text: name, color: INK.text })),
        },
      ],
    };
  });
}
