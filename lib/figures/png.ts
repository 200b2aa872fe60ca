/**
 * Figures as PNG at twice their size, the same on every machine.
 *
 * @module
 */
import { Resvg } from "@resvg/resvg-js";
import { fileURLToPath } from "node:url";

/** Screens and prints at two pixels a pixel. */
export const PNG_SCALE = 2;

/** A figure as a PNG file of twice its width and height. */
export function renderPng({ svg }: { readonly svg: string }): Uint8Array<ArrayBuffer> {
  return renderSvg(svg);
}

/** Renders a standalone SVG with DejaVu from a package, never with the machine's fonts. */
export function renderSvg(svg: string): Uint8Array<ArrayBuffer> {
  const image = new Resvg(svg, {
    fitTo: { mode: "zoom", value: PNG_SCALE },
    font: {
      loadSystemFonts: false,
      fontFiles: ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"].map((file) =>
        fileURLToPath(import.meta.resolve(`dejavu-fonts-ttf/ttf/${file}`))
      ),
      defaultFontFamily: "DejaVu Sans",
    },
  });
  return new Uint8Array(image.render().asPng());
}
