#!/usr/bin/env bash
# Arquero's array_agg leaves NaN and missing values out, so that values by seed no longer stand beside their seeds.
#
# One would guess: op.array_agg gathers a group's values, all of them, as PostgreSQL's array_agg does.
# True: null, undefined and NaN are passed over. Where seed 0 diverged under one optimizer, its list is shorter, and
# place i of two lists is no more one seed: differences that are 0 for both seeds they have come out as 1 and 1.
# Lists gathered as objects, op.array_agg of { seed, value }, keep all.
# Here: values stand in maps by seed, and only seeds that both have are compared.
# Needs Node.js and npm.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat >package.json <<'JSON'
{"type":"module","dependencies":{"arquero":"8.0.3","@uwdata/flechette":"2.5.0"},"overrides":{"@uwdata/flechette":"2.5.0"}}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts
cat >run.js <<'JS'
import * as aq from "arquero";
const runs = aq.table({
  optimizer: ["SGD", "SGD", "SGD", "AdaGrad", "AdaGrad", "AdaGrad"],
  seed: [0, 1, 2, 0, 1, 2],
  value: [1, 2, 3, NaN, 2, 3],
});
const [sgd, adagrad] = runs.groupby("optimizer").rollup({
  seeds: (d) => aq.op.array_agg(d.seed),
  values: (d) => aq.op.array_agg(d.value),
}).objects();
const differences = adagrad.values.map((value, i) => value - sgd.values[i]);
console.log(`Arquero 8.0.3: AdaGrad's seeds ${adagrad.seeds}, its values ${adagrad.values}`);
console.log(`differences by place: ${differences}, by seed: NaN,0,0`);
const kept = runs.derive({ pair: (d) => ({ seed: d.seed, value: d.value }) }).groupby("optimizer")
  .rollup({ pairs: (d) => aq.op.array_agg(d.pair) }).objects()[1].pairs.length;
console.log(`gathered as objects: ${kept}`);
process.exit(adagrad.seeds.length === 3 && String(differences) === "1,1" && kept === 3 ? 0 : 1);
JS
node run.js
