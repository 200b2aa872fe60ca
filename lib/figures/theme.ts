/**
 * Colours, symbols and sizes that all figures share.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import type { SymbolName } from "@observablehq/plot";
import { parseOptimizer } from "~/lib/optimizer.ts";

/** Verdana has nearly DejaVu's widths, for viewers of the SVG that lack DejaVu. */
export const FONT_FAMILY = "DejaVu Sans, Verdana, sans-serif";
/** Pixels of the SVG. */
export const FONT_SIZE = { title: 14, label: 12, tick: 11, caption: 10.5 } as const;

export const INK = {
  text: "#1a1a1a",
  muted: "#595959",
  grid: "#e3e3e3",
  axis: "#8c8c8c",
  published: "#a6a6a6",
} as const;

/** Okabe and Ito's colour-blind-safe set without yellow, https://jfly.uni-koeln.de/color. */
export const SERIES_COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];
/** The symbols of series in turn. */
export const SYMBOLS: readonly SymbolName[] = ["circle", "diamond", "square", "triangle"];
/** Those of a rule's further forms, in turn. */
const FORMS: readonly SymbolName[] = ["star", "cross", "wye"];

/** The edge of stability, wherever it is drawn. */
export const EDGE = {
  ...{ name: "edge", legend: "edge of stability: 2 / learning rate" },
  ...{ color: INK.muted, dash: "5 3" },
} as const;

/** How optimizers' marks look, by canonical text; those of one rule share its colour, ever lighter. */
export function optimizerStyles(
  optimizers: readonly string[],
): Map<string, { readonly color: string; readonly symbol: SymbolName; readonly slug: string }> {
  const names = optimizers.map((text) => parseOptimizer(text).name);
  return new Map(optimizers.map((text, i) => {
    const { name, color, symbol } = parseOptimizer(text);
    const place = names.slice(0, i).filter((earlier) => earlier === name).length;
    return [text, {
      color: lighten(color, 1 - 0.7 ** place),
      symbol: place === 0 ? symbol as SymbolName : FORMS[(place - 1) % FORMS.length]!,
      slug: text.replace(/[^\w-]+/g, "_"),
    }];
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

/** Colours of ascending values: Plasma without the yellow end that white drowns. */
export function rampOf(values: readonly number[]): Map<number, string> {
  const domain = [0, Math.max(values.length - 1, 1)];
  const { apply } = Plot.scale({
    color: { type: "linear", domain, scheme: "plasma", range: [0, 0.8] },
  });
  return new Map(values.map((value, i) => [value, apply(i)]));
}

/** Widths of DejaVu Sans' letters in em, rounded up, by class; a digit's is 0.64. */
const WIDTHS = [
  [/[ijlI .,:;'()|⁻⁰¹²³⁴-⁹]/g, 0.42],
  [/[a-hk-vx-z]/g, 0.6],
  [/[mwMWQO%@→]/g, 0.98],
] as const;

/** Pixels that a line takes, or a little more. */
export function textWidth(line: string, size: number): number {
  const ems = WIDTHS.map(([letters, em]) => [line.match(letters)?.length ?? 0, em] as const);
  const others = line.length - ems.reduce((sum, [count]) => sum + count, 0);
  return size * ems.reduce((sum, [count, em]) => sum + count * em, 0.66 * others);
}
