/**
 * What rescaling a layer, which changes no output, does to measures.
 *
 * @module
 */
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Layer } from "~/lib/figures/figure.ts";
import { SERIES_COLORS, SYMBOLS } from "~/lib/figures/theme.ts";

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
  const names = [...new Set(given.map(({ measure }) => measure))];
  const lines = names.flatMap((measure, i) => {
    const own = given.filter((row) => row.measure === measure).sort((a, b) => a.scale - b.scale);
    const unit = own.find(({ scale }) => scale === 1)?.value;
    if (unit === undefined || !(unit > 0)) return [];
    return [{
      measure,
      rows: own.filter(({ scale, value }) => scale > 0 && value > 0)
        .map(({ scale, value }) => ({ x: scale, y: value / unit })),
      color: SERIES_COLORS[i % SERIES_COLORS.length]!,
      symbol: SYMBOLS[i % SYMBOLS.length]!,
    }];
  });
  const lost = names.filter((name) => !lines.some(({ measure }) => measure === name));
  return compose({
    name: "rescaling",
    title: "A layer rescaled, the function unchanged",
    panels: [{
      x: { label: "First layer × c, last layer × 1 / c", scale: "log" },
      y: { label: "Measure / its value\nat c = 1", scale: "log" },
      layers: lines.flatMap(({ rows, color, symbol }, i): Layer[] => [
        { kind: "lines", name: `line-${i}`, rows, color },
        // Those that lie on one another stand around one another.
        {
          ...{ kind: "points", name: `measure-${i}`, color, symbol },
          radius: 2.5 + 1.2 * (lines.length - 1 - i),
          rows: rows.map((row) => ({ ...row, isHollow: true })),
        },
      ]),
    }],
    legend: lines.map(({ measure, color, symbol }) => (
      { label: measure, mark: { kind: "points", color, symbol, isHollow: true } }
    )),
    caption: caption +
      (lost.length === 0
        ? ""
        : ` Not drawn, without a value above 0 at c = 1: ${lost.join(", ")}.`),
  });
}
