#!/usr/bin/env bash
# The median of three seeds of which one diverged is NaN in Arquero, d3 and NumPy's quantile.
#
# One would guess: a median is what one takes since an outlier cannot spoil it: that of 1, 2 and Infinity is 2.
# True: they interpolate even where the place is a whole number, 2 + 0 (Infinity - 2), which is NaN. Among
# five values of which one is Infinity the median is right and the upper quartile is NaN.
# numpy.median, Python's statistics and simple-statistics say 2. Plot's reducer "median" is d3's: a cell
# whose seed diverged has no dot, and no word of that.
# Needs Node.js with npm, and Python 3 with venv.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat >package.json <<'JSON'
{"type":"module","dependencies":{"arquero":"8.0.3","@uwdata/flechette":"2.5.0","d3-array":"3.2.4","simple-statistics":"7.8.8","@observablehq/plot":"0.6.17","linkedom":"0.18.15"},"overrides":{"@uwdata/flechette":"2.5.0"}}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts
python3 -m venv v && v/bin/pip install --quiet --disable-pip-version-check numpy==2.2.6
cat >run.mjs <<'JS'
import * as Plot from "@observablehq/plot";
import { op, table } from "arquero";
import { median, quantile } from "d3-array";
import { parseHTML } from "linkedom";
import { median as simple } from "simple-statistics";
const losses = [1, 2, Infinity];
const [row] = table({ losses }).rollup({ median: op.median("losses") }).objects();
const { document } = parseHTML("<!doctype html><html><body></body></html>");
const rows = ["a", "b"].flatMap((cell) => [1, 2, cell === "a" ? Infinity : 3].map((loss) => ({ cell, loss })));
const marks = [Plot.dot(rows, Plot.groupX({ y: "median" }, { x: "cell", y: "loss" }))];
const dots = Plot.plot({ document, marks }).querySelectorAll("circle").length;
const five = [1, 2, 3, 4, Infinity];
const seen = [row.median, median(losses), simple(losses), median(five), quantile(five, 0.75), dots];
console.log("Arquero 8.0.3, d3-array 3.2.4, simple-statistics 7.8.8: median of 1, 2, Infinity", seen.slice(0, 3));
console.log("d3: median and upper quartile of 1, 2, 3, 4, Infinity", seen.slice(3, 5), "Plot's dots of two cells", dots);
process.exit(String(seen) === "NaN,NaN,2,3,NaN,1" ? 0 : 1);
JS
node run.mjs
v/bin/python -W ignore - <<'PY'
import statistics
import sys
import numpy as np
losses = [1, 2, np.inf]
seen = [float(each) for each in (np.quantile(losses, 0.5), np.median(losses), statistics.median(losses))]
print("NumPy 2.2.6: quantile(0.5), median, Python's statistics.median of 1, 2, inf", seen)
sys.exit(0 if str(seen) == "[nan, 2.0, 2.0]" else 1)
PY
