#!/usr/bin/env bash
# Arquero's cumulative distribution starts too low: the first of equal least values has a share of its own.
#
# One would guess: op.cume_dist is the share of values up to this one, the same for equal values, as in SQL.
# True: equal values agree unless they are the least: epochs at the stop of 100, 100, 100, 120, 120, 150 have the
# shares 1/6, 1/2, 1/2, 5/6, 5/6, 1. So a curve of runs that have stopped begins with 1 of 6 where 3 have. In groups
# it happens in each. (op.percent_rank is right.)
# Here: no share is taken from a window function.
# Needs Node.js and npm.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat >package.json <<'JSON'
{"type":"module","dependencies":{"arquero":"8.0.3","@uwdata/flechette":"2.5.0"},"overrides":{"@uwdata/flechette":"2.5.0"}}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts
cat >run.js <<'JS'
import * as aq from "arquero";
const epochs = [100, 100, 100, 120, 120, 150];
const share = (table) => table.orderby("epoch").derive({ share: () => aq.op.cume_dist() }).array("share");
const show = (shares) => shares.map((each) => each.toFixed(3)).join(" ");
const found = share(aq.table({ epoch: epochs }));
const optimizer = [..."SSAASA"];
const grouped = share(aq.table({ epoch: [100, 100, 100, 100, 150, 150], optimizer }).groupby("optimizer"));
const expected = epochs.map((epoch) => epochs.filter((other) => other <= epoch).length / 6);
console.log(`Arquero 8.0.3, epochs ${epochs.join(" ")}`);
console.log(`op.cume_dist: ${show(found)}; shares up to each: ${show(expected)}`);
console.log(`100, 100 and 150 of two optimizers: ${show(grouped)}`);
const isFirstOnly = found.every((each, i) => (Math.abs(each - expected[i]) < 1e-12) === (i > 0));
process.exit(isFirstOnly && Math.abs(found[0] - 1 / 6) < 1e-12 ? 0 : 1);
JS
node run.js
