/**
 * Colours, symbols and sizes that all figures share, and how wide text is.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import type { MarkSymbol } from "~/lib/figures/figure.ts";
import { openOptimizer } from "~/lib/optimizer.ts";

/** Verdana has nearly DejaVu's widths, for viewers of the SVG that lack DejaVu. */
export const FONT_FAMILY = "DejaVu Sans, Verdana, sans-serif";
/** Pixels of the SVG. */
export const FONT_SIZE = { title: 14, label: 12, tick: 11, caption: 10.5 } as const;

export const INK = {
  text: "#1a1a1a",
  muted: "#595959",
  grid: "#e3e3e3",
  axis: "#8c8c8c",
  published: "#9a9a9a",
} as const;

/** Okabe and Ito's colour-blind-safe set without yellow, https://jfly.uni-koeln.de/color. */
export const SERIES_COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];

/** The symbols of series in turn. */
export const SYMBOLS: readonly MarkSymbol[] = ["circle", "diamond", "square", "triangle"];

/** How an optimizer's marks look. */
export interface OptimizerStyle {
  readonly color: string;
  /** A second cue beside colour. */
  readonly symbol: MarkSymbol;
  /** For names of SVG classes: letters, digits, - and _ only. */
  readonly slug: string;
}

/** Styles by canonical text; those of one rule share its colour, the later lighter. */
export function optimizerStyles(optimizers: readonly string[]): Map<string, OptimizerStyle> {
  const seen = new Map<string, number>();
  return new Map(optimizers.map((text) => {
    const { name, color, symbol } = openOptimizer(text);
    const place = Math.min(seen.get(name) ?? 0, 2);
    seen.set(name, place + 1);
    return [text, {
      color: lighten(color, [0, 0.35, 0.55][place]!),
      symbol: place === 0 ? symbol as MarkSymbol : SYMBOLS[place + 1]!,
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

/** Advances of DejaVu Sans in em, rounded up into classes; a digit's is that of the rest. */
const ADVANCES: readonly (readonly [ems: number, letters: string])[] = [
  [0.3, "'ijlIJ"],
  [0.35, " \u00a0,.:;/|f-"],
  [0.41, "()[]t!r⁰¹²³⁴⁵⁶⁷⁸⁹"],
  [0.5, '"*_–'],
  [0.57, "szcLFk?⁻"],
  [0.62, "vxyPTYaoe"],
  [0.7, "KAVBRXZC"],
  [0.79, "UHNDG&OQ"],
  [0.86, "w#+<=>×−≥M→"],
  [1, "%mW@"],
];
const OTHER_ADVANCE = 0.64;

/** Pixels that a line takes at most. */
export function textWidth(line: string, size: number): number {
  return size *
    [...line].reduce(
      (ems, letter) =>
        ems + (ADVANCES.find(([, letters]) => letters.includes(letter))?.[0] ?? OTHER_ADVANCE),
      0,
    );
}

/** Breaks text into lines of at most so many pixels, between words; a number is not parted from its unit. */
export function wrap(paragraph: string, size: number, width: number): string[] {
  const glued = paragraph.replace(/ (= |%|(?<=\d )[a-z])/g, "\u00a0$1")
    .replaceAll("= ", "=\u00a0");
  const lines: string[] = [];
  let line = "";
  for (const word of glued.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && textWidth(longer, size) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}
