/**
 * Colours, symbols and sizes that all figures share.
 *
 * @module
 */
import { openOptimizer } from "~/lib/optimizer.ts";

/** Verdana has nearly DejaVu's widths, for viewers of the SVG that lack DejaVu. */
export const FONT_FAMILY = "DejaVu Sans, Verdana, sans-serif";

/**
 * Pixels of the SVG. At 7 inches the widest figure, 830 pixels, prints 11 of them as 6.7 points, at
 * 3.5 inches a single panel, 442 pixels, as 6.3 points.
 */
export const FONT_SIZE = { title: 14, label: 12, tick: 11, caption: 10.5 } as const;

export const INK = {
  text: "#1a1a1a",
  muted: "#595959",
  grid: "#e3e3e3",
  axis: "#8c8c8c",
  published: "#767676",
} as const;

/** Okabe and Ito's colour-blind-safe set without yellow, https://jfly.uni-koeln.de/color. */
export const SERIES_COLORS = [
  "#0072b2",
  "#d55e00",
  "#009e73",
  "#cc79a7",
  "#56b4e9",
  "#e69f00",
] as const;

/** What Plot's symbols can be; areas are equal. */
export type MarkSymbol = "circle" | "diamond" | "square" | "triangle";

/** How an optimizer's marks look. */
export interface OptimizerStyle {
  readonly color: string;
  /** A second cue beside colour. */
  readonly symbol: MarkSymbol;
  /** Of lines, `stroke-dasharray`; undefined for a solid one. */
  readonly dash: string | undefined;
  /** For names of SVG classes: letters, digits, - and _ only. */
  readonly slug: string;
}

const VARIANTS: readonly (Pick<OptimizerStyle, "dash"> & { symbol?: MarkSymbol; white: number })[] =
  [
    { white: 0, dash: undefined },
    { white: 0.35, dash: "5 3", symbol: "square" },
    { white: 0.55, dash: "1.5 3", symbol: "triangle" },
  ];

/**
 * Styles of optimizers by canonical text. Those of one rule share its colour; the second and third
 * are lighter, with symbols of their own and dashed lines.
 */
export function optimizerStyles(optimizers: readonly string[]): Map<string, OptimizerStyle> {
  const seen = new Map<string, number>();
  return new Map(optimizers.map((text) => {
    const { name, color, symbol } = openOptimizer(text);
    const place = seen.get(name) ?? 0;
    seen.set(name, place + 1);
    const { white, ...variant } = VARIANTS[Math.min(place, VARIANTS.length - 1)]!;
    const style = { symbol: symbol as MarkSymbol, ...variant, color: lighten(color, white) };
    return [text, { ...style, slug: text.replace(/[^\w-]+/g, "_") }];
  }));
}

/** Mixes `#rrggbb` with so much white, 0..1. */
export function lighten(color: string, white: number): string {
  const mixed = [1, 3, 5].map((at) => {
    const channel = parseInt(color.slice(at, at + 2), 16);
    return Math.round(channel + (255 - channel) * white).toString(16).padStart(2, "0");
  });
  return `#${mixed.join("")}`;
}
