#!/usr/bin/env bash
# Arquero's fromCSV types a column by its first 1,000 rows.
#
# One would guess: a column that is empty for long and holds numbers later reads as numbers.
# True: where the first 1,000 fields are empty, every later number reads as `true`, without a word.
# A table of runs sorted so that a measure begins late loses its values.
# Needs Node.js and npm.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat >package.json <<'JSON'
{"type":"module","dependencies":{"arquero":"8.0.3","@uwdata/flechette":"2.5.0"},"overrides":{"@uwdata/flechette":"2.5.0"}}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts
cat >run.mjs <<'JS'
import { fromCSV } from "arquero";
const table = (empty) => fromCSV(["seed,error", ...Array(empty).fill("0,"), "0,0.25", "0,0.5"].join("\n"));
const last = (empty) => table(empty).array("error").slice(-2);
console.log("arquero 8.0.3: after 999 empty fields", last(999), "after 1000", last(1000));
const asFound = String(last(999)) === "0.25,0.5" && String(last(1000)) === "true,true";
process.exit(asFound ? 0 : 1);
JS
node run.mjs
