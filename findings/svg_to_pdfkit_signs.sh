#!/usr/bin/env bash
# On its way to PDF a Plot figure loses its minus signs, and 10⁻³ becomes 10³.
#
# One would guess: a letter that the font of a PDF lacks is replaced, or shown as a box, or reported.
# True: svg-to-pdfkit leaves it out and calls no warning. Its default is the PDF's own Helvetica, which lacks
# U+2212, that Plot writes before negative ticks, and all raised characters but ¹ ² ³. An axis from -0.4 to
# 0.4 reads 0.4 0 0.4, the learning rate 10⁻³ reads 10³, 10⁻⁴ reads 10. SVG and PNG are right.
# pdfkit's own text() writes other letters in these places. Here: a font with these letters is embedded.
# Needs Node.js and npm.
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
/** The words of a drawing's texts, as its PDF spells them: one stretch of letters for each text. */
async function wordsInPdf(svg) {
  const page = new PDFDocument({ compress: false });
  const chunks = [];
  page.on("data", (bytes) => chunks.push(bytes));
  const ended = new Promise((resolve) => page.on("end", resolve));
  SVGtoPDF(page, svg, 0, 0, { warningCallback: (words) => warnings.push(words) });
  page.end();
  await ended;
  const texts = Buffer.concat(chunks).toString("latin1").match(/BT[\s\S]*?ET/g);
  return texts.map((text) =>
    Buffer.from([...text.matchAll(/<([0-9a-f]+)>/g)].map(([, hex]) => hex).join(""), "hex").toString("latin1")
  );
}
const axis = Plot.plot({ document, x: { domain: [-0.4, 0.4], label: null }, y: { axis: null }, marks: [Plot.axisX([-0.4, 0, 0.4])] });
axis.setAttribute("xmlns", "http://www.w3.org/2000/svg");
const shown = [...axis.querySelectorAll("text")].map((each) => each.textContent);
const text = (words) => `<svg xmlns="http://www.w3.org/2000/svg"><text y="20">${words}</text></svg>`;
const ticks = await wordsInPdf(axis.outerHTML);
const powers = (await Promise.all(["10⁻³", "10⁻⁴"].map((words) => wordsInPdf(text(words))))).flat();
console.log("Plot 0.6.17 writes", shown, "svg-to-pdfkit 0.1.8 with pdfkit 0.20.2 writes", ticks);
console.log("10⁻³ and 10⁻⁴ are written", powers, "warnings", warnings);
const asFound = [shown.join(), ticks.join(), powers.join(), warnings.length].join(" ");
process.exit(asFound === "−0.4,0.0,0.4 0.4,0.0,0.4 10³,10 0" ? 0 : 1);
JS
node run.mjs
