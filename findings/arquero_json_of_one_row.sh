#!/usr/bin/env bash
# Arquero's toJSON writes text that is not JSON where a group has one row.
#
# One would guess: the standard deviation of a cell with one seed is NaN, and toJSON writes what JSON.stringify
# would: null, or nothing.
# True: it is undefined, and toJSON writes the word `undefined`, which neither JSON.parse nor Arquero's own
# fromJSON reads. A cell with two seeds is written well, so it shows when one seed is left.
# Needs Node.js and npm. Here: files are written by JSON.stringify, tables as CSV.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat >package.json <<'JSON'
{"type":"module","dependencies":{"arquero":"8.0.3","@uwdata/flechette":"2.5.0"},"overrides":{"@uwdata/flechette":"2.5.0"}}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts
cat >run.mjs <<'JS'
import { from, fromJSON, op } from "arquero";
const written = (cells) =>
  from(cells).groupby("rate").rollup({ spread: op.stdev("sharpness") }).toJSON();
const two = written([{ rate: 0.1, sharpness: 1 }, { rate: 0.1, sharpness: 2 }]);
const one = written([{ rate: 0.1, sharpness: 1 }]);
const isRead = (read) => {
  try {
    read(one);
    return true;
  } catch {
    return false;
  }
};
console.log(`Arquero 8.0.3: two seeds ${two}, one seed ${one}`);
const changed = !two.includes("0.707") || !one.includes(":undefined") || isRead(JSON.parse) || isRead(fromJSON);
process.exit(changed ? 1 : 0);
JS
node run.mjs
