import { plotResults, plotResults2 } from "~/lib/figures.ts";
import type { RunResult } from "~/lib/results.ts";
import { presets, type Study } from "~/lib/study.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { marks, numbers, PIXELS, places, shifts, texts } from "~/tests/fixtures/svg_marks.ts";
import { spread, syntheticResults } from "~/tests/fixtures/synthetic_results.ts";

const { quick, paper } = presets;
const SGD = { effect: "learning-rate", optimizer: "SGD" } as const;
/** A study in which some runs reach the first stop and others the epoch limit. */
const limited: Study = { ...quick, stops: ["loss:1.2"], maxEpochs: 12 };

/** Sharpness 0.2, 0.4, ... by learning rate, so that two means fix the axis. */
function risingResults(study: Study): RunResult[] {
  return syntheticResults(study, ({ learningRate, seed }) => ({
    samples: spread(
      16,
      0.2 * (1 + study.grid.learningRates.indexOf(learningRate)) + 0.05 * (seed - 1),
      0.02,
    ),
  }));
}

Deno.test("plotResults2() draws a mean a cell and panel, and both intervals with their ends", () => {
  const figure = plotResults2(quick, risingResults(quick));
  for (const optimizer of ["SGD", "AdaGrad"]) {
    assertEquals(marks(figure, `${optimizer}-mean-sharpness`).length, 6);
    assertEquals(marks(figure, `${optimizer}-mean-training-loss`).length, 6);
    assertEquals(marks(figure, `${optimizer}-one-seed`).length, 18);
    // A stroke and two caps for each cell.
    assertEquals(marks(figure, `${optimizer}-t-interval-over-seeds`).length, 18);
    assertEquals(marks(figure, `${optimizer}-pooled-interval`).length, 18);
    // Other images and base values than the published study's.
    assertEquals(marks(figure, `${optimizer}-published`).length, 0);
  }
});

Deno.test("plotResults() puts means, seeds and intervals where the axis says", () => {
  const figure = plotResults(quick, risingResults(quick), SGD);
  const [first, second, third] = numbers(marks(figure, "SGD-mean-sharpness"), "cy");
  // Means are 0.2, 0.4, 0.6: the axis is linear.
  assertAlmostEquals(second! - first!, third! - second!, 2 * PIXELS);
  const pixels = (nats: number): number => first! + (nats - 0.2) / 0.4 * (third! - first!);
  const seeds = numbers(marks(figure, "SGD-one-seed"), "cy").slice(0, 3);
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
  const at = places(marks(figure, "AdaGrad-mean-training-loss")).map(({ x }) => x);
  assertEquals(at.length, 12);
  const step = (at[10]! - at[0]!) / 10;
  for (let i = 1; i <= 10; i++) assertAlmostEquals(at[i]!, at[0]! + i * step, 2 * PIXELS);
  assertAlmostEquals(at[11]! - at[10]!, step * Math.log2(50000 / 32768), 2 * PIXELS);
  const labels = texts(figure);
  for (const value of paper.grid.batchSizes) assert(labels.includes(String(value)), `${value}`);
});

Deno.test("plotResults2() stands SGD and AdaGrad beside each other, not on each other", () => {
  const figure = plotResults2(quick, risingResults(quick));
  const [sgd, adagrad] = ["SGD", "AdaGrad"].map((one) =>
    shifts(figure, `${one}-mean-sharpness`)[0]!
  );
  assertEquals(sgd, -adagrad!);
  // Further than a marker with its outline, of radius 3 + 1.5 / 2, and than a letter of "diverged".
  assert(adagrad! - sgd! >= 11);
  // A thin interval shows between the markers: half its stroke further in than they reach.
  const [pooled] = shifts(figure, "AdaGrad-pooled-interval");
  assert(pooled! > 0.5 && pooled! + 0.5 <= adagrad! - 3.75, `${pooled}`);
});

Deno.test("plotResults() draws cells with runs at the epoch limit hollow and says so", () => {
  const some = syntheticResults(limited, ({ learningRate, seed }) => ({
    stopped: learningRate === 1e-2 && seed === 1 ? "epoch limit" : "reached",
  }));
  const figure = plotResults(limited, some, SGD);
  const fills = (name: string): unknown =>
    marks(figure, name).map((element) => element.getAttribute("fill"));
  assertEquals(fills("SGD-mean-sharpness"), ["#0072b2", "#fff", "#0072b2"]);
  assertEquals(fills("SGD-mean-training-loss"), ["#0072b2", "#fff", "#0072b2"]);
  assert(texts(figure).includes("with runs that did not reach the stop"));
  assertStringIncludes(figure.caption, "of 9 runs 1 did not reach the stop (hollow).");
  const converged = plotResults(limited, syntheticResults(limited), SGD);
  assertStringIncludes(converged.caption, "At most 12 epochs; all 9 runs reached the stop.");
});

Deno.test("plotResults() leaves diverged runs out of means, marks lost cells, names the runs", () => {
  const results = syntheticResults(quick, ({ learningRate, seed, optimizer }) => {
    if (optimizer === "SGD" && learningRate === 1e-1) return { stopped: "diverged", epochs: 2 };
    return learningRate === 1e-3 && seed === 2 ? { stopped: "diverged", epochs: 2 } : {};
  });
  const figure = plotResults(quick, results, SGD);
  assertEquals(marks(figure, "SGD-mean-sharpness").length, 2);
  assertEquals(marks(figure, "SGD-one-seed").length, 5);
  const [diverged, ...others] = marks(figure, "SGD-diverged");
  assertEquals([diverged!.textContent, others.length], ["× diverged", 0]);
  assert(texts(figure).includes("all runs diverged"));
  assertStringIncludes(
    figure.caption,
    "of 9 runs 4 diverged (excluded from all means): SGD at learning rate 10⁻³, batch size 128, " +
      "seed 2; SGD at learning rate 10⁻¹, batch size 128, seeds 0, 1, 2.",
  );
});

Deno.test("plotResults() draws no interval over one seed and says so", () => {
  const study: Study = { ...quick, grid: { ...quick.grid, seeds: [0] } };
  const figure = plotResults(study, syntheticResults(study), SGD);
  assertEquals(marks(figure, "SGD-t-interval-over-seeds").length, 0);
  assertEquals(marks(figure, "SGD-pooled-interval").length, 9);
  assertStringIncludes(figure.caption, "n = 1 seed a cell.");
  assertStringIncludes(figure.caption, "One seed gives no interval over seeds;");
  assert(texts(figure).includes("mean (one seed)"));
  // Pooled intervals stand on the means: neither is shifted.
  assertEquals(shifts(figure, "SGD-pooled-interval"), []);
});

Deno.test("plotResults2() says how many runs have no result yet", () => {
  const [one] = syntheticResults(quick);
  assertStringIncludes(plotResults2(quick, [one!]).caption, "29 of 30 runs without result yet.");
});

Deno.test("plotResults2() tells optimizers of one rule apart", () => {
  const optimizers = ["SGD", "SGD(momentum=0.9)", "SGD(momentum=0.99)"];
  const study: Study = { ...quick, grid: { ...quick.grid, optimizers } };
  const figure = plotResults2(study, syntheticResults(study));
  const colors = ["SGD", "SGD_momentum_0_9_", "SGD_momentum_0_99_"].map((slug) =>
    marks(figure, `${slug}-mean-sharpness`)[0]!.getAttribute("fill")
  );
  assertEquals(new Set(colors).size, 3);
});

Deno.test("plotResults() names an effect or optimizer that the study lacks", () => {
  const study: Study = { ...quick, grid: { ...quick.grid, effects: ["learning-rate"] } };
  assertThrows(
    () => plotResults(study, [], { effect: "batch-size", optimizer: "SGD" }),
    RangeError,
    "Cannot plot the study as effect must be one of its effects (learning-rate): " +
      "current value is batch-size",
  );
});

Deno.test("plotResults2() draws 2 / learning rate beside the largest eigenvalue, and only there", () => {
  const study: Study = {
    ...quick,
    grid: { ...quick.grid, effects: ["learning-rate"], optimizers: ["SGD"] },
  };
  const eigenvalue = study.measures.first.find((text) => text.startsWith("lambda-max"))!;
  const results = syntheticResults(study, ({ learningRate }) => ({
    estimate: (measure) => measure === eigenvalue ? 2 / learningRate : undefined,
  }));
  const figure = plotResults2(study, results, { measure: eigenvalue });
  assertEquals(figure.name, "lambda-max");
  const [line] = marks(figure, "edge");
  const corners = line!.getAttribute("d")!.slice(1).split("L").map((pair) => pair.split(","));
  // The means lie on the line.
  const heights = numbers(marks(figure, "SGD-mean-sharpness"), "cy");
  const pieces = (corners.length - 1) / 2;
  heights.forEach((y, i) => assertAlmostEquals(Number(corners[i * pieces]![1]), y, 2 * PIXELS));
  assert(texts(figure).includes("2 / learning rate"));
  const other = plotResults2(study, results);
  assertEquals(marks(other, "edge"), []);
  assert(!texts(other).includes("2 / learning rate"));
});

Deno.test("plotResults() shows the largest eigenvalue in ratios, however close to 2 / learning rate", () => {
  const [measure] = quick.measures.first.filter((text) => text.startsWith("lambda-max"));
  const results = syntheticResults(quick, ({ batchSize }) => ({
    estimate: (text) => text === measure ? 20 * 2 ** [32, 128, 1024].indexOf(batchSize) : undefined,
  }));
  const options = { effect: "batch-size", optimizer: "SGD", measure: measure! } as const;
  const figure = plotResults(quick, results, options);
  // 20, 40 and 80, with the edge at 200.
  const [first, second, third] = numbers(marks(figure, "SGD-mean-sharpness"), "cy");
  assertAlmostEquals(second! - first!, third! - second!, 2 * PIXELS);
});
