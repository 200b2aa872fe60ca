#!/usr/bin/env bash
# On Observable Plot's log axis the widest intervals vanish.
#
# One would guess: an interval from -0.5 to 3 is drawn from the lower edge of a log axis to 3, as matplotlib
# draws error bars.
# True: a rule, a link and a bar with an end at or below 0 are left out whole, without a word. The cell that is
# known worst stands there as a bare dot, as if it were known exactly.
# Here: such an interval is drawn to the edge of the axis, with a wedge there. Needs Node.js and npm.
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
const cells = [["known well", 0.5], ["known badly", 0], ["known worst", -0.5]];
const rows = cells.map(([cell, low]) => ({ cell, low, mean: 1, high: 3 }));
const ends = { x: "cell", y1: "low", y2: "high" };
const count = (mark, select) =>
  Plot.plot({ document, y: { type: "log", domain: [0.1, 10] }, marks: [mark] }).querySelectorAll(select).length;
const seen = {
  dots: count(Plot.dot(rows, { x: "cell", y: "mean" }), "circle"),
  rules: count(Plot.ruleX(rows, ends), "[aria-label=rule] line"),
  links: count(Plot.link(rows, ends), "[aria-label=link] path"),
  bars: count(Plot.barY(rows, ends), "rect"),
};
console.log("Plot 0.6.17: drawn of three cells", seen);
process.exit(Object.values(seen).join() === "3,1,1,1" ? 0 : 1);
JS
node run.mjs
