#!/usr/bin/env bash
# resvg paints colours that it cannot read black.
#
# One would guess: a colour that a renderer does not know is an error, or not painted.
# True: oklch(), lab(), color-mix(), rgb() with a slash, CSS variables with a fallback and the name
# rebeccapurple all come out as opaque black; hsl() with spaces and #rrggbbaa are read.
# Needs Node.js and npm.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
echo '{"type":"module","dependencies":{"@resvg/resvg-js":"2.6.2"}}' >package.json
npm install --silent --no-audit --no-fund
cat >run.mjs <<'JS'
import { Resvg } from "@resvg/resvg-js";
const paint = (fill) => {
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="2" height="2"><rect width="2" height="2" fill="${fill}"/></svg>`;
  return [...new Resvg(svg).render().pixels.slice(0, 4)].join();
};
const unread = ["oklch(62% 0.2 25)", "lab(50% 60 40)", "color-mix(in srgb, red, blue)", "rgb(255 0 0 / 50%)", "var(--x, red)", "rebeccapurple"];
const read = { "hsl(0 100% 50%)": "255,0,0,255", "#ff0000": "255,0,0,255" };
for (const fill of [...unread, ...Object.keys(read)]) console.log("resvg-js 2.6.2:", fill, "->", paint(fill));
const asFound = unread.every((fill) => paint(fill) === "0,0,0,255") &&
  Object.entries(read).every(([fill, pixel]) => paint(fill) === pixel);
process.exit(asFound ? 0 : 1);
JS
node run.mjs
