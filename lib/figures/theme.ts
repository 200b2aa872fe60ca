/**
 * Colours, symbols and sizes that all figures share.
 *
 * @module
 */
import type { OptimizerName } from "~/lib/optimizer.ts";
import type { Effect, Study } from "~/lib/study.ts";

/** Verdana has nearly DejaVu's widths, for viewers of the SVG that lack DejaVu. */
export const FONT_FAMILY = "DejaVu Sans, Verdana, sans-serif";

/**
 * Pixels of the SVG. At 7 inches the widest figure, 830 pixels, prints 11 of them as 6.7 points, at
 * 3.5 inches a single panel, 442 pixels, as 6.3 points.
 */
export const FONT_SIZE = { title: 14, label: 12, tick: 11, caption: 10.5 } as const;

export const INK = { text: "#1a1a1a", muted: "#595959", grid: "#e3e3e3", axis: "#8c8c8c" } as const;

/** Blue and vermillion of Okabe and Ito's colour-blind-safe set, https://jfly.uni-koeln.de/color. */
export const OPTIMIZER_COLOR: Readonly<Record<OptimizerName, string>> = {
  SGD: "#0072b2",
  AdaGrad: "#d55e00",
};

/** A second cue beside colour. */
export const OPTIMIZER_SYMBOL: Readonly<Record<OptimizerName, "circle" | "diamond">> = {
  SGD: "circle",
  AdaGrad: "diamond",
};

export const EFFECT_LABEL: Readonly<Record<Effect, string>> = {
  "learning-rate": "Learning rate",
  "batch-size": "Batch size (images)",
};

/** A value of an effect as its axis and legends show it: "5e-4", "2" and "32768". */
export function formatValue(effect: Effect, value: number): string {
  if (effect === "batch-size") return String(value);
  return value >= 1 && value < 1000
    ? String(Number(value.toPrecision(3)))
    : value.toExponential(2).replace(/\.?0*e\+?/, "e");
}

/** What a panel's other factor was: "batch size 128". */
export function otherFactor({ grid }: Study, effect: Effect): string {
  return effect === "learning-rate"
    ? `batch size ${grid.baseBatchSize}`
    : `learning rate ${formatValue("learning-rate", grid.baseLearningRate)}`;
}
