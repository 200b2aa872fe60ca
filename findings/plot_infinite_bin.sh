#!/usr/bin/env bash
# One infinite value empties Observable Plot's histogram.
#
# One would guess: binX leaves out what is not finite, as it leaves out NaN.
# True: NaN is left out and the rest is drawn; with an Infinity among the values all bars but one go.
# A diverged loss is Infinity as often as NaN. Needs Node.js and npm.
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
const bars = (data) =>
  Plot.plot({ document, marks: [Plot.rectY(data, Plot.binX({ y: "count" }, { x: (d) => d }))] })
    .querySelectorAll("rect").length;
const values = [1, 2, 2, 3, 4];
const seen = [bars(values), bars([...values, NaN]), bars([...values, Infinity])];
console.log("Plot 0.6.17: bars of five values, with NaN, with Infinity", seen);
process.exit(String(seen) === "3,3,1" ? 0 : 1);
JS
node run.mjs
