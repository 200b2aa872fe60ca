#!/usr/bin/env bash
# Observable Plot's contours cut the corners of what was measured and bend at its edge.
#
# One would guess: a plane of losses that rises evenly from left to right has straight, upright bands up to
# its edge, and a threshold below all values fills the whole plane.
# True: in the outer half of the outermost cells the bands' borders bend (from x = 2.2 to 2.5 here), and the
# four corners stay empty: what fills the plane is an octagon.
# What is drawn there was not measured. Here: planes are clipped at the outermost points.
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
// 4 x 4 points at 0.5, 1.5, 2.5 and 3.5, so that cells end at 0 and 4; the value is x.
const values = Array.from({ length: 16 }, (_, i) => 0.5 + (i % 4));
const place = { width: 4, height: 4, x1: 0, y1: 0, x2: 4, y2: 4 };
const scale = { type: "identity" };
const corners = (threshold) => {
  const mark = Plot.contour(values, { ...place, fill: (d) => d, thresholds: [threshold] });
  const paths = [...Plot.plot({ document, x: scale, y: scale, marks: [mark] }).querySelectorAll("path")];
  return paths.map((path) => path.getAttribute("d")).filter(Boolean).at(-1).match(/-?[\d.]+,-?[\d.]+/g)
    .map((pair) => pair.split(",").map(Number));
};
const whole = corners(-1);
const band = corners(2.2);
console.log("Plot 0.6.17: border of what lies above -1, which all does", JSON.stringify(whole));
console.log("border of what lies above 2.2", JSON.stringify(band));
process.exit(whole.some(([x, y]) => (x === 0 || x === 4) && (y === 0 || y === 4)) ? 1 : 0);
JS
node run.mjs
