/**
 * Landscapes: loss and accuracy along lines, contours of the loss in planes, and the spectra of Hessians.
 *
 * @module
 */
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Layer, Panel, Row } from "~/lib/figures/figure.ts";
import { INK, rampOf, SERIES_COLORS } from "~/lib/figures/theme.ts";
import { plural, plurals, significant, thousands } from "~/lib/files/numbers.ts";
import type { Landscape } from "~/lib/landscape.ts";
import type { MeasureValue } from "~/lib/measure.ts";

const SPLITS = ["train", "test"] as const;
const WORD = { train: "Training", test: "Test" } as const;
const NORMALISED = "at each point the logits are normalised with their own statistics.";

/** A landscape with the heading of its panel. */
interface Headed {
  readonly heading: string;
  readonly found: Landscape;
}

/** Draws a landscape: loss and accuracy along a line, or the loss of both splits in a plane. */
export function plotLandscape(found: Landscape): Figure {
  const { axes, networks, points, question } = found;
  const isPlane = axes.length === 2;
  const isKept = question["biases"] === "keep";
  const names = networks.map(({ name }) => name).join(", ");
  return compose({
    name: "landscape",
    title: `${isPlane ? "A plane" : "A line"} through ${names}`,
    panels: isPlane ? planePanels(found) : linePanels(found),
    caption: [
      `${plural(points.length, "point")} over ${thousands(Number(question["images"]))} training ` +
      `and all test images; ${NORMALISED}`,
      question["normalise"] === "filter" &&
      "A step of 1 moves every filter by its own norm" +
        (isKept ? "; biases stay." : ", a layer's biases by theirs."),
      question["normalise"] === "none" &&
      `A step is a distance in weight space${isKept ? "; biases stay" : ""}.`,
      // On a line those that are one of its points.
      (isPlane || networks.some(({ x }) => points.some((point) => point.x === x))) &&
      "Marked: the networks themselves.",
    ].filter(Boolean).join(" "),
  });
}

/** Draws the losses along lines between networks, a panel a line. */
export function plotLines(given: readonly Headed[]): Figure {
  const stops = new Set(given.map(({ found }) => found.question["stop"]));
  return compose({
    name: "lines",
    title: "Between two networks stopped at one epoch loss",
    // What a line joins stands in its heading: its axis must fit half a column.
    panels: given.map(({ heading, found }) => (
      { ...linePanels(found)[0]!, heading, x: { label: "Share of the way" } }
    )),
    caption:
      `One pair of one seed each, at the stop ${[...stops].join(" or ")}; ${NORMALISED} Marked: ` +
      "the networks; their losses over all images differ.",
    isNarrow: true,
  });
}

/** Rises of the loss in nats at which a field's contours lie, each twice the one before. */
const RISES = Array.from({ length: 10 }, (_, i) => 0.01 * 2 ** i);

/**
 * Draws how the training loss rises in planes around networks, a panel a plane, the same contours and
 * axes in all.
 */
export function plotField(given: readonly Headed[]): Figure {
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
          contours("rise", rows, [0, ...RISES], { what: "Rise", from: RISES[0]! }),
          {
            ...{ kind: "points", name: "network", color: INK.text, radius: 2 },
            rows: [{ x: 0, y: 0 }],
          },
        ],
      };
    }),
    caption:
      "Seed 0 at the stop. A step of 1 moves every filter by its own norm, a layer's biases by theirs. " +
      "Each band begins at twice the rise of the one before.",
    isNarrow: true,
  });
}

function linePanels({ axes: [axis], networks, points }: Landscape): Panel[] {
  return (["Loss", "Accuracy"] as const).map((what): Panel => ({
    heading: what,
    x: { label: axis!.label },
    y: { label: what === "Loss" ? "Loss (nats)" : "Accuracy (fraction)" },
    layers: [
      ...SPLITS.map((split, i): Layer => ({
        ...{ kind: "lines", name: `${split}-line`, legend: WORD[split], color: SERIES_COLORS[i]! },
        dash: split === "test" ? "5,3" : undefined,
        rows: points.map((point) => ({ x: point.x, y: point[`${split}${what}`] ?? NaN })),
      })),
      {
        ...{ kind: "points", name: "network", color: INK.text },
        rows: networks.flatMap(({ x, name: text }) => {
          const own = points.find((point) => point.x === x);
          return own ? [{ x, y: own[`train${what}`] ?? NaN, text }] : [];
        }),
      },
    ],
  }));
}

/** Bands of colour between a plane's contours. */
const BANDS = 12;

function planePanels({ axes: [x, y], networks, points }: Landscape): Panel[] {
  return SPLITS.map((split): Panel => {
    const what = `${WORD[split]} loss`;
    const rows = points.map((point) => ({ ...point, z: point[`${split}Loss`] ?? NaN }));
    const known = rows.map(({ z }) => z).filter(Number.isFinite).sort((a, b) => a - b);
    const [low = NaN, high = NaN] = [known[0], known.at(-1)];
    // Close where the loss is low, as there the shape of a minimum is; the first takes all.
    const levels = Array.from({ length: BANDS }, (_, i) => low + (high - low) * (i / BANDS) ** 2);
    return {
      heading: what,
      x: { label: x!.label },
      y: { label: y!.label },
      height: 300,
      layers: [
        ...(known.length > 0
          ? [contours(`${split}-contours`, rows, levels, { what, from: low })]
          : []),
        {
          ...{ kind: "points", name: "network", color: INK.text },
          rows: networks.map((at) => ({ ...at, isHollow: true })),
        },
        {
          ...{ kind: "texts", name: "network-name", halo: "#fff" },
          rows: networks.map(({ name, ...at }) => ({ ...at, text: name, color: INK.text })),
        },
      ],
    };
  });
}

/** Bands from each level up, darker where the loss is high, with their entry in the legend. */
function contours(
  name: string,
  rows: readonly Row[],
  levels: readonly number[],
  { what, from }: { readonly what: string; readonly from: number },
): Layer {
  const colors = [...rampOf(levels).values()].reverse();
  const to = `${significant(levels.at(-1)!)} nats`;
  const legend = { from: `${what} ${significant(from)}`, to, colors };
  return { kind: "contours", name, rows, levels, colors, legend };
}

/** Standard deviation of the bump that stands for a node, as a share of the spectrum's width. */
const WIDTH = 0.01;
const POINTS = 400;
/** What is less than this share of the highest point is a bump's tail, and is not drawn. */
const FLOOR = 1e-9;

interface Probe {
  readonly nodes: readonly number[];
  readonly weights: readonly number[];
}

/**
 * Draws a panel for each network: the mean over its probes of their nodes' weights, each as a normal
 * density of 1 % of the spectrum's width. What lies below 0 has a colour of its own.
 *
 * @param networks `value`: one of the measure `density`.
 */
export function plotDensities(
  networks: readonly { readonly name: string; readonly value: MeasureValue }[],
): Figure {
  const all = networks.map(({ value }) => value["probes"] as readonly Probe[]);
  const probes = plurals(all.map(({ length }) => length), "probe");
  const nodes = plurals(all.flat().map(({ nodes }) => nodes.length), "node");
  return compose({
    name: "density",
    title: "Spectral density of the Hessian",
    panels: networks.map(({ name }, i): Panel => {
      const rows = densityOf(all[i]!);
      const split = rows.findIndex(({ x }) => x > 0);
      // The point beside 0 belongs to both sides, so that the line does not break.
      const sides = split < 0 ? [rows, []] : [rows.slice(0, split + 1), rows.slice(split)];
      return {
        heading: name,
        x: { label: "Eigenvalue (nats/unit²)", isOwn: true },
        y: { label: "Density", scale: "log" },
        layers: [
          { kind: "rules", name: "zero", along: "x", color: INK.axis, rows: [{ x: 0, y: NaN }] },
          ...sides.map((own, side): Layer => ({
            ...{ kind: "lines", name: `density-${side}`, rows: own },
            legend: ["below 0", "above 0"][side]!,
            color: SERIES_COLORS[1 - side]!,
          })),
        ],
      };
    }),
    caption:
      `One network each, of seed 0, by learning rate and batch size. Stochastic Lanczos quadrature with ${probes} of ${nodes}, each bump a node, a normal density of ` +
      "1 % of the spectrum's width.",
    isNarrow: true,
  });
}

function densityOf(probes: readonly Probe[]): { x: number; y: number }[] {
  const nodes = probes.flatMap((probe) => probe.nodes);
  const [low, high] = [Math.min(...nodes), Math.max(...nodes)];
  const width = WIDTH * (high - low || 1);
  const rows = Array.from({ length: POINTS }, (_, i) => {
    const x = low - 3 * width + i * (high - low + 6 * width) / (POINTS - 1);
    const sum = probes.flatMap((probe) =>
      probe.nodes.map((node, j) => probe.weights[j]! * Math.exp(-(((x - node) / width) ** 2) / 2))
    ).reduce((a, b) => a + b, 0);
    return { x, y: sum / probes.length / width / Math.sqrt(2 * Math.PI) };
  });
  const most = Math.max(...rows.map(({ y }) => y));
  return rows.map(({ x, y }) => ({ x, y: y > FLOOR * most ? y : NaN }));
}
