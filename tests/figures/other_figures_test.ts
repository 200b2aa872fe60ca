import {
  plotCurves,
  plotEdge,
  plotPublished,
  plotRanks,
  plotRatio,
  plotRescaling,
  plotTrainingLoss,
} from "~/lib/figures.ts";
import { comparePublished, rankMeasures } from "~/lib/findings.ts";
import { runsAt } from "~/lib/results.ts";
import { presets, type Study } from "~/lib/study.ts";
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { marks, numbers, PIXELS, texts } from "~/tests/fixtures/svg_marks.ts";
import { syntheticRecords, syntheticResults } from "~/tests/fixtures/synthetic_results.ts";

const { quick, standard } = presets;
const study: Study = {
  ...standard,
  grid: {
    ...standard.grid,
    effects: ["learning-rate"],
    optimizers: ["SGD"],
    learningRates: [1e-4, 1e-2, 1e-1],
    seeds: [0, 1],
  },
};
const PUBLISHED: Readonly<Record<number, number>> = { 1e-4: 1.29571, 1e-2: 0.10663, 1e-1: 0.01024 };
const records = syntheticRecords(study, ({ learningRate, seed }) => ({
  epochs: 60,
  gap: learningRate,
  // As published, but twice as much at 10^-2.
  samples: [
    PUBLISHED[learningRate]! * (learningRate === 1e-2 ? 2 : 1) * (1 + 0.001 * (seed - 0.5)),
  ],
}));
const runs = runsAt(study, records);

Deno.test("plotPublished() puts equal cells on the identity line, hollow where they differ", () => {
  const figure = plotPublished(study, comparePublished(study, records));
  const dots = marks(figure, "SGD-pair");
  assertEquals(dots.length, 3);
  assertEquals(dots.map((dot) => dot.getAttribute("fill")), ["#0072b2", "#fff", "#0072b2"]);
  const [x, y] = [numbers(dots, "cx"), numbers(dots, "cy")];
  // Both axes have the same decades and pixels: along the line x rises as y falls.
  assertAlmostEquals(x[0]! - x[2]!, y[2]! - y[0]!, 3 * PIXELS);
  // Twice as much is log(2) / log(1.29571 / 0.01024) of the way between the other two.
  const decade = (x[0]! - x[2]!) / Math.log10(1.29571 / 0.01024);
  const onLine = y[0]! + (x[0]! - x[1]!);
  assertAlmostEquals(onLine - y[1]!, Math.log10(2) * decade, 5 * PIXELS);
  assertStringIncludes(figure.caption, "SGD by learning rate, at cumulative:1e-3: 2 of 3 agree");
  assertStringIncludes(plotPublished(quick, []).caption, "No cell with a result can be compared.");
});

Deno.test("plotCurves() draws a line a trajectory, its loss falling to the right, the stop large", () => {
  const figure = plotCurves(study, records);
  assertEquals(marks(figure, "curve").length, 6);
  assertEquals(marks(figure, "curve-stop").length, 6);
  const [line] = marks(figure, "curve");
  const xs = line!.getAttribute("d")!.slice(1).split("L").map((part) => Number(part.split(",")[0]));
  assert(xs.length > 1 && xs.every((x, i) => i === 0 || x > xs[i - 1]!), String(xs));
  assertStringIncludes(figure.caption, "6 trajectories with 2 seeds");
  assertEquals(marks(plotCurves(study, []), "curve").length, 0);
});

Deno.test("plotCurves() puts tenfold learning rate x updates at even distances", () => {
  const figure = plotCurves(study, records, { against: "learning-time" });
  const stops = numbers(marks(figure, "curve-stop"), "cx");
  const times = runs.map(({ config, training }) => config.learningRate * training.epochs * 391);
  const [a, b, c] = [0, 2, 4].map((i) => ({ x: stops[i]!, time: Math.log10(times[i / 2]!) }));
  assertAlmostEquals((b!.x - a!.x) / (b!.time - a!.time), (c!.x - b!.x) / (c!.time - b!.time), 0.1);
});

Deno.test("plotRatio() puts both effects on one axis, with the published values", () => {
  const both: Study = {
    ...study,
    grid: { ...study.grid, effects: ["learning-rate", "batch-size"], batchSizes: [128, 512] },
  };
  const figure = plotRatio(both, syntheticResults(both, () => ({ epochs: 60 })));
  const rates = marks(figure, "SGD-learning-rate");
  const sizes = marks(figure, "SGD-batch-size");
  assertEquals([rates.length, sizes.length], [3, 2]);
  // 1e-4 / 128 is in both, 1e-4 / 512 a quarter of it: 1e-2 / 128 lies two decades to the right.
  const [x0, x1] = numbers(rates, "cx");
  const squares = sizes.map((mark) =>
    Number(/translate\(([\d.]+)/.exec(mark.getAttribute("transform")!)![1])
  );
  assert(squares.some((x) => Math.abs(x - x0!) < 2 * PIXELS));
  assertAlmostEquals(x0! - Math.min(...squares), (x1! - x0!) / 2 * Math.log10(4), 4 * PIXELS);
  // 7 + 12 of SGD.
  assertEquals(marks(figure, "SGD-published").length, 19);
});

Deno.test("plotRanks() draws a line a measure, groups and their mean", () => {
  const ranks = rankMeasures(study, runs, ["sharpness", "trace"]);
  const figure = plotRanks(study, ranks);
  assertEquals(marks(figure, "tau").length, 2);
  assertEquals(marks(figure, "learning-rate-tau").length, 2);
  assert(texts(figure).includes("sharpness"));
  assertStringIncludes(figure.caption, "n = 2 seeds; so few seeds make the interval too narrow");
  assertStringIncludes(plotRanks(study, []).caption, "No measure has two cells");
});

Deno.test("plotRescaling() draws shares of the value at c = 1 and names what has none", () => {
  const figure = plotRescaling([
    ...[0.1, 1, 10].map((scale) => ({ scale, measure: "sharpness", value: 0.5 / scale })),
    ...[10, 0.1, 1].map((scale) => ({ scale, measure: "relative", value: 0.25 })),
    { scale: 0.1, measure: "trace", value: 3 },
    { scale: 1, measure: "negative", value: -3 },
  ]);
  const [left, middle, right] = numbers(marks(figure, "measure-0"), "cy");
  // 10, 1 and 0.1 of the value at 1.
  assertAlmostEquals(middle! - left!, right! - middle!, 2 * PIXELS);
  const flat = [...marks(figure, "measure-1")].map((mark) => mark.getAttribute("transform")!);
  assertEquals(new Set(flat.map((move) => move.split(",")[1])).size, 1);
  assertStringIncludes(
    figure.caption,
    "Not drawn, without a value above 0 at c = 1: trace, negative.",
  );
  assertEquals(marks(plotRescaling([]), "measure-0").length, 0);
});

Deno.test("plotEdge() draws 2 / lr where the eigenvalue of that height stands", () => {
  const rows = [0, 10, 20].map((epoch) => (
    { series: "lr 0.1", epoch, lambdaMax: [5, 12, 20][epoch / 10]!, learningRate: 0.1 }
  ));
  const figure = plotEdge([...rows, { series: "AdaGrad", epoch: 0, lambdaMax: 7 }]);
  const [edge, ...others] = marks(figure, "edge");
  assertEquals(others, []);
  const dots = marks(figure, "lambda-max-network");
  // The eigenvalue of 20 lies on 2 / 0.1.
  const at = dots.map((dot) => Number(dot.getAttribute("cy")));
  assertAlmostEquals(Math.min(...at), Number(edge!.getAttribute("y1")), 2 * PIXELS);
  assertEquals(marks(figure, "lambda-max").length, 2);
  assertEquals(marks(figure, "loss").length, 0);
  assertEquals(marks(plotEdge(rows.map((row) => ({ ...row, trainLoss: 1 }))), "loss").length, 1);
  assertEquals(marks(plotEdge([]), "edge").length, 0);
});

Deno.test("plotTrainingLoss() draws every run once a panel and how it ended", () => {
  const limited: Study = { ...quick, stops: ["loss:1.2"], maxEpochs: 12 };
  const figure = plotTrainingLoss(
    limited,
    syntheticResults(limited, ({ learningRate, seed }) => {
      if (learningRate === 1e-1) return { stopped: "diverged", epochs: 3, trainLoss: 2 };
      return { stopped: seed === 0 ? "epoch limit" : "reached" };
    }),
  );
  // The base cell's runs belong to both effects.
  assertEquals(marks(figure, "training-loss").length, 36);
  assertEquals(marks(figure, "diverged").length, 6);
  const ends = marks(figure, "end-of-training");
  assertEquals(ends.length, 30);
  assertEquals(ends.filter((end) => end.getAttribute("fill") === "#fff").length, 10);
  assertStringIncludes(
    figure.caption,
    "of 30 runs 8 did not reach the stop (hollow) and 6 diverged",
  );
});

Deno.test("plotTrainingLoss() thins long runs and keeps their first and last epoch", () => {
  const long: Study = {
    ...quick,
    grid: { ...quick.grid, effects: ["learning-rate"], optimizers: ["SGD"], seeds: [0] },
    stops: ["epochs:4000"],
  };
  const figure = plotTrainingLoss(long, syntheticResults(long));
  const [line] = marks(figure, "training-loss");
  const points = line!.getAttribute("d")!.slice(1).split("L").map((point) => point.split(","));
  assert(points.length > 60 && points.length <= 120, `${points.length} points`);
  const [end] = marks(figure, "end-of-training");
  assertEquals(points.at(-1), [end!.getAttribute("cx"), end!.getAttribute("cy")]);
});
