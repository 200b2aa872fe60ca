#!/usr/bin/env bash
# Observable Plot's axis sets the lines of its ticks by `lineHeight`, and those of its label at 1 em.
#
# One would guess: `lineHeight` of an axis holds for all its words, as `fontSize` in the plot's style does; a
# label in two lines stands as loosely as ticks in two lines.
# True: ticks follow it; the label's second line stays 1 em below the first, whatever it says.
# Two lines of 12 pixels then nearly touch. Here: a vertical axis' label is a text mark of its own.
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
const axis = Plot.axisY([1, 2], {
  label: "Sharpness\nin nats", labelAnchor: "center", lineHeight: 1.5, text: () => "one\ntwo",
});
const svg = Plot.plot({ document, marks: [axis] });
const steps = (word) => [...svg.querySelectorAll("text")]
  .filter((text) => text.textContent.startsWith(word))
  .map((text) => text.querySelectorAll("tspan")[1].getAttribute("dy"));
console.log("Plot 0.6.17, lineHeight 1.5: second lines of ticks", steps("one"), "of the label", steps("Sharpness"));
process.exit(steps("one")[0] === "1.5em" && steps("Sharpness")[0] === "1em" ? 0 : 1);
JS
node run.mjs
