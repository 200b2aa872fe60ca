#!/usr/bin/env bash
# Arquero's pivot orders numeric columns by their spelling.
#
# One would guess: columns stand in the order of the rows, or of the numbers.
# True: batch sizes 32, 128, 1024 become the columns 1024, 128, 32, though the rows are in order.
# Needs Node.js and npm.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat >package.json <<'JSON'
{"type":"module","dependencies":{"arquero":"8.0.3","@uwdata/flechette":"2.5.0"},"overrides":{"@uwdata/flechette":"2.5.0"}}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts
cat >run.mjs <<'JS'
import { table } from "arquero";
const wide = table({ optimizer: ["SGD", "SGD", "SGD"], batch: [32, 128, 1024], value: [1, 2, 3] })
  .groupby("optimizer").pivot("batch", "value");
console.log("arquero 8.0.3: columns", wide.columnNames());
process.exit(String(wide.columnNames()) === "optimizer,1024,128,32" ? 0 : 1);
JS
node run.mjs
