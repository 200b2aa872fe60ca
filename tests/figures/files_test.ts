import {
  type Figure,
  forColumn,
  listFigures,
  renderPdf,
  renderPng,
  writeFigures,
} from "~/lib/figures.ts";
import { presets, type Study } from "~/lib/study.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { decode } from "fast-png";
import { DOMParser } from "linkedom";
import { inkOf, pdfText } from "~/tests/fixtures/svg_marks.ts";
import { spread, syntheticRecords, vary } from "~/tests/fixtures/synthetic_results.ts";
import { withFolder } from "~/tests/fixtures/temporary_folder.ts";

const { quick, standard } = presets;
type SyntheticRunOf = Parameters<typeof syntheticRecords>[1];

/** Small, with the published protocol, several stops and every kind of figure. */
const whole = vary(standard, {
  ...{ learningRates: [1e-4, 1e-3, 1e-2], batchSizes: [128, 50000], seeds: [0, 1] },
});
const wholeRun: SyntheticRunOf = ({ learningRate, batchSize, seed }) => ({
  samples: spread(49, 0.1 + learningRate, 0.01),
  epochs: 60,
  gap: 0.1 + (1 + 0.001 * seed) * learningRate + 1e-6 * batchSize,
});
const small = vary(quick, { effects: ["learning-rate"], optimizers: ["SGD"] });
const THREE = ["SGD", "SGD(momentum=0.9)", "AdaGrad"];
const pairs = [{ learningRate: 1e-4, batchSize: 128 }, { learningRate: 4e-4, batchSize: 512 }];

/** Every kind of study that must give a figure. */
const KINDS: readonly [name: string, study: Study, run: SyntheticRunOf][] = [
  ["several stops", whole, wholeRun],
  ["one seed", vary(quick, { seeds: [4] }), () => ({})],
  ["pairs of one ratio", vary(quick, { effects: ["pairs"], pairs }), () => ({})],
  ["three optimizers", vary(quick, { optimizers: THREE }), () => ({})],
  ["no measure", { ...quick, measures: { first: [], others: [] } }, () => ({})],
  ["none converged", { ...quick, maxEpochs: 6 }, () => ({ stopped: "epoch limit" })],
  ["no epoch", { ...quick, maxEpochs: 0 }, () => ({ stopped: "epoch limit" })],
  ["all diverged", quick, () => ({ stopped: "diverged", epochs: 0 })],
  ["no results", quick, () => undefined],
  ["partial", quick, ({ seed, batchSize }) => seed > 0 && batchSize > 32 ? undefined : {}],
  ["negative", quick, ({ learningRate, seed }) => ({ samples: [learningRate - 0.05 * seed, -2] })],
  ["huge range", whole, ({ learningRate: rate, batchSize, seed }) => ({
    samples: spread(49, 1e6 * rate / batchSize * (1 + seed), 1e-4),
    trainLoss: 1.2 + 1e4 * rate,
  })],
  ["all zero", quick, () => ({ samples: [0, 0] })],
];

const wholeRecords = syntheticRecords(whole, wholeRun);
const columns = listFigures(whole, wholeRecords).map(forColumn);

/** All text that is drawn, nothing between its pieces. */
function textOf({ svg }: Figure): string {
  const document = new DOMParser().parseFromString(svg, "image/svg+xml");
  return [...document.querySelectorAll("text")].map((element) => element.textContent).join("");
}

Deno.test("listFigures() gives standalone figures with everything inside", async (test) => {
  for (const [name, study, run] of KINDS) {
    await test.step(name, () => {
      const figures = listFigures(study, syntheticRecords(study, run));
      figures.forEach(assertStandalone);
      // What print changes is where things stand: figures of the same shape would say it again.
      if (study === whole || study.grid.optimizers.length > 2) {
        figures.map(forColumn).forEach(assertStandalone);
      }
    });
  }
});

function assertStandalone({ name, svg, caption, width, height }: Figure): void {
  assert(svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg" '));
  const ground = `<rect width="${width}" height="${height}" fill="#fff"/>`;
  assertStringIncludes(svg, ground);
  assert(!/NaN|undefined|Infinity|currentColor|var\(|url\(|<style| id=/.test(svg), name);
  assertStringIncludes(caption, " ");
  // In pixels of the drawing, whatever its size in print.
  const drawn = svg.replace(ground, "").replace(/width="[\d.]+in" height="[\d.]+in" /, "");
  const { x, y, width: w, height: h } = inkOf(drawn)!;
  const isInside = x >= 0 && y > 0 && x + w <= width && y + h < height;
  assert(isInside, `${name} ${x} ${y} ${w} ${h} of ${width} ${height}`);
}

Deno.test("forColumn() sets nothing below 7 points in 3.3 inches; its PNG states 300 dots an inch", async () => {
  assertEquals(
    columns.map(({ name }) => name),
    [
      ...["lead", "sharpness", "published", "curves", "levels", "lambda-max", "ratio"],
      ...["generalization", "training-loss"],
    ].map((name) => `${name}.column`),
  );
  for (const figure of columns) {
    assertStringIncludes(figure.svg, 'width="3.3in"');
    const sizes = [...figure.svg.matchAll(/font-size="([\d.]+)"/g)].map(([, size]) => Number(size));
    const points = Math.min(...sizes) * 72 * 3.3 / figure.width;
    assert(points >= 7, `${figure.name}: ${points}`);
    assert(!textOf(figure).includes(figure.title), figure.name);
  }
  const png = decode(await renderPng(columns[0]!));
  // 300 / 0.0254 dots a metre, unit 1.
  assertEquals([png.width, png.resolution], [990, { x: 11811, y: 11811, unit: 1 }]);
});

Deno.test("renderPdf() has the text of the SVG as text, on a page of the figure's size", async () => {
  for (const figure of columns) {
    const pdf = await renderPdf(figure);
    assertEquals(pdfText(pdf).replace(/\s/g, ""), textOf(figure).replace(/\s/g, ""), figure.name);
    const text = new TextDecoder("latin1").decode(pdf);
    const [, width, height] = /MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/.exec(text)!;
    // 3.3 inches of 72 points.
    assert(Math.abs(Number(width) - 237.6) < 1e-6, width);
    assert(Math.abs(Number(height) - 237.6 * figure.height / figure.width) < 1e-5, height);
    if (figure.name === "lead.column") assertEquals(await renderPdf(figure), pdf);
  }
});

Deno.test("listFigures() and renderPng() give the same bytes for records in any order", async () => {
  const records = syntheticRecords(quick, ({ seed }) => ({ samples: [0.2, 0.3 + 0.01 * seed] }));
  const svgs = (some: typeof records): string[] => listFigures(quick, some).map(({ svg }) => svg);
  assertEquals(svgs(records.toReversed()), svgs(records));
  const [figure] = listFigures(quick, records);
  const png = await renderPng(figure!);
  assertEquals([decode(png).width, decode(png).height], [2 * figure!.width, 2 * figure!.height]);
  assertEquals(await renderPng(figure!), png);
});

Deno.test("writeFigures() writes what changed, over older files", () =>
  withFolder(async (directory) => {
    const folder = `${directory}/a/figures`;
    await writeFigures(small, [], folder);
    const records = syntheticRecords(small);
    const paths = await writeFigures(small, records, folder);
    const names = paths.map((path) => path.slice(folder.length + 1));
    for (const name of ["sharpness.svg", "training-loss.png", "sharpness.column.pdf"]) {
      assert(names.includes(name), name);
    }
    const found = [...Deno.readDirSync(folder)].map((entry) => entry.name);
    assertEquals(found.sort(), names.toSorted());
    const [figure] = listFigures(small, records);
    assertEquals(await Deno.readTextFile(paths[0]!), figure!.svg);
    const states = () =>
      Promise.all(paths.map(async (path) => {
        const { ino, mtime } = await Deno.stat(path);
        return `${ino} ${mtime?.getTime()}`;
      }));
    const first = await states();
    await Deno.remove(`${folder}/sharpness.png`);
    assertEquals(await writeFigures(small, records, folder), paths);
    const second = await states();
    const changed = paths.filter((_, i) => second[i] !== first[i]);
    assertEquals(changed.map((path) => path.slice(folder.length + 1)), [
      ...["sharpness.svg", "sharpness.png"],
    ]);
    await Deno.writeTextFile(`${directory}/file`, "");
    await assertRejects(
      () => writeFigures(quick, [], `${directory}/file`),
      Error,
      `Cannot write ${directory}/file/`,
    );
  }));
