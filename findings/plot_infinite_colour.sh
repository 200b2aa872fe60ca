#!/usr/bin/env bash
# In colour Observable Plot shows a run that diverged as the worst one that was measured.
#
# One would guess: a cell whose value is Infinity is left out, as one with NaN is, and as a dot is whose height or
# radius is Infinity; or it has a colour of its own.
# True: it has the colour of the largest finite value, on linear, logarithmic and quantised scales, in every mark with a
# fill or a stroke. The scale's domain ends at the largest finite value, so a legend shows nothing of it. A cell of two
# seeds of which one is Infinity has by the reducer "mean" that colour, too.
# So in a grid of learning rates and batch sizes the worst cell that trained and those that never did look alike.
# unknown: "..." does not help: it is for missing values. To map what is not finite to NaN does.
# Here: no figure colours by a measured value; the planes' colours come from thresholds over the finite ones.
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
const runs = Object.entries({ flat: 1, sharp: 2, worst: 3, diverged: Infinity, lost: NaN })
  .map(([run, value]) => ({ run, value }));

/** The colours of the shapes that a mark draws, and the end of their scale. */
function colours(mark, color) {
  const plot = Plot.plot({ document, color: { unknown: "gray", ...color }, marks: [mark] });
  const shapes = [...plot.querySelectorAll("rect, circle")];
  return [shapes.map((shape) => shape.getAttribute("fill")), plot.scale("color").domain.at(-1)];
}

console.log("Plot 0.6.17: colours of flat 1, sharp 2, worst 3, diverged Infinity, lost NaN");
let isSame = true;
for (const type of ["linear", "log", "sqrt", "quantize"]) {
  for (const mark of [Plot.cell(runs, { x: "run", fill: "value" }), Plot.dot(runs, { x: "run", y: 1, fill: "value" })]) {
    const [[, sharp, worst, diverged, lost], end] = colours(mark, { type });
    console.log(`${type} ${mark.ariaLabel}: sharp ${sharp}, worst ${worst}, diverged ${diverged}, lost ${lost}, to ${end}`);
    isSame &&= worst === diverged && worst !== sharp && lost === "gray" && end <= 3;
  }
}
const seeds = [["flat", 1], ["flat", 1], ["worst", 3], ["worst", 3], ["half", 1], ["half", Infinity]];
const means = Plot.cell(seeds, Plot.groupX({ fill: "mean" }, { x: "0", fill: "1" }));
const [[flat, half, worst]] = colours(means, { type: "linear" });
console.log(`means of two seeds: flat ${flat}, worst ${worst}, one of them diverged ${half}`);
const dots = (channel) => colours(Plot.dot(runs, { x: "run", fill: "run", ...channel }))[0].length;
const drawn = [dots({ y: "value" }), dots({ r: "value" })];
console.log("of five, dots are drawn by height and by radius", drawn);
process.exit(isSame && half === worst && flat !== worst && String(drawn) === "3,3" ? 0 : 1);
JS
node run.mjs
