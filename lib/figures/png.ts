/**
 * Figures as PNG, the same on every machine.
 *
 * @module
 */
import { Resvg } from "@resvg/resvg-js";
import { FONT_FILES } from "~/lib/figures/font_files.ts";
import type { Figure } from "~/lib/figures/stack.ts";

/** Screens and prints at two pixels a pixel. */
export const PNG_SCALE = 2;

/** What journals ask for. */
const DOTS_PER_INCH = 300;

/**
 * A figure as a PNG file of twice its width and height, or of 300 dots an inch where it is made for
 * print; with DejaVu from a package, never with the machine's fonts.
 */
export function renderPng(
  { svg, width, inches }: Pick<Figure, "svg" | "width" | "inches">,
): Uint8Array<ArrayBuffer> {
  const image = new Resvg(svg, {
    fitTo: {
      mode: "width",
      value: inches === undefined ? PNG_SCALE * width : Math.round(DOTS_PER_INCH * inches),
    },
    font: {
      loadSystemFonts: false,
      fontFiles: [FONT_FILES.normal, FONT_FILES.bold],
      defaultFontFamily: "DejaVu Sans",
    },
  });
  return new Uint8Array(image.render().asPng());
}
