#!/usr/bin/env bash
# In jax-js a network with a NaN among its logits predicts a class that does not exist.
#
# One would guess: argmax gives the place of the NaN, as NumPy and JAX do, or of the largest number beside it.
# True: it gives the number of classes, one more than the last place has, for a single NaN as for NaN alone, on both
# of its engines for processors; argmin does the same. Accuracy counts such a row as wrong, and so a network of which
# some rows are lost passes for a poor one.
# Here: a loss that is not finite ends training, and the record says that it diverged.
# Needs Node.js with npm.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
echo '{"type":"module","dependencies":{"@jax-js/jax":"0.1.25"}}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts
cat >run.js <<'JS'
globalThis.navigator ??= {}; // Node.js 20 has none.
const { argmax, argmin, array } = (await import("@jax-js/jax")).numpy;
const { defaultDevice, init } = await import("@jax-js/jax");
await init();
const logits = [[1, 2, 0], [NaN, 1, 5], [3, NaN, 1], [NaN, NaN, NaN]];
let isSeen = true;
for (const device of ["cpu", "wasm"]) {
  defaultDevice(device);
  const [largest, smallest] = [await argmax(array(logits), 1).js(), await argmin(array(logits), 1).js()];
  console.log(`jax-js 0.1.25, ${device}: argmax ${largest}, argmin ${smallest} of three classes`);
  isSeen &&= String(largest) === "1,3,3,3" && String(smallest) === "2,3,3,3";
}
process.exit(isSeen ? 0 : 1);
JS
node run.js
