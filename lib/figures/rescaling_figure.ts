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
  const groups = [...Map.groupBy(given, ({ measure }) => measure)];
  const unitOf = (own: readonly RescalingRow[]): number =>
    own.find(({ scale }) => scale === 1)?.value ?? NaN;
  const layers = groups.flatMap(([measure, own], i): Layer[] => {
    const rows = own.filter(({ scale, value }) => scale > 0 && value > 0 && unitOf(own) > 0)
      .map(({ scale, value }) => ({ x: scale, y: value / unitOf(own), isHollow: true }))
      .sort((a, b) => a.x - b.x);
    const color = SERIES_COLORS[i % SERIES_COLORS.length]!;
    const symbol = SYMBOLS[i % SYMBOLS.length]!;
    // Those that lie on one another stand around one another.
    const radius = 2.5 + 1.2 * (groups.length - 1 - i);
    return rows.length === 0 ? [] : [
      { kind: "lines", name: `line-${i}`, rows, color },
      { kind: "points", name: `measure-${i}`, rows, color, symbol, radius, legend: measure },
    ];
  });
  const lost = groups.filter(([, own]) => !(unitOf(own) > 0)).map(([measure]) => measure);
  return compose({
    name: "rescaling",
    title: "A layer rescaled, the function unchanged",
    panels: [{
      x: { label: "First layer × c, last layer × 1 / c", scale: "log" },
      y: { label: "Measure / its value\nat c = 1", scale: "log" },
      layers,
    }],
    caption: caption +
      (lost.length === 0
        ? ""
        : ` Not drawn, without a value above 0 at c = 1: ${lost.join(", ")}.`),
  });
}
