/**
 * Observable Plot outside a browser: options in, a piece of standalone SVG out.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { Piece } from "~/lib/figures/svg.ts";
import { FONT_FAMILY, FONT_SIZE, INK } from "~/lib/figures/theme.ts";

/** What a plot is made of; its width and height are needed to compose it with others. */
export type PlotOptions = Plot.PlotOptions & { readonly width: number; readonly height: number };

/** A horizontal stroke, for the ends of whiskers; Plot's own marker for it needs a numbered id. */
export const CAP = {
  draw(context: Pick<CanvasPath, "moveTo" | "lineTo">, area: number): void {
    const half = Math.sqrt(area / Math.PI);
    context.moveTo(-half, 0);
    context.lineTo(half, 0);
  },
};

/**
 * Draws a plot without axes of its own.
 *
 * Its style sheet goes, which standalone viewers understand in part only, and coordinates are
 * rounded to 1/100 pixel, so that the last bits of a logarithm do not show in the file.
 */
export function renderPlot(options: PlotOptions): Piece {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const element = Plot.plot({ axis: null, ...options, document });
  const content = element.innerHTML
    .replace(/<style>.*?<\/style>/s, "")
    .replaceAll("currentColor", INK.text)
    .replace(/<[^>]+>/g, (tag) => tag.replace(/-?\d+\.\d{3,}(e-?\d+)?/g, roundNumber));
  return {
    svg: `<g font-family="${FONT_FAMILY}" font-size="${FONT_SIZE.tick}" fill="${INK.text}" ` +
      `text-anchor="middle">${content}</g>`,
    width: options.width,
    height: options.height,
  };
}

function roundNumber(digits: string): string {
  return String(Math.round(Number(digits) * 100) / 100);
}
