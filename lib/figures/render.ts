/**
 * Figures as PNG and PDF, the same on every machine: with DejaVu from a package.
 *
 * @module
 */
import { renderAsync } from "@resvg/resvg-js";
import { Buffer } from "node:buffer";
import { arrayBuffer } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import PDFDocument from "pdfkit";
import SVGtoPDF from "svg-to-pdfkit";
import type { Figure } from "~/lib/figures/compose.ts";

const [NORMAL, BOLD] = ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"].map((file) =>
  fileURLToPath(import.meta.resolve(`dejavu-fonts-ttf/ttf/${file}`))
) as [string, string];

/** What journals ask for. */
const DOTS_PER_INCH = 300;
const METRES_PER_INCH = 0.0254;
/** Bytes of a PNG's signature and first chunk. */
const HEADER = 8 + 25;

/**
 * A figure as a PNG file of twice its width and height; of 300 dots an inch, which it states, where
 * it is made for print.
 */
export async function renderPng(
  { svg, width, inches }: Pick<Figure, "svg" | "width" | "inches">,
): Promise<Uint8Array<ArrayBuffer>> {
  const pixels = inches === undefined ? 2 * width : Math.round(DOTS_PER_INCH * inches);
  const image = await renderAsync(svg, {
    fitTo: { mode: "width", value: pixels },
    font: { loadSystemFonts: false, fontFiles: [NORMAL, BOLD], defaultFontFamily: "DejaVu Sans" },
  });
  const png = image.asPng();
  if (inches === undefined) return new Uint8Array(png);
  const size = Buffer.alloc(21);
  size.writeUInt32BE(9, 0);
  size.write("pHYs", 4, "latin1");
  const perMetre = Math.round(DOTS_PER_INCH / METRES_PER_INCH);
  for (const at of [8, 12]) size.writeUInt32BE(perMetre, at);
  size.writeUInt8(1, 16);
  size.writeUInt32BE(crc32(size.subarray(4, 17)), 17);
  return new Uint8Array(Buffer.concat([png.subarray(0, HEADER), size, png.subarray(HEADER)]));
}

/** A figure as a PDF of one page, its text as text in an embedded font; the same bytes each time. */
export async function renderPdf(figure: Figure): Promise<Uint8Array<ArrayBuffer>> {
  // Where nothing says otherwise an inch has 96 pixels.
  const { svg, title, inches = figure.width / 96 } = figure;
  const scale = 72 * inches / figure.width;
  const [width, height] = [scale * figure.width, scale * figure.height];
  const info = { Title: title, CreationDate: new Date(0) };
  const page = new PDFDocument({ size: [width, height], margin: 0, info });
  // The size in pixels, as it is without the one in inches.
  const drawing = svg.replace(/ width="[\d.]+in" height="[\d.]+in"/, "");
  SVGtoPDF(page, drawing, 0, 0, {
    ...{ width, height, assumePt: true },
    fontCallback: (_family: string, isBold: boolean) => isBold ? BOLD : NORMAL,
  });
  page.end();
  return new Uint8Array(await arrayBuffer(page));
}
