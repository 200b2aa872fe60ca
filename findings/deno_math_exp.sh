#!/usr/bin/env bash
# A patch release of Deno changed the last bits of Math.exp.
#
# One would guess: a program without a dependency gives the same doubles in Deno 2.9.3 and 2.9.4.
# True: V8's Math.exp differs in the last bit for some 10 % of arguments and Math.log for some 8 %.
# A study that compares losses to the bit must record the runtime beside the library.
# Needs Node.js and npm. Here: records name the Deno version; kernels have an exp of their own.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat >run.js <<'JS'
const values = [];
for (let i = 0; i < 20000; i++) values.push(Math.exp(-i / 1000), Math.log(1 + i / 1000));
console.log(JSON.stringify(values));
JS
for version in 2.9.3 2.9.4; do
  mkdir "$version"
  (cd "$version" && npm init --yes >/dev/null && npm install --silent --no-audit --no-fund "deno@$version")
  "$version"/node_modules/.bin/deno run --no-config run.js >"$version.json"
done
node -e '
const [a, b] = ["2.9.3", "2.9.4"].map((v) => JSON.parse(require("fs").readFileSync(`${v}.json`)));
const share = (from) => a.filter((x, i) => i % 2 === from && x !== b[i]).length / (a.length / 2);
console.log("Deno 2.9.3 and 2.9.4: share of differing values, Math.exp", share(0), "Math.log", share(1));
process.exit(share(0) > 0.01 && share(1) > 0.01 ? 0 : 1);'
