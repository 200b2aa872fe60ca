#!/usr/bin/env bash
# Arquero's rolling mean never forgets a spike.
#
# One would guess: a rolling mean of five values depends on these five values.
# True: the sum is kept up by adding and subtracting, so that one huge loss (1e17, as a training
# that nearly diverges has) leaves the mean wrong for all rows after it: 0.2 where all five are 1.
# Needs Node.js and npm.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat >package.json <<'JSON'
{"type":"module","dependencies":{"arquero":"8.0.3","@uwdata/flechette":"2.5.0"},"overrides":{"@uwdata/flechette":"2.5.0"}}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts
cat >run.mjs <<'JS'
import { op, rolling, table } from "arquero";
const loss = Array.from({ length: 40 }, (_, epoch) => epoch === 10 ? 1e17 : 1);
const mean = table({ loss }).derive({ mean: rolling((d) => op.mean(d.loss), [-2, 2]) }).array("mean");
console.log("arquero 8.0.3: rolling mean long before and long after the spike", mean[3], mean[30]);
process.exit(mean[3] === 1 && Math.abs(mean[30] - 0.2) < 1e-12 ? 0 : 1);
JS
node run.mjs
