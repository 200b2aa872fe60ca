#!/usr/bin/env bash
# Ordered by loss, the run that diverged is Arquero's best.
#
# One would guess: orderby puts NaN and missing values last, as pandas and d3 do, so that the first row has the least loss.
# True: ascending, they come first, and op.rank and op.percent_rank count them as the best, without a word; only
# desc() puts them last. op.min leaves them out, so the first row of the order and the minimum are two runs.
# Here: tables are ordered by cell, never by value, and a run that diverged is in no mean.
# Needs Node.js and npm.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat >package.json <<'JSON'
{"type":"module","dependencies":{"arquero":"8.0.3","@uwdata/flechette":"2.5.0","d3-array":"3.2.4"},"overrides":{"@uwdata/flechette":"2.5.0"}}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts
cat >run.js <<'JS'
import * as aq from "arquero";
import { least, sort } from "d3-array";
const runs = aq.table({ rate: [0.001, 0.1, 0.01], loss: [0.7, NaN, 0.4] });
const up = runs.orderby("loss").derive({ rank: () => aq.op.rank() }).objects();
const down = runs.orderby(aq.desc("loss")).array("loss");
const { min } = runs.rollup({ min: (d) => aq.op.min(d.loss) }).object();
console.log(`Arquero 8.0.3, orderby: ${up.map(({ loss, rank }) => `${rank}. ${loss}`).join(", ")}`);
console.log(`by desc: ${down.join(", ")}; op.min: ${min}`);
const ordered = sort(runs.array("loss"));
console.log(`d3-array 3.2.4, sort: ${ordered.join(", ")}; least: ${least(runs.array("loss"))}`);
const ok = Number.isNaN(up[0].loss) && up[0].rank === 1 && Number.isNaN(down[2]) && min === 0.4 &&
  ordered[0] === 0.4;
process.exit(ok ? 0 : 1);
JS
node run.js
