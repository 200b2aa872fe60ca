#!/usr/bin/env bash
# What Observable Plot does with a missing value depends on the mark and the channel.
#
# One would guess: a datum whose value is null is not drawn.
# True: a dot is left out, a bar is drawn with height 0 (as if the value had been measured as 0).
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
const rows = [{ x: 1, y: 1 }, { x: 2, y: null }, { x: 3, y: 3 }];
const draw = (mark) => Plot.plot({ document, marks: [mark] });
const dots = draw(Plot.dot(rows, { x: "x", y: "y" })).querySelectorAll("circle").length;
const bars = [...draw(Plot.barY(rows, { x: "x", y: "y" })).querySelectorAll("rect")]
  .map((bar) => Number(bar.getAttribute("height")));
console.log("Plot 0.6.17: dots", dots, "heights of bars", bars);
process.exit(dots === 2 && bars.length === 3 && bars[1] === 0 ? 0 : 1);
JS
node run.mjs
