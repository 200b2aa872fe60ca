#!/usr/bin/env bash
# The package `regression` rounds to two decimals where nothing is asked for: a steady rise has the slope 0.
#
# One would guess: a line through sharpness 0.012, 0.0165, 0.0205, 0.0252 at the learning rates' logarithms -4 to -1 has
# the slope 0.0044 to some digits, and r2 near 1.
# True: slope, intercept and predicted values are rounded to two decimals, and r2 is computed from the rounded ones:
# y = 0x + 0.02 with r2 = -0.09, as if there were no relation at all. Values in other units are another finding: of the
# same ones times 100 the slope is 0.44 and r2 1. Exponents of power laws are cut as well (0.11 where 0.106 is right).
# It is an option, precision: 2; with { precision: 12 } all is right.
# Here: no line is fitted by a package.
# Needs Node.js with npm.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
npm init -y > /dev/null
npm install --silent --no-audit --no-fund --ignore-scripts regression@2.0.1
cat >run.js <<'JS'
const regression = require("regression");
const sharpness = [0.012, 0.0165, 0.0205, 0.0252];
const points = sharpness.map((y, i) => [i - 4, y]);
const told = regression.linear(points);
const larger = regression.linear(points.map(([x, y]) => [x, 100 * y]));
const exact = regression.linear(points, { precision: 12 });
const rates = points.map(([x, y]) => [10 ** x, y]);
const exponents = [regression.power(rates).equation[1], regression.power(rates, { precision: 12 }).equation[1]];
const show = ({ string, r2 }) => `${string}, r2 = ${r2}`;
console.log(`regression 2.0.1: ${show(told)}`);
console.log(`values times 100: ${show(larger)}`);
console.log(`with precision 12: ${show(exact)}`);
console.log(`exponent of a power law: ${exponents[0]}, with precision 12: ${exponents[1]}`);
const isLost = told.equation[0] === 0 && told.r2 < 0;
const isThere = Math.abs(exact.equation[0] - 0.00436) < 1e-9 && exact.r2 > 0.99 && larger.r2 > 0.99;
process.exit(isLost && isThere ? 0 : 1);
JS
node run.js
