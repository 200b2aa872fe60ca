import {
  type Figure,
  listColumnFigures,
  listFigures,
  plotResults2,
  renderPdf,
  renderPng,
  writeFigures,
} from "~/lib/figures.ts";
import { runsAt } from "~/lib/results.ts";
import { presets, type Study } from "~/lib/study.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { inkOf } from "~/tests/fixtures/svg_marks.ts";
import { spread, syntheticRecords, type SyntheticRun } from "~/tests/fixtures/synthetic_results.ts";

const { quick, standard } = presets;
type SyntheticRunOf = (run: { learningRate: number; batchSize: number; seed: number }) =>
  | SyntheticRun
  | undefined;

/** Small, with the published protocol, several stops and every kind of figure. */
const whole: Study = {
  ...standard,
  grid: { ...standard.grid, learningRates: [1e-4, 1e-2], batchSizes: [128, 50000], seeds: [0, 1] },
};
const pairs = [{ learningRate: 1e-4, batchSize: 128 }, { learningRate: 4e-4, batchSize: 512 }];

/** Every kind of study that must give a figure. */
const KINDS: readonly [name: string, study: Study, run: SyntheticRunOf][] = [
  ["several stops", whole, ({ learningRate, batchSize, seed }) => ({
    samples: spread(49, 0.1 + learningRate, 0.01),
    epochs: 60,
    gap: 0.1 + (1 + seed) * learningRate + 1e-6 * batchSize,
  })],
  ["one seed", { ...quick, grid: { ...quick.grid, seeds: [4] } }, () => ({})],
  ["one cell", {
    ...quick,
    grid: {
      ...quick.grid,
      effects: ["batch-size"],
      optimizers: ["AdaGrad"],
      batchSizes: [7],
      seeds: [0, 1],
    },
  }, () => ({})],
  [
    "pairs of one ratio",
    { ...quick, grid: { ...quick.grid, effects: ["pairs"], pairs } },
    () => ({}),
  ],
  ["three optimizers", {
    ...quick,
    grid: { ...quick.grid, optimizers: ["SGD", "SGD(momentum=0.9)", "AdaGrad"] },
  }, () => ({})],
  ["a measure without directions", {
    ...quick,
    measures: { first: ["weight-norm"], others: [] },
  }, () => ({})],
  ["no measure", { ...quick, measures: { first: [], others: [] } }, () => ({})],
  ["none converged", { ...quick, maxEpochs: 6 }, () => ({ stopped: "epoch limit" })],
  ["no epoch", { ...quick, maxEpochs: 0 }, () => ({ stopped: "epoch limit" })],
  ["all diverged", quick, () => ({ stopped: "diverged", epochs: 0 })],
  ["no results", quick, () => undefined],
  ["partial", quick, ({ seed, batchSize }) => seed > 0 && batchSize > 32 ? undefined : {}],
  ["negative", quick, ({ learningRate, seed }) => ({ samples: [learningRate - 0.05 * seed, -2] })],
  [
    "decades about 0",
    whole,
    ({ learningRate: rate, seed }) => ({ samples: [rate < 1e-3 ? 1 : 1e-5 * (seed - 0.5)] }),
  ],
  ["huge range", whole, ({ learningRate: rate, batchSize, seed }) => ({
    samples: spread(49, 1e6 * rate / batchSize * (1 + seed), 1e-4),
    trainLoss: 1.2 + 1e4 * rate,
  })],
  ["all zero", quick, () => ({ samples: [0, 0] })],
];

function smallestText({ svg }: Figure): number {
  return Math.min(...[...svg.matchAll(/font-size="([\d.]+)"/g)].map((match) => Number(match[1])));
}

for (const [name, study, run] of KINDS) {
  Deno.test(`listFigures() gives standalone figures with everything inside: ${name}`, () => {
    const records = syntheticRecords(study, run);
    for (const figure of [...listFigures(study, records), ...listColumnFigures(study, records)]) {
      const { svg, width, height } = figure;
      assert(svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg" '));
      const ground = `<rect width="${width}" height="${height}" fill="#fff"/>`;
      assertStringIncludes(svg, ground);
      assert(!/NaN|undefined|Infinity|currentColor|var\(|url\(|<style| id=/.test(svg), figure.name);
      // In pixels of the drawing, whatever its size in print.
      const drawn = svg.replace(ground, "").replace(/width="[\d.]+in" height="[\d.]+in" /, "");
      const { x, y, width: w, height: h } = inkOf(drawn)!;
      assert(
        x >= 0 && y > 0 && x + w <= width && y + h < height,
        `${figure.name} ${x} ${y} ${w} ${h} of ${width} ${height}`,
      );
    }
  });
}

Deno.test("listColumnFigures() sets nothing below 7 points in a column of 3.3 inches", () => {
  const figures = listColumnFigures(whole, syntheticRecords(whole, KINDS[0]![2]));
  assertEquals(figures.map(({ name }) => name), [
    "sharpness.column",
    "published.column",
    "curves.column",
    "curves-learning-time.column",
    "lambda-max.column",
    "ratio.column",
    "generalisation.column",
  ]);
  for (const figure of figures) {
    assertEquals(figure.inches, 3.3);
    assertStringIncludes(figure.svg, 'width="3.3in"');
    const points = smallestText(figure) * 72 * 3.3 / figure.width;
    assert(points >= 7, `${figure.name}: ${points}`);
    assert(!figure.svg.includes(`>${figure.title}</text>`), figure.name);
    const png = renderPng(figure);
    const header = new DataView(png.buffer, png.byteOffset + 16, 8);
    // 300 dots an inch.
    assertEquals(header.getUint32(0), 990);
  }
});

Deno.test("renderPdf() makes a page of the figure's size, the same bytes each time", async () => {
  const [figure] = listColumnFigures(whole, syntheticRecords(whole));
  const pdf = await renderPdf(figure!);
  assertEquals(await renderPdf(figure!), pdf);
  const text = new TextDecoder("latin1").decode(pdf);
  assert(text.startsWith("%PDF-1."));
  const [, width, height] = /MediaBox \[0 0 ([\d.]+) ([\d.]+)\]/.exec(text)!;
  // 3.3 inches of 72 points.
  assert(Math.abs(Number(width) - 237.6) < 1e-6, width);
  assert(Math.abs(Number(height) - 237.6 * figure!.height / figure!.width) < 1e-6, height);
  // Text is text in an embedded font, no outlines.
  assertStringIncludes(text, "/FontFile2");
});

Deno.test("listFigures() and renderPng() give the same bytes for records in any order", () => {
  const records = syntheticRecords(quick, ({ seed }) => ({ samples: [0.2, 0.3 + 0.01 * seed] }));
  const once = listFigures(quick, records);
  assertEquals(listFigures(quick, records.toReversed()), once);
  const figure = once[0]!;
  const png = renderPng(figure);
  assertEquals([...png.subarray(0, 8)], [137, 80, 78, 71, 13, 10, 26, 10]);
  const header = new DataView(png.buffer, png.byteOffset + 16, 8);
  assertEquals([header.getUint32(0), header.getUint32(4)], [2 * figure.width, 2 * figure.height]);
});

Deno.test("writeFigures() writes every figure, over older ones", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const folder = `${directory}/a b/figures`;
    await writeFigures(quick, [], folder);
    const records = syntheticRecords(quick);
    const paths = await writeFigures(quick, records, folder);
    const names = paths.map((path) => path.slice(folder.length + 1));
    for (const name of ["sharpness.svg", "training-loss.png", "sharpness.column.pdf"]) {
      assert(names.includes(name), name);
    }
    assertEquals(names[0], "sharpness.svg");
    const found = [...Deno.readDirSync(folder)].map((entry) => entry.name);
    assertEquals(found.sort(), names.toSorted());
    const figure = plotResults2(quick, runsAt(quick, records));
    assertEquals(await Deno.readTextFile(paths[0]!), figure.svg);
    await Deno.writeTextFile(`${directory}/file`, "");
    await assertRejects(
      () => writeFigures(quick, [], `${directory}/file`),
      Error,
      `Cannot write ${directory}/file/sharpness.svg: `,
    );
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
