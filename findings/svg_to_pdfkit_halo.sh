#!/usr/bin/env bash
# On its way to PDF the white rim of a Plot label is painted over the label.
#
# One would guess: Plot.text(..., {stroke: "white"}) has a rim behind its letters in PDF as in SVG and PNG.
# True: Plot asks for that by paint-order="stroke". svg-to-pdfkit does not know the attribute and calls no
# warning: it fills the letters and then draws the rim over them, so a rim as wide as the letters' strokes
# leaves white words. Plot's default, 3 pixels around words of 10, is that wide.
# Here: a rim is a mark of its own, below the letters. Needs Node.js and npm.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat >package.json <<'JSON'
{"type":"module","dependencies":{"@observablehq/plot":"0.6.17","linkedom":"0.18.15","pdfkit":"0.20.2","svg-to-pdfkit":"0.1.8"}}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts
cat >run.mjs <<'JS'
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import PDFDocument from "pdfkit";
import SVGtoPDF from "svg-to-pdfkit";
const { document } = parseHTML("<!doctype html><html><body></body></html>");
const warnings = [];
/** How the PDF paints letters ("Tr"): 0 filled, 1 as lines, 2 filled and then lines over them. */
async function paintingInPdf(options) {
  const mark = Plot.text([{ x: 1, y: 1, text: "SGD" }], { x: "x", y: "y", text: "text", fill: "black", ...options });
  const plot = Plot.plot({ document, axis: null, marks: [mark] });
  plot.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  const page = new PDFDocument({ compress: false });
  const chunks = [];
  page.on("data", (bytes) => chunks.push(bytes));
  const ended = new Promise((resolve) => page.on("end", resolve));
  SVGtoPDF(page, plot.outerHTML, 0, 0, { warningCallback: (words) => warnings.push(words) });
  page.end();
  await ended;
  const modes = Buffer.concat(chunks).toString("latin1").match(/\d(?= Tr)/g);
  return { order: /paint-order="([^"]*)"/.exec(plot.outerHTML)?.[1], width: /stroke-width="([^"]*)"/.exec(plot.outerHTML)?.[1], modes };
}
const plain = await paintingInPdf({});
const rimmed = await paintingInPdf({ stroke: "white" });
console.log("Plot 0.6.17, svg-to-pdfkit 0.1.8, pdfkit 0.20.2: plain", plain, "with a rim", rimmed, "warnings", warnings);
process.exit(plain.modes.join() === "0" && rimmed.order === "stroke" && rimmed.modes.join() === "2" && warnings.length === 0 ? 0 : 1);
JS
node run.mjs
