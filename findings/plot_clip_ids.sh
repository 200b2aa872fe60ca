#!/usr/bin/env bash
# Two figures that Plot made in two programs cut one another when they are put into one page.
#
# One would guess: an SVG that is whole by itself stays so beside another one in a page of HTML.
# True: Plot counts its clip paths from 1 in every process, and ids hold for a whole page. Both figures below
# have a plot-clip-1, so the second one's curve is cut by the first one's frame: a browser shows 240 of its 580
# points across, with no error. In one process, such as a notebook run from the top, they count on; after a
# restart, or from two notebooks, they do not. As <img> or as files figures are whole.
# Here: pictures are shown as images; only the planes around networks have clip paths.
# Needs Node.js and npm.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; cd "$folder"
cat >package.json <<'JSON'
{"type":"module","dependencies":{"@observablehq/plot":"0.6.17","linkedom":"0.18.15"}}
JSON
npm install --silent --no-audit --no-fund --ignore-scripts
cat >run.js <<'JS'
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
const { document } = parseHTML("<html></html>");
const mark = Plot.line([[1, 2], [2, 1], [3, 3]], { clip: true });
console.log(Plot.plot({ document, width: Number(process.argv[2]), marks: [mark] }).outerHTML);
JS
node run.js 300 >narrow.svg
node run.js 640 >wide.svg
cat >look.js <<'JS'
import { readFileSync } from "node:fs";
import { parseHTML } from "linkedom";
const figures = ["narrow", "wide"].map((name) => readFileSync(`${name}.svg`, "utf8"));
const { document } = parseHTML(`<html><body>${figures.join("")}</body></html>`);
const ids = [...document.querySelectorAll("clipPath")].map(({ id }) => id);
const used = [...document.querySelectorAll("[clip-path]")].map((g) => g.getAttribute("clip-path"));
const widths = [...document.querySelectorAll("clipPath rect")].map((rect) => rect.getAttribute("width"));
console.log(`Plot 0.6.17, two processes, one page: clip paths ${ids}, of widths ${widths}, used by ${used}`);
process.exit(ids.length === 2 && ids[0] === ids[1] && widths[0] !== widths[1] && used[0] === used[1] ? 0 : 1);
JS
node look.js
