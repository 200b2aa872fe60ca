#!/usr/bin/env bash
# Observable Plot calls the learning rate 0.0001 "0" and takes 0.0005 and 0.001 for one name.
#
# One would guess: an ordinal axis, a facet, a legend, a text or a tip that is given 0.0001, 0.0005 and 0.001
# says 0.0001, 0.0005 and 0.001, as String() does.
# True: all of them round to three decimals: 0, 0.001, 0.001. Places and colours stay three, so that two of
# them have the same name. A logarithmic axis says 100µ and 1m instead.
# Here: every axis has labels of its own, and values are given to Plot as texts.
# Needs Node.js and npm.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat >package.json <<'JSON'
{"type":"module","dependencies":{"@observablehq/plot":"0.6.17","linkedom":"0.18.15"}}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts
cat >run.mjs <<'JS'
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
const { document } = parseHTML("<!doctype html><html><body></body></html>");
const rates = [1e-4, 5e-4, 1e-3];
const rows = rates.map((rate) => ({ rate, one: 1 }));
const words = (mark, select, rest = {}) =>
  [...Plot.plot({ document, marks: [mark], ...rest }).querySelectorAll(select)].map((each) => each.textContent);
const swatches = Plot.legend({ document, color: { type: "ordinal", domain: rates } });
const found = {
  "ordinal axis": words(Plot.dot(rows, { x: "rate", y: "one" }), "[aria-label='x-axis tick label'] text", { x: { type: "point" } }),
  facets: words(Plot.dot(rows, { x: "one", y: "one", fy: "rate" }), "[aria-label='fy-axis tick label'] text"),
  text: words(Plot.text(rows, { x: "one", y: "one", text: "rate" }), "[aria-label=text] text"),
  title: words(Plot.dot(rows, { x: "one", y: "one", title: "rate" }), "title"),
  legend: [...swatches.querySelectorAll("span")].map((each) => each.textContent),
};
const decades = words(Plot.dot(rows, { x: "rate", y: "one" }), "[aria-label='x-axis tick label'] text", { x: { type: "log" } });
console.log("Plot 0.6.17:", found, "logarithmic axis:", decades[0], decades.at(-1));
const isRounded = Object.values(found).every((names) => names.join(" ") === "0 0.001 0.001");
process.exit(isRounded && decades[0] === "100µ" && decades.at(-1) === "1m" ? 0 : 1);
JS
node run.mjs
