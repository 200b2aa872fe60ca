/**
 * Outlines of the marks, in Plot and in legends.
 *
 * @module
 */
import type { SymbolType } from "@observablehq/plot";
import type { MarkSymbol } from "~/lib/figures/theme.ts";

/** The outlines of Plot's symbols at r = 3: areas are equal, pi r^2. */
const OUTLINES: Readonly<Record<MarkSymbol, string>> = {
  circle: "M3,0A3,3,0,1,1,-3,0A3,3,0,1,1,3,0Z",
  diamond: "M0,-4.95L2.86,0L0,4.95L-2.86,0Z",
  square: "M-2.66,-2.66h5.32v5.32h-5.32Z",
  triangle: "M0,-4.67L4.04,2.33L-4.04,2.33Z",
};

/** All of them. */
export const MARK_SYMBOLS = Object.keys(OUTLINES) as readonly MarkSymbol[];

/** Plot's name of a symbol. */
export function markSymbol(symbol: MarkSymbol): SymbolType {
  return symbol;
}

/** A mark of radius 3 about (0, 0). */
export function outline(
  symbol: MarkSymbol,
  { stroke, fill, width = 1.5 }: { stroke: string; fill: string; width?: number },
): string {
  return `<path d="${OUTLINES[symbol]}" fill="${fill}" stroke="${stroke}" ` +
    `stroke-width="${width}"/>`;
}
