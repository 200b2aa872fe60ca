#!/usr/bin/env bash
# jstat's Student t quantile has eight to ten digits.
#
# One would guess: a closed form exists for two degrees of freedom, so t(0.975, 2) is exact to the
# last digits of a double.
# True: it is off by 2e-10 of its value, t(0.975, 5) by 7e-10. Harmless for an interval that is
# printed to three digits, fatal for a test that compares two implementations to 1e-12.
# Needs Node.js and npm.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
echo '{"type":"module","dependencies":{"jstat":"1.9.6"}}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts
cat >run.mjs <<'JS'
import jstat from "jstat";
// For 2 degrees of freedom t = (2 p - 1) sqrt(2 / (4 p (1 - p))).
const exact = (p) => (2 * p - 1) * Math.sqrt(2 / (4 * p * (1 - p)));
const errors = [0.9, 0.975, 0.995].map((p) => Math.abs(jstat.jStat.studentt.inv(p, 2) / exact(p) - 1));
console.log("jstat 1.9.6: relative errors at 0.9, 0.975, 0.995 with 2 degrees of freedom", errors);
process.exit(errors[1] > 1e-10 && errors[1] < 1e-8 ? 0 : 1);
JS
node run.mjs
