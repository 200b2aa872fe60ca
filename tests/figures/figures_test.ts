import { Resvg } from "@resvg/resvg-js";
import { DOMParser } from "linkedom";
import { fileURLToPath } from "node:url";
import {
  type Figure,
  listFigures,
  plotResults,
  plotResults2,
  plotTrainingLoss,
  renderPng,
  writeFigures,
} from "~/lib/figures/list_figures.ts";
import { formatTick, labelValues, lossFloor } from "~/lib/figures/axis.ts";
import { text, textWidth, wrap } from "~/lib/figures/svg.ts";
import { formatValue } from "~/lib/figures/theme.ts";
import type { RunResult } from "~/lib/results/schema.ts";
import { presets, type Study } from "~/lib/study/study.ts";
import { formatProgress, showProgress, showText } from "~/lib/notebook.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { spread, syntheticResults, type SyntheticRun } from "~/tests/fixtures/synthetic_results.ts";

const { quick, paper } = presets;

/** Coordinates are rounded to 1/100 pixel: two of them differ from exact ones by so much at most. */
const PIXELS = 0.011;

/** All elements of one kind of mark, over all panels. */
function marks({ svg }: Figure, className: string): Element[] {
  const document = new DOMParser().parseFromString(svg, "image/svg+xml");
  return [...document.querySelectorAll(`.${className}`)].flatMap((group) =>
    [...group.children] as unknown as Element[]
  );
}

/** Pixels by which the groups of one kind of mark are moved along the axis, where they are. */
function shifts({ svg }: Figure, className: string): number[] {
  const group = new RegExp(`<g [^>]*class="${className}"[^>]*>`, "g");
  return [...svg.matchAll(group)].flatMap(([tag]) => {
    const shift = /translate\((-?[\d.]+),0\)/.exec(tag);
    return shift === null ? [] : [Number(shift[1])];
  });
}

function numbers(elements: readonly Element[], attribute: string): number[] {
  return elements.map((element) => Number(element.getAttribute(attribute)));
}

/** The texts of a figure, without title and description. */
function texts({ svg }: Figure): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map((match) => match[1]!);
}

/** Sharpness 0.2, 0.4, ... by learning rate, so that two means fix the axis. */
function risingResults(study: Study): RunResult[] {
  return syntheticResults(study, ({ learningRate, seed }) => ({
    samples: spread(
      study.sharpness.directions,
      0.2 * (1 + study.grid.learningRates.indexOf(learningRate)) + 0.05 * (seed - 1),
      0.02,
    ),
  }));
}

/** Every kind of study that must give a figure. */
const KINDS: readonly [name: string, study: Study, run: SyntheticRunOf][] = [
  ["quick, none converged", quick, () => ({ stopped: "epoch limit" })],
  ["paper", paper, ({ learningRate }) => ({ epochs: 300, trainLoss: 0.3 + learningRate })],
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
  ["all diverged", quick, () => ({ stopped: "diverged", epochs: 0 })],
  ["no results", quick, () => undefined],
  ["partial", quick, ({ seed, batchSize }) => seed > 0 && batchSize > 32 ? undefined : {}],
  ["negative", quick, ({ learningRate, seed }) => ({ samples: [learningRate - 0.05 * seed, -2] })],
  ["huge range", paper, ({ learningRate: rate, batchSize, seed }) => ({
    samples: spread(49, 1e6 * rate / batchSize * (1 + seed), 1e-4),
    trainLoss: 1e4 * rate,
  })],
  ["all zero", quick, () => ({ samples: [0, 0] })],
];
type SyntheticRunOf = (run: RunResult["config"]) => SyntheticRun | undefined;

Deno.test("plotResults2() draws a mean a cell and panel, and both intervals with their ends", () => {
  const figure = plotResults2(quick, risingResults(quick));
  for (const optimizer of ["SGD", "AdaGrad"]) {
    assertEquals(marks(figure, `${optimizer}-mean-sharpness`).length, 6);
    assertEquals(marks(figure, `${optimizer}-mean-training-loss`).length, 6);
    assertEquals(marks(figure, `${optimizer}-one-seed`).length, 18);
    // A stroke and two caps for each cell.
    assertEquals(marks(figure, `${optimizer}-t-interval-over-seeds`).length, 18);
    assertEquals(marks(figure, `${optimizer}-pooled-interval`).length, 18);
    assertEquals(marks(figure, `${optimizer}-diverged`).length, 0);
  }
});

Deno.test("plotResults() puts means, seeds and intervals where the axis says", () => {
  const options = { effect: "learning-rate", optimizer: "SGD" } as const;
  const figure = plotResults(quick, risingResults(quick), options);
  const [first, second, third] = numbers(marks(figure, "SGD-mean-sharpness"), "cy");
  // Means are 0.2, 0.4, 0.6: the axis is linear.
  assertAlmostEquals(second! - first!, third! - second!, 2 * PIXELS);
  const pixels = (nats: number): number => first! + (nats - 0.2) / 0.4 * (third! - first!);
  const seeds = numbers(marks(figure, "SGD-one-seed"), "cy").slice(0, 3);
  assertEquals(seeds.length, 3);
  seeds.forEach((y, seed) => assertAlmostEquals(y, pixels(0.2 + 0.05 * (seed - 1)), 2 * PIXELS));
  // Seed means 0.15, 0.2, 0.25: s / sqrt(3) = 0.05 / sqrt(3), t(0.975, 2) = 4.302653.
  const [line] = marks(figure, "SGD-t-interval-over-seeds");
  const half = 4.302652729749 * 0.05 / Math.sqrt(3);
  assertAlmostEquals(Number(line!.getAttribute("y1")), pixels(0.2 - half), 3 * PIXELS);
  assertAlmostEquals(Number(line!.getAttribute("y2")), pixels(0.2 + half), 3 * PIXELS);
  // 3 x 16 samples: 16 copies of +-0.05 and 0 each with 16 evenly spread over +-0.02, whose mean
  // square is 0.02^2 (16 + 1) / (3 (16 - 1)); t(0.975, 47) = 2.011741.
  const squares = 32 * 0.05 ** 2 + 48 * 0.02 ** 2 * 17 / 45;
  const [pooled] = marks(figure, "SGD-pooled-interval");
  const narrow = 2.011740513730 * Math.sqrt(squares / 47 / 48);
  assertAlmostEquals(Number(pooled!.getAttribute("y2")), pixels(0.2 + narrow), 3 * PIXELS);
});

Deno.test("plotResults() puts doublings of the batch size at even distances", () => {
  const options = { effect: "batch-size", optimizer: "AdaGrad" } as const;
  const figure = plotResults(paper, syntheticResults(paper), options);
  const places = marks(figure, "AdaGrad-mean-training-loss").map((element) =>
    Number(/translate\(([\d.]+),/.exec(element.getAttribute("transform")!)![1])
  );
  assertEquals(places.length, 12);
  const step = (places[10]! - places[0]!) / 10;
  for (let i = 1; i <= 10; i++) assertAlmostEquals(places[i]!, places[0]! + i * step, 2 * PIXELS);
  assertAlmostEquals(places[11]! - places[10]!, step * Math.log2(50000 / 32768), 2 * PIXELS);
  const labels = texts(figure);
  for (const value of paper.grid.batchSizes) assert(labels.includes(String(value)), `${value}`);
});

Deno.test("plotResults2() stands SGD and AdaGrad beside each other, not on each other", () => {
  const figure = plotResults2(quick, risingResults(quick));
  const [sgd, adagrad] = ["SGD", "AdaGrad"].map((optimizer) =>
    shifts(figure, `${optimizer}-mean-sharpness`)[0]!
  );
  assertEquals(sgd, -adagrad!);
  // Further than a marker with its outline, of radius 3 + 1.5 / 2, and than a letter of "diverged".
  assert(adagrad! - sgd! >= 11);
  // A thin interval shows between the markers: half its stroke further in than they reach.
  const [pooled] = shifts(figure, "AdaGrad-pooled-interval");
  assert(pooled! > 0.5 && pooled! + 0.5 <= adagrad! - 3.75, `${pooled}`);
});

Deno.test("plotResults() draws cells with runs at the epoch limit hollow and says so", () => {
  const options = { effect: "learning-rate", optimizer: "SGD" } as const;
  const some = syntheticResults(quick, ({ learningRate, seed }) => ({
    stopped: learningRate === 1e-2 && seed === 1 ? "epoch limit" : "converged",
  }));
  const figure = plotResults(quick, some, options);
  const fills = (name: string): unknown =>
    marks(figure, name).map((element) => element.getAttribute("fill"));
  assertEquals(fills("SGD-mean-sharpness"), ["#0072b2", "#fff", "#0072b2"]);
  assertEquals(fills("SGD-mean-training-loss"), ["#0072b2", "#fff", "#0072b2"]);
  const entry = "with runs that did not converge (epoch limit)";
  assert(texts(figure).includes(entry));
  assertStringIncludes(figure.caption, "of 9 runs 1 did not converge (hollow).");
  const converged = plotResults(quick, syntheticResults(quick), options);
  assert(!texts(converged).includes(entry));
  assertStringIncludes(converged.caption, "At most 10 epochs; all 9 runs converged.");
});

for (
  const [count, run, sentence] of [
    [9, { stopped: "epoch limit" }, "none of 9 runs converged (hollow)."],
    [9, { stopped: "diverged" }, "of 9 runs 9 diverged (excluded from all means)"],
    [1, {}, "the only run converged."],
    [1, { stopped: "epoch limit" }, "the only run did not converge (hollow)."],
  ] as const
) {
  Deno.test(`plotResults() says how all runs ended: ${sentence}`, () => {
    const results = syntheticResults(quick, () => run).filter(({ config }) =>
      config.optimizer === "SGD" && config.batchSize === 128
    );
    const options = { effect: "learning-rate", optimizer: "SGD" } as const;
    assertStringIncludes(plotResults(quick, results.slice(0, count), options).caption, sentence);
  });
}

Deno.test("plotResults() leaves diverged runs out of means, marks lost cells, names the runs", () => {
  const results = syntheticResults(quick, ({ learningRate, seed, optimizer }) => {
    if (optimizer === "SGD" && learningRate === 1e-1) return { stopped: "diverged", epochs: 2 };
    return learningRate === 1e-3 && seed === 2 ? { stopped: "diverged", epochs: 2 } : {};
  });
  const figure = plotResults(quick, results, { effect: "learning-rate", optimizer: "SGD" });
  assertEquals(marks(figure, "SGD-mean-sharpness").length, 2);
  assertEquals(marks(figure, "SGD-one-seed").length, 5);
  const [diverged, ...others] = marks(figure, "SGD-diverged");
  assertEquals([diverged!.textContent, others.length], ["× diverged", 0]);
  assert(texts(figure).includes("all runs diverged"));
  assertStringIncludes(
    figure.caption,
    "of 9 runs 4 diverged (excluded from all means): SGD at learning rate 1e-3, batch size 128, " +
      "seed 2; SGD at learning rate 1e-1, batch size 128, seeds 0, 1, 2.",
  );
});

Deno.test("plotResults() draws no interval over one seed and says so", () => {
  const study: Study = { ...quick, grid: { ...quick.grid, seeds: [0] } };
  const figure = plotResults(study, syntheticResults(study), {
    effect: "learning-rate",
    optimizer: "SGD",
  });
  assertEquals(marks(figure, "SGD-t-interval-over-seeds").length, 0);
  assertEquals(marks(figure, "SGD-pooled-interval").length, 9);
  assertStringIncludes(figure.caption, "n = 1 seed a cell. One seed gives no interval over seeds;");
  assert(texts(figure).includes("mean (one seed)"));
  // Pooled intervals stand on the means: neither is shifted.
  assertEquals(shifts(figure, "SGD-pooled-interval"), []);
  const both = plotResults2(study, syntheticResults(study));
  const [mean] = shifts(both, "SGD-mean-sharpness");
  assertEquals(new Set(shifts(both, "SGD-pooled-interval")), new Set([mean]));
});

Deno.test("figures name axes with units, n, directions, intervals, images and epochs", () => {
  const figure = plotResults2(paper, syntheticResults(paper));
  const labels = texts(figure);
  for (
    const label of [
      "Sharpness, mean rise in training",
      "loss at r = 5 (nats)",
      "loss (nats)",
      "Learning rate",
      "Batch size (images)",
      "Learning rate, at batch size 128",
      "Batch size, at learning rate 1e-4",
      "mean and 95 % t interval over seeds",
      "original's 95 % t interval, seeds × directions pooled",
      "one seed",
    ]
  ) assert(labels.includes(label), label);
  assertEquals(
    figure.caption,
    "Mean rise in the loss over 50,000 training images at K = 49 random points at distance r = 5 " +
      "from the trained weights; n = 6 seeds a cell. Bold: 95 % t interval over seed means; thin: " +
      "the original study's, over all seeds × directions as if independent. Lower panels: mean " +
      "final training loss; dashed: the lowest possible, 0.278. At most 20,000 epochs; all 216 " +
      "runs converged.",
  );
});

Deno.test("plotResults() leaves room between the widest ticks and the axis' label", () => {
  // Means of -0.0015 to 0.0015: ticks of a half in a thousand, the widest that formatTick() makes.
  const results = syntheticResults(quick, ({ learningRate }) => ({
    samples: [{ 0.001: -0.0015, 0.01: 0, 0.1: 0.0015 }[learningRate] ?? 0],
  }));
  const figure = plotResults(quick, results, { effect: "learning-rate", optimizer: "SGD" });
  assert(texts(figure).includes("−0.0015"));
  const [, place] = /<text[^>]*transform="translate\(([\d.]+),[^>]*>−0\.0015</.exec(figure.svg)!;
  // The label's second line has its baseline at 27 and reaches 0.24 em below it: DejaVu's descent.
  const [, padding] = /x="(-?[\d.]+)"[^>]*>−0\.0015</.exec(figure.svg) ?? [, "0"];
  const left = Number(place) + Number(padding) - textWidth("−0.0015", 11);
  assert(left > 27 + 0.24 * 12 + 1, `${left}`);
});

Deno.test("plotResults2() says how many runs have no result yet", () => {
  const [one] = syntheticResults(quick);
  assertStringIncludes(plotResults2(quick, [one!]).caption, "29 of 30 runs without result yet.");
});

Deno.test("plotResults2() takes a log axis where values span more than two orders", () => {
  const study: Study = { ...quick, grid: { ...quick.grid, effects: ["learning-rate"] } };
  const figure = plotResults2(
    study,
    syntheticResults(study, ({ learningRate, seed }) => ({
      samples: [1e3 * learningRate ** 2 * (1 + 0.9 * seed)],
    })),
  );
  const [first, second, third] = numbers(marks(figure, "SGD-mean-sharpness"), "cy");
  assertAlmostEquals(second! - first!, third! - second!, 2 * PIXELS);
  // Means are 1.9 times 1e-3, 0.1, 10 and s = 0.9: intervals reach below 0, where no cap is drawn.
  const strokes = marks(figure, "SGD-t-interval-over-seeds");
  assertEquals(strokes.length, 3 + 3);
  assertStringIncludes(figure.caption, "Intervals that reach below the axis end at it.");
});

Deno.test("plotTrainingLoss() draws every run once a panel and how it ended", () => {
  const results = syntheticResults(quick, ({ learningRate, seed }) => {
    if (learningRate === 1e-1) return { stopped: "diverged", epochs: 3 };
    return { stopped: seed === 0 ? "epoch limit" : "converged", epochs: 10 };
  });
  const figure = plotTrainingLoss(quick, results);
  // The base cell's runs belong to both effects.
  assertEquals(marks(figure, "training-loss").length, 36);
  assertEquals(marks(figure, "diverged").length, 6);
  const ends = marks(figure, "end-of-training");
  assertEquals(ends.length, 30);
  assertEquals(ends.filter((end) => end.getAttribute("fill") === "#fff").length, 10);
  assertStringIncludes(figure.caption, "of 30 runs 8 did not converge (hollow) and 6 diverged");
});

Deno.test("plotTrainingLoss() thins long runs and keeps their first and last epoch", () => {
  const study: Study = {
    ...quick,
    grid: { ...quick.grid, effects: ["learning-rate"], optimizers: ["SGD"], seeds: [0] },
  };
  const figure = plotTrainingLoss(study, syntheticResults(study, () => ({ epochs: 20000 })));
  const [line] = marks(figure, "training-loss");
  const points = line!.getAttribute("d")!.slice(1).split("L").map((point) => point.split(","));
  assert(points.length > 60 && points.length <= 120, `${points.length} points`);
  const [end] = marks(figure, "end-of-training");
  assertEquals(points.at(-1), [end!.getAttribute("cx"), end!.getAttribute("cy")]);
  // The axis is logarithmic: epochs 1, 10, ... 10000 are evenly spaced.
  const ticks = [...figure.svg.matchAll(/translate\(([\d.]+),[\d.]+\)" y="0.71em">1(0*)</g)];
  assertEquals(ticks.map((tick) => tick[2]!.length), [0, 1, 2, 3, 4]);
  const places = ticks.map((tick) => Number(tick[1]));
  places.slice(1).forEach((place, i) =>
    assertAlmostEquals(place - places[i]!, places[1]! - places[0]!, 2 * PIXELS)
  );
});

for (const [name, study, run] of KINDS) {
  Deno.test(`listFigures() gives standalone figures with everything inside: ${name}`, () => {
    for (const figure of listFigures(study, syntheticResults(study, run))) {
      const { svg, width, height } = figure;
      assert(svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg" '));
      const ground = `<rect width="${width}" height="${height}" fill="#fff"/>`;
      assertStringIncludes(svg, ground);
      assert(!/NaN|undefined|Infinity|currentColor|var\(|url\(|<style| id=/.test(svg), figure.name);
      const { x, y, width: w, height: h } = inkOf(svg.replace(ground, ""))!;
      assert(
        x > 0 && y > 0 && x + w < width && y + h < height,
        `${figure.name} ${x} ${y} ${w} ${h}`,
      );
    }
  });
}

Deno.test("listFigures() and renderPng() give the same bytes for results in any order", () => {
  const results = risingResults(quick);
  const once = listFigures(quick, results);
  const again = listFigures(quick, results.toReversed());
  assertEquals(again, once);
  assertEquals(renderPng(again[0]!), renderPng(once[0]!));
});

Deno.test("renderPng() makes a PNG of twice the size", () => {
  const figure = plotResults2(quick, risingResults(quick));
  const png = renderPng(figure);
  assertEquals([...png.subarray(0, 8)], [137, 80, 78, 71, 13, 10, 26, 10]);
  const header = new DataView(png.buffer, png.byteOffset + 16, 8);
  assertEquals([header.getUint32(0), header.getUint32(4)], [2 * figure.width, 2 * figure.height]);
});

Deno.test("writeFigures() writes every figure as SVG and PNG, over older ones", async () => {
  const directory = await Deno.makeTempDir();
  try {
    const folder = `${directory}/a b/figures`;
    await writeFigures(quick, [], folder);
    const paths = await writeFigures(quick, risingResults(quick), folder);
    const names = [
      "sharpness",
      "learning-rate-SGD",
      "learning-rate-AdaGrad",
      "batch-size-SGD",
      "batch-size-AdaGrad",
      "training-loss",
    ].flatMap((name) => [`${name}.svg`, `${name}.png`]);
    assertEquals(paths, names.map((name) => `${folder}/${name}`));
    const found = [...Deno.readDirSync(folder)].map((entry) => entry.name);
    assertEquals(found.sort(), names.toSorted());
    const figure = plotResults2(quick, risingResults(quick));
    assertEquals(await Deno.readTextFile(paths[0]!), figure.svg);
    assertEquals(await Deno.readFile(paths[1]!), renderPng(figure));
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

Deno.test("plotResults() names an effect or optimizer that the study lacks", () => {
  const study: Study = { ...quick, grid: { ...quick.grid, effects: ["learning-rate"] } };
  assertThrows(
    () => plotResults(study, [], { effect: "batch-size", optimizer: "SGD" }),
    RangeError,
    "Cannot plot the study as effect must be one of its effects (learning-rate): " +
      "current value is batch-size",
  );
  assertThrows(
    () => plotResults(study, [], { effect: "learning-rate", optimizer: "Adam" as "SGD" }),
    RangeError,
    "Cannot plot the study as optimizer must be one of its optimizers (SGD, AdaGrad): " +
      "current value is Adam",
  );
});

Deno.test("lossFloor() is the least cross-entropy of standardised logits", () => {
  // PROTOCOL: 0.278439 for 10 classes. For 2 classes logits are +-1: ln(1 + e^-2).
  assertAlmostEquals(lossFloor(10), 0.278439, 5e-7);
  assertAlmostEquals(lossFloor(2), Math.log(1 + Math.exp(-2)), 1e-12);
});

Deno.test("textWidth() is at least the width that DejaVu Sans takes, and near it", () => {
  const caption = listFigures(quick, risingResults(quick)).map((figure) => figure.caption).join(
    " ",
  );
  for (
    const line of [...wrap(caption, 10, 400), "×≥−–=%()[]/&;:!?'\"*_ QWERTYUIOPASDFGHJKLZXCVBNM"]
  ) {
    const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="900" height="40" ` +
      `font-family="DejaVu Sans">${text(line, { x: 20, y: 20, size: 10 })}</svg>`;
    const { width } = inkOf(svg)!;
    // Ink lacks the space at both ends of a line: up to a tenth of the size each.
    assert(textWidth(line, 10) >= width, line);
    assert(textWidth(line, 10) <= 1.1 * width + 2, line);
  }
});

Deno.test("figures do not part a number from its unit or an equals sign from its sides", () => {
  const { svg } = plotResults2(paper, syntheticResults(paper));
  const caption = svg.slice(svg.lastIndexOf("Mean rise"));
  for (const whole of ["K\u00a0=\u00a049", "r\u00a0=\u00a05", "95\u00a0%"]) {
    assertStringIncludes(caption, whole);
  }
});

Deno.test("labelValues() leans labels that would touch and drops those without room", () => {
  const upright = labelValues("learning-rate", [1e-3, 1e-2, 1e-1], { pixels: 288 });
  assertEquals(upright, { labels: ["1e-3", "1e-2", "1e-1"], leaning: false, height: 20 });
  const close = labelValues("batch-size", [100, 101, 50000], { pixels: 288 });
  assertEquals([close.labels, close.leaning], [["100", "", "50000"], true]);
  assertEquals(labelValues("batch-size", [64], { pixels: 288 }).labels, ["64"]);
});

Deno.test("formatValue() and formatTick() are short and exact", () => {
  assertEquals([5e-4, 1e-1, 0.0125, 2, 1.5, 2000].map((v) => formatValue("learning-rate", v)), [
    "5e-4",
    "1e-1",
    "1.25e-2",
    "2",
    "1.5",
    "2e3",
  ]);
  assertEquals(formatValue("batch-size", 50000), "50000");
  assertEquals([0, 0.30000000000000004, -0.2, 1e4, -25e5, 1e-4, -15e-4, 25e-5].map(formatTick), [
    "0",
    "0.3",
    "−0.2",
    "1e4",
    "−2.5e6",
    "0.0001",
    "−0.0015",
    "2.5e−4",
  ]);
});

Deno.test("formatProgress() shows a bar, a share and the time left where they are known", () => {
  assertEquals(
    formatProgress({ message: "training", done: 3, total: 4, secondsLeft: 150 }),
    // 0.75 * 30 = 22.5 rounds to 23.
    `${"█".repeat(23)}${"░".repeat(7)} 75 %  3 min left  training`,
  );
  assertEquals(formatProgress({ message: "loading" }), "loading");
  assertEquals(formatProgress({ message: "", done: 9, total: 4 }), "█".repeat(30) + " 100 %");
});

Deno.test("showText() and showProgress() fail outside a notebook, not on import", async () => {
  await assertRejects(() => showText("x"));
  await assertRejects(() => showProgress("x").close());
});

/** The box of everything drawn, also beyond the picture's edge, with the figures' font. */
function inkOf(svg: string): ReturnType<Resvg["getBBox"]> {
  const fontFiles = ["DejaVuSans.ttf", "DejaVuSans-Bold.ttf"].map((file) =>
    fileURLToPath(import.meta.resolve(`dejavu-fonts-ttf/ttf/${file}`))
  );
  return new Resvg(svg, { font: { loadSystemFonts: false, fontFiles } }).getBBox();
}
