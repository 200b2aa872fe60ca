#!/usr/bin/env bash
# Observable Plot's regression line is a fit to the picture: another axis scale is another fit.
#
# One would guess: `linearRegressionY` fits y = a + b x to the data, so that on a logarithmic axis the same
# fit is drawn bent.
# True: it fits what the scales have made of the data. On a logarithmic x axis it is y = a + b log x, drawn
# straight, and predicts something else at the same x; the mark nowhere says which.
# So a slope that is computed from the data belongs to one of the pictures only. Here no figure fits by a
# mark: slopes come from the statistics.
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
const xs = [1, 10, 100, 1000];
const ys = [1, 2, 5, 8];
const y = { domain: [0, 20], range: [200, 0] };
// What the drawn line says at x = 1000, where it ends.
const drawn = (type) => {
  const mark = Plot.linearRegressionY(xs.map((x, i) => ({ x, y: ys[i] })), { x: "x", y: "y", ci: 0 });
  const svg = Plot.plot({ document, x: { type, domain: [1, 1000] }, y, marks: [mark] });
  const paths = [...svg.querySelector("[aria-label=linear-regression]").querySelectorAll("path")];
  const end = paths.at(-1).getAttribute("d").split(/[ML]/).at(-1).split(",")[1];
  return 20 * (1 - end / 200);
};
// Least squares of y on f(x), at x = 1000.
const fitted = (f) => {
  const mean = (values) => values.reduce((sum, value) => sum + value) / values.length;
  const [mx, my] = [mean(xs.map(f)), mean(ys)];
  const slope = mean(xs.map((x, i) => (f(x) - mx) * (ys[i] - my))) / mean(xs.map((x) => (f(x) - mx) ** 2));
  return my + slope * (f(1000) - mx);
};
const [linear, log] = [drawn("linear"), drawn("log")];
const [ofData, ofLogs] = [fitted(Number), fitted(Math.log)];
console.log(`Plot 0.6.17 at x = 1000: linear axis ${linear} (fit to x ${ofData}), log axis ${log} (fit to log x ${ofLogs})`);
process.exit(Math.abs(linear - ofData) < 0.01 && Math.abs(log - ofLogs) < 0.01 && Math.abs(linear - log) > 0.1 ? 0 : 1);
JS
node run.mjs
