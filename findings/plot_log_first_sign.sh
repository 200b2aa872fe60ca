#!/usr/bin/env bash
# Observable Plot's log scale takes its sign from the first value.
#
# One would guess: on a log axis a value below 0 is left out, wherever it stands in the data.
# True: where it stands last it is left out; where it stands first the scale turns negative and all
# values, the good ones too, are drawn on one spot in the middle. Nothing is said.
# A noisy sharpness estimate can be below 0. Needs Node.js and npm.
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
const places = (data) => {
  const svg = Plot.plot({ document, x: { type: "log" }, marks: [Plot.dot(data, { x: (d) => d, y: 1 })] });
  return [...svg.querySelectorAll("circle")].map((circle) => Number(circle.getAttribute("cx")));
};
const [last, first] = [places([0.01, 0.1, 1, -0.001]), places([-0.001, 0.01, 0.1, 1])];
console.log("Plot 0.6.17: x of the dots, negative value last", last, "first", first);
process.exit(new Set(last).size === 3 && last.length === 3 && new Set(first).size === 1 && first.length === 4 ? 0 : 1);
JS
node run.mjs
