import { fitAxis, formatTick } from "~/lib/figures/axis.ts";
import {
  type Figure,
  plotAxes,
  plotCurves,
  plotEdge,
  plotEigenvalues,
  plotLead,
  plotLevels,
  plotPublished,
  plotRanks,
  plotRatio,
  plotRescaling,
  plotResults,
  plotResults2,
  plotTrainingLoss,
} from "~/lib/figures.ts";
import { comparePublished, listFindings, rankMeasures } from "~/lib/findings.ts";
import { runsAt } from "~/lib/results.ts";
import { axesStudy, presets, type Study } from "~/lib/study.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { marks, numbers, PIXELS, places, shifts, texts } from "~/tests/fixtures/svg_marks.ts";
import {
  mapMeasures,
  spread,
  syntheticRecords,
  syntheticResults,
  vary,
  withDetails,
} from "~/tests/fixtures/synthetic_results.ts";

const { quick, paper, standard } = presets;
/** A study in which some runs reach the first stop and others the epoch limit. */
const limited: Study = { ...quick, stops: ["loss:1.2"], maxEpochs: 12 };
/** Three learning rates that were published. */
const study = vary(standard, {
  ...{ effects: ["learning-rate"], optimizers: ["SGD"] },
  ...{ learningRates: [1e-4, 1e-2, 1e-1], seeds: [0, 1] },
});
const PUBLISHED: Readonly<Record<number, number>> = { 1e-4: 1.29571, 1e-2: 0.10663, 1e-1: 0.01024 };
const records = syntheticRecords(study, ({ learningRate, seed }) => ({
  epochs: 60,
  gap: learningRate,
  // As published, but twice as much at 10^-2; seeds lie 0.1 % apart.
  samples: [
    PUBLISHED[learningRate]! * (learningRate === 1e-2 ? 2 : 1) * (1 + 0.001 * (seed - 0.5)),
  ],
}));

/** How far down the marks of a kind lie, in pixels. */
const heights = (figure: Figure, name: string): number[] => numbers(marks(figure, name), "cy");
/** What a path's points have at a place of "x,y", in pixels. */
const along = (path: Element, place: 0 | 1): number[] =>
  path.getAttribute("d")!.slice(1).split("L").map((pair) => Number(pair.split(",")[place]));

Deno.test("fitAxis() is logarithmic above 0, linear elsewhere, and has room for intervals", () => {
  const fit = (scale: "log" | "ratio" | "linear", ys: number[], end?: number) => {
    const rows = ys.map((y, i) => ({
      ...{ x: 0, y },
      interval: end === undefined || i > 0 ? null : [end, y] as const,
    }));
    return fitAxis({ label: "", scale }, "y", [{ kind: "points", name: "", rows }]);
  };
  assertEquals([fit("log", [0.001, 0.4]).isLog, fit("log", [-0.001, 0.4]).isLog], [true, false]);
  assert(fit("log", [0.1, 1], 0.05).domain[0] < 0.05);
  // No logarithm has room for 0: the axis ends below the points.
  assert(fit("log", [0.1, 1], -1).domain[0] > 0.05);
  const [low, high] = fit("ratio", [1.1, 4]).domain;
  assertAlmostEquals(low * high, 1, 1e-12);
  assert(fit("linear", [1, 2], 0.2).domain[0] < 0.2);
  assertEquals(fit("linear", [1, 2]).ticks.map(({ label }) => label), [
    ...["1", "1.2", "1.4", "1.6", "1.8", "2"],
  ]);
  assertEquals(fit("log", [1e-4, 1]).ticks.at(0)!.label, "10⁻⁴");
  assertEquals(
    [0, 0.30000000000000004, -0.2, 1e4, -25e5, -15e-4].map((value) => formatTick(value)),
    ["0", "0.3", "−0.2", "10⁴", "−2.5×10⁶", "−0.0015"],
  );
});

Deno.test("plotResults() puts means, losses and intervals where the axis says", () => {
  const results = syntheticResults(quick, ({ learningRate, seed }) => ({
    // Means 0.02, 0.2, 2.
    samples: spread(16, 20 * learningRate * (1 + 0.1 * (seed - 1)), 0.002 * learningRate),
    trainLoss: 1 - Math.log10(learningRate),
  }));
  const figure = plotResults(quick, results, { effect: "learning-rate", optimizer: "SGD" });
  const [first, second, third] = heights(figure, "SGD-mean");
  assertAlmostEquals(second! - first!, third! - second!, 2 * PIXELS);
  const pixels = (nats: number): number => first! + Math.log10(nats / 0.02) * (second! - first!);
  // s / sqrt(3) = 0.1 / sqrt(3) of the mean, t(0.975, 2) = 4.302653.
  const half = 4.302652729749 * 0.1 / Math.sqrt(3);
  const [line] = marks(figure, "SGD-mean-interval");
  assertAlmostEquals(Number(line!.getAttribute("y1")), pixels(0.02 * (1 - half)), 3 * PIXELS);
  assertAlmostEquals(Number(line!.getAttribute("y2")), pixels(0.02 * (1 + half)), 3 * PIXELS);
  assertEquals(marks(figure, "SGD-pooled-interval").length, 3);
  const losses = heights(figure, "SGD-mean-training-loss");
  // Losses 4, 3, 2: linear, and lower below.
  assertAlmostEquals(losses[1]! - losses[0]!, losses[2]! - losses[1]!, 2 * PIXELS);
  assert(losses[1]! > losses[0]!);
  assertStringIncludes(figure.caption, "n = 3 seeds a cell");
  assertStringIncludes(
    figure.caption,
    "Networks at the stop epochs:10: of 9 runs all reached it. Loss of all images: 2.00 to 4.00 nats.",
  );
  const reaching = syntheticResults(quick, ({ seed }) => ({ samples: [0.2 * (1 + 0.9 * seed)] }));
  const wide = plotResults(quick, reaching, { effect: "learning-rate", optimizer: "SGD" });
  // Mean 0.38, s = 0.18: the interval reaches below 0.
  assertEquals(marks(wide, "SGD-mean-cut").length, 3);
  assertStringIncludes(wide.caption, "▾: the interval goes on beyond the axis.");
  assertThrows(
    () => plotResults(study, [], { effect: "batch-size", optimizer: "SGD" }),
    RangeError,
    "Cannot plot the study as effect and optimizer must be in its grid (learning-rate, SGD): " +
      "current values are batch-size and SGD",
  );
});

Deno.test("plotResults2() stands optimizers beside each other, doublings at even distances", () => {
  const figure = plotResults2(paper, syntheticResults(paper));
  const at = places(marks(figure, "AdaGrad-mean")).map(({ x }) => x);
  // 7 learning rates, then 12 batch sizes.
  assertEquals(at.length, 19);
  // The panels below have shorter labels, and the same frames.
  assertEquals(places(marks(figure, "AdaGrad-mean-training-loss")).map(({ x }) => x), at);
  const sizes = at.slice(7);
  const step = (sizes[10]! - sizes[0]!) / 10;
  for (let i = 1; i <= 10; i++) assertAlmostEquals(sizes[i]!, sizes[0]! + i * step, 2 * PIXELS);
  assertAlmostEquals(sizes[11]! - sizes[10]!, step * Math.log2(50000 / 32768), 2 * PIXELS);
  const labels = texts(figure);
  for (const value of ["32", "50000", "10⁻⁴", "10⁻¹"]) assert(labels.includes(value), value);
  assert(!labels.includes("32768"), "stands too close to 50000");
  const [sgd, adagrad] = ["SGD", "AdaGrad"].map((one) => shifts(figure, `${one}-mean`)[0]!);
  assertEquals(sgd, -adagrad!);
  // Two markers of radius 3 side by side; 9 px on stands the next cell of a paper's column.
  assertEquals(adagrad! - sgd!, 6);
  const optimizers = ["SGD", ...[0.9, 0.99, 0.5].map((share) => `SGD(momentum=${share})`)];
  const momentum = vary(quick, { optimizers });
  const means = plotResults2(momentum, syntheticResults(momentum)).panels[0]!.layers
    .filter(({ name }) => name.endsWith("-mean"));
  for (const key of ["color", "symbol"] as const) {
    assertEquals(new Set(means.map((layer) => layer[key])).size, 4, key);
  }
});

/** The fill of a group, or of its first mark. */
function colorOf({ svg }: { svg: string }, name: string): string | undefined {
  return new RegExp(`<g [^>]*fill="(#\\w+)"[^>]*class="${name}"`).exec(svg)?.[1];
}

Deno.test("plotResults2() shows one seed hollow, limited runs pale, and lost cells by ×", () => {
  const one = vary(quick, { seeds: [0] });
  const single = plotResults2(one, syntheticResults(one));
  assertEquals(colorOf(single, "SGD-mean"), "#fff");
  assertEquals(marks(single, "SGD-mean-interval").length, 0);
  assertStringIncludes(single.caption, "n = 1 seed a cell. ");
  const short = vary(limited, { seeds: [0] });
  const ended = plotResults2(short, syntheticResults(short, () => ({ stopped: "epoch limit" })));
  assertStringIncludes(ended.svg, 'stroke="#99c7e0" fill="#fff"');
  const some = plotResults2(
    limited,
    syntheticResults(limited, ({ learningRate, seed }) => ({
      stopped: learningRate === 1e-2 && seed === 1 ? "epoch limit" : "reached",
    })),
  );
  const fills = marks(some, "SGD-mean").slice(0, 3).map((mark) => mark.getAttribute("fill"));
  assertEquals(fills[0], "#0072b2");
  assertEquals(fills[1], "#99c7e0");
  assertStringIncludes(some.caption, "pale: not all reached the stop");
  const lost = plotResults2(
    quick,
    syntheticResults(
      quick,
      ({ learningRate, optimizer }) =>
        learningRate === 1e-1 && optimizer === "SGD" ? { stopped: "diverged", epochs: 2 } : {},
    ),
  );
  assertEquals(marks(lost, "SGD-mean").length, 5);
  assertEquals(marks(lost, "SGD-diverged").length, 1);
  assertStringIncludes(lost.caption, "×: all diverged");
  assertStringIncludes(lost.caption, "3 diverged and entered no mean");
  const axes = plotAxes(
    axesStudy,
    syntheticResults(
      axesStudy,
      ({ learningRate, batchSize }) =>
        learningRate === 1e-1 && batchSize === 32 ? { stopped: "diverged", epochs: 2 } : {},
    ),
  );
  // In two of three panels: a network that diverged has no loss to stand at.
  assertEquals(marks(axes, "diverged").length, 2);
  assertStringIncludes(axes.caption, "×: all diverged");
  const [first] = syntheticResults(quick);
  assertStringIncludes(plotResults2(quick, [first!]).caption, "of 30 runs 29 gave no result.");
});

Deno.test("plotPublished() puts ours over the published, 1 in the middle", () => {
  const figure = plotPublished(study, comparePublished(study, records));
  const [first, second, third] = heights(figure, "SGD-ours");
  const published = marks(figure, "SGD-published-interval");
  const ends = (mark: Element): [number, number] =>
    ["y1", "y2"].map((end) => Number(mark.getAttribute(end))) as [number, number];
  // 1.29571 +- 0.03383 over 1.29571.
  const [from, to] = ends(published[0]!);
  const share = Math.log(1 - 0.03383 / 1.29571) / Math.log(1 + 0.03383 / 1.29571);
  const equal = (from - to * share) / (1 - share);
  for (const height of [first!, third!]) assertAlmostEquals(height, equal, 2 * PIXELS);
  // The published interval at 10^-1 is 1 +- 0.00085 / 0.01024; twice as much lies at 2.
  const octave = equal - second!;
  const [low, high] = [1 - 0.00085 / 0.01024, 1 + 0.00085 / 0.01024];
  const [bottom, top] = ends(published[2]!);
  assertAlmostEquals(bottom, equal - Math.log2(low) * octave, 3 * PIXELS);
  assertAlmostEquals(top, equal - Math.log2(high) * octave, 3 * PIXELS);
  assertStringIncludes(figure.caption, "3 of 3 published cells compared, 2 lie within two");
  assertStringIncludes(plotPublished(quick, []).caption, "No cell with a result can be compared.");
});

Deno.test("plotCurves() draws a line a trajectory, its loss falling to the right, named at its end", () => {
  const figure = plotCurves(study, records);
  const lines = marks(figure, "curve");
  assertEquals([lines.length, marks(figure, "curve-stop").length], [6, 6]);
  const xs = along(lines[0]!, 0);
  assert(xs.length > 1 && xs.every((x, i) => i === 0 || x > xs[i - 1]!), String(xs));
  const names = new Set(marks(figure, "curve-value").map((mark) => mark.textContent));
  assertEquals(names, new Set(["10⁻¹", "10⁻²", "10⁻⁴"]));
  assertStringIncludes(
    figure.caption,
    "the dot is its network at the stop cumulative:1e-3; n = 2 seeds",
  );
  const ofOne = texts(plotCurves(vary(study, { learningRates: [1e-2] }), records));
  // In the legend; at the end of a line, with its halo.
  assertEquals(ofOne.filter((text) => text.includes("10⁻²")), [
    ...["Learning rate 10⁻²", "10⁻²", "10⁻²"],
  ]);
});

Deno.test("plotLead() has ours beside the published and the first optimizer's curves", () => {
  const figure = plotLead(study, records);
  const counts = ["SGD-ours", "SGD-published", "curve"].map((name) => marks(figure, name).length);
  assertEquals([figure.panels.length, ...counts], [2, 3, 3, 6]);
  assertEquals(plotLead(study, []).panels, []);
  // Lines of one cell differ in seed only.
  const one = plotLead(vary(study, { learningRates: [1e-2] }), records);
  assertEquals([one.panels.length, one.caption.includes("Along training")], [1, false]);
});

Deno.test("plotLevels() puts the ratio of two ends at its level, with its verdict", () => {
  const stops = ["cumulative:1e-3", "loss:1.6", "loss:1.4"];
  const levels = vary(study, { seeds: [0, 1, 2] }, { stops });
  // Values are the learning rate's alone, whatever the loss: 0.1 and 0.01.
  const made = syntheticRecords(levels, ({ learningRate, seed }) => ({
    epochs: 60,
    samples: [(learningRate === 1e-4 ? 0.1 : 0.01) * (1 + 0.001 * seed)],
  }));
  const found = listFindings(levels, made);
  const figure = plotLevels(levels, found);
  const ratios = heights(figure, "survives");
  assert(ratios.length > 0);
  assertEquals(["reverses", "inconclusive"].flatMap((kind) => marks(figure, kind)), []);
  const [above, below] = numbers(marks(figure, "negligible-band"), "y1");
  // The ratio 0.1 lies log 10 / log 1.44 of the band's width below its middle.
  const width = Math.abs(above! - below!) * Math.log(10) / Math.log(1.44);
  assertAlmostEquals(ratios[0]! - (above! + below!) / 2, width, 0.1 * width / 10);
  assertStringIncludes(figure.caption, "n = 3 seeds");
  assertStringIncludes(plotLevels(levels, []).caption, "No effect has two ends");
});

Deno.test("plotRatio() puts both effects on one axis", () => {
  const effects = ["learning-rate", "batch-size"] as const;
  const both = vary(study, { effects, batchSizes: [128, 512] });
  const figure = plotRatio(both, syntheticResults(both, () => ({ epochs: 60 })));
  const [x0, x1] = numbers(marks(figure, "SGD-learning-rate"), "cx");
  const squares = places(marks(figure, "SGD-batch-size")).map(({ x }) => x);
  // 1e-4 / 128 is in both, 1e-4 / 512 a quarter of it: 1e-2 / 128 lies two decades to the right.
  assertEquals(squares.length, 2);
  assertAlmostEquals(Math.max(...squares), x0!, 2 * PIXELS);
  const quarter = (x1! - x0!) / 2 * Math.log10(4);
  assertAlmostEquals(x0! - Math.min(...squares), quarter, 3 * PIXELS);
  const lost = syntheticResults(both, ({ learningRate }) => (
    learningRate === 1e-1 ? { stopped: "diverged", epochs: 2 } : { epochs: 60 }
  ));
  const diverged = plotRatio(both, lost);
  const [layer] = diverged.panels[0]!.layers.filter(({ name }) => name === "SGD-diverged");
  assertEquals(layer!.rows.map(({ x }) => x), [1e-1 / 128]);
  // The optimizer is the panel's heading, and no entry of the legend.
  assertEquals(texts(diverged).filter((text) => text === "SGD").length, 1);
});

Deno.test("plotRanks() draws a line a measure, groups and their mean", () => {
  const both = vary(quick, { optimizers: ["SGD"], seeds: [0, 1] }, {
    measures: { first: ["sharpness", "trace"], others: [] },
  });
  // In the gap's order along the learning rates; one of three pairs is not along the batch sizes.
  const records = syntheticRecords(both, ({ learningRate, batchSize }) => ({
    gap: learningRate + { 32: 0, 128: 0.002, 1024: 0.001 }[batchSize]!,
    estimate: () => learningRate * batchSize,
  }));
  const ranks = rankMeasures(both, runsAt(both, records));
  const figure = plotRanks(both, ranks);
  const [zero] = numbers(marks(figure, "zero"), "x1");
  const one = numbers(marks(figure, "learning-rate-tau"), "cx").map((x) => x - zero!);
  assert(one[0]! > 0);
  assertEquals(one, [one[0], one[0]]);
  for (const [group, tau] of [["batch-size", (2 - 1) / 3], ["all", (1 + 1 / 3) / 2]] as const) {
    const own = places(marks(figure, `${group}-tau`));
    for (const { x } of own) assertAlmostEquals(x - zero!, tau * one[0]!, 2 * PIXELS);
    assertEquals(new Set(own.map(({ y }) => y)).size, 2);
  }
  assertStringIncludes(figure.caption, "n = 2 seeds");
  assertStringIncludes(figure.caption, "95 % bootstrap intervals");
  assertStringIncludes(figure.caption, "the larger the gap (test loss − training loss).");
  const single = vary(both, { seeds: [0] });
  const ofOne = plotRanks(single, rankMeasures(single, runsAt(single, records)));
  assertStringIncludes(
    ofOne.caption,
    "n = 1 seed. Only pairs of cells that their seeds tell apart count. A mean",
  );
  assertStringIncludes(plotRanks(study, []).caption, "No measure tells three pairs of cells");
});

Deno.test("plotRescaling() draws shares of the value at c = 1 and names what has none", () => {
  const figure = plotRescaling([
    ...[0.1, 1, 10].map((scale) => ({ scale, measure: "sharpness", value: 0.5 / scale })),
    ...[10, 0.1, 1].map((scale) => ({ scale, measure: "relative", value: 0.25 })),
    { scale: 0.1, measure: "trace", value: 3 },
    { scale: 1, measure: "negative", value: -3 },
    ...[1, 10].map((scale) => ({ scale, measure: "lower", value: 2 - scale })),
  ]);
  const [left, middle, right] = heights(figure, "series-0");
  // 10, 1 and 0.1 of the value at 1.
  assertAlmostEquals(middle! - left!, right! - middle!, 2 * PIXELS);
  assertEquals(new Set(places(marks(figure, "series-1")).map(({ y }) => y)).size, 1);
  assertStringIncludes(
    figure.caption,
    "Values that are not above 0, or not at c = 1, are not drawn: trace, negative, lower.",
  );
});

Deno.test("plotEdge() draws 2 / lr where the eigenvalue of that height stands", () => {
  const rows = [5, 12, 20].map((lambdaMax, i) => (
    { series: "lr 0.1", optimizer: "SGD", epoch: 10 * i, lambdaMax, learningRate: 0.1 }
  ));
  const figure = plotEdge([...rows, {
    series: "AdaGrad",
    optimizer: "AdaGrad",
    epoch: 0,
    lambdaMax: 7,
  }]);
  // The eigenvalue of 20 lies on 2 / 0.1.
  const [edge, ...others] = numbers(marks(figure, "edge"), "y1");
  assertEquals([others, marks(figure, "series-1").length], [[], 1]);
  assertAlmostEquals(Math.min(...heights(figure, "series-0")), edge!, 2 * PIXELS);
});

Deno.test("plotEigenvalues() draws an eigenvalue whose residual is above 1 % as a lower bound", () => {
  const made = syntheticRecords(quick, ({ learningRate }) => ({
    estimate: (measure) => measure.includes("lambda-max") ? 1 / learningRate : undefined,
  }));
  const having = (share: number): Figure =>
    plotEigenvalues(
      quick,
      withDetails(made, ({ learningRate }, { estimate }) => ({
        residual: (learningRate === 1e-3 ? share : 0.01) * estimate,
      })),
    );
  const counts = [0.01, 0.011].map(having).map((figure) => [
    ...["SGD-mean", "SGD-lower-bound"].map((name) => marks(figure, name).length),
    figure.caption.includes("triangles"),
  ]);
  // Three learning rates and three batch sizes, of which the first learning rate has none.
  assertEquals(counts, [[6, 0, false], [5, 1, true]]);
});

Deno.test("plotEigenvalues() draws 2 / learning rate beside the eigenvalue that it bounds", () => {
  const { optimizers } = quick.grid;
  const records = syntheticRecords(quick, ({ learningRate }) => ({
    estimate: (measure) => measure.includes("lambda-max") ? 2 / learningRate : undefined,
  }));
  const figure = plotEigenvalues(quick, records);
  // The means lie on the line, in the panels of both optimizers: AdaGrad has the preconditioned one.
  const lines = marks(figure, "edge").map((line) => along(line, 1));
  assertEquals([figure.panels.length, lines.length], [2 * optimizers.length, 4]);
  const means = heights(figure, "SGD-mean");
  lines.slice(0, 2).flat().forEach((y, i) => assertAlmostEquals(y, means[i]!, 2 * PIXELS));
  // Labels at the ends of two axes side by side: half of nine letters of 11 pixels each.
  const pairs = [{ learningRate: 1e-3, batchSize: 128 }, { learningRate: 1e-2, batchSize: 7 }];
  const beside = vary(quick, { effects: ["pairs"], optimizers: ["SGD", "Adam"], pairs });
  const { svg } = plotEigenvalues(beside, syntheticRecords(beside));
  const at = (label: string): number[] =>
    [...svg.matchAll(new RegExp(`\\(([\\d.]+),[\\d.]+\\)"[^>]*>${label}<`, "g"))]
      .map(([, x]) => Number(x));
  const distance = at("7.81×10⁻⁶")[1]! - at("1.43×10⁻³")[0]!;
  assert(distance > 58, String(distance));
  const edges = (own: Study): [number, boolean] => {
    const figure = plotEigenvalues(own, syntheticRecords(own));
    return [marks(figure, "edge").length, figure.caption.includes("The edge is that")];
  };
  const plain = { first: ["lambda-max"], others: [] };
  const adaGrad = vary(study, { optimizers: ["AdaGrad"] }, { measures: plain });
  assertEquals([edges(study), edges(adaGrad)], [[1, true], [0, false]]);
  // A line through one point would not be seen.
  const single = plotEigenvalues(
    vary(quick, { effects: ["learning-rate"], optimizers: ["SGD"], learningRates: [1e-2] }),
    records,
  );
  const [edge] = numbers(marks(single, "edge"), "y1");
  assertAlmostEquals(edge!, heights(single, "SGD-mean")[0]!, 2 * PIXELS);
  // The base cell alone has the preconditioned one among batch sizes: these keep the plain one.
  const rates = mapMeasures(
    records,
    (measures, { batchSize }) =>
      measures.filter(({ measure }) => batchSize === 128 || !measure.startsWith("preconditioned")),
  );
  const { panels, caption } = plotEigenvalues(quick, rates);
  const drawn = panels.map(({ layers }) => layers.find(({ kind }) => kind === "points")!.rows);
  assertEquals(drawn.map(({ length }) => length), [3, 3, 3, 3]);
  assertEquals(panels[3]!.layers.filter(({ name }) => name === "edge"), []);
  assertStringIncludes(caption, "of 30 runs all reached it");
});

Deno.test("plotTrainingLoss() draws every run once a panel and how it ended", () => {
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
  assertStringIncludes(figure.caption, "of 30 runs 8 did not reach it, 6 diverged");
  const long: Study = { ...study, stops: ["epochs:4000"] };
  const [line] = marks(plotTrainingLoss(long, syntheticResults(long)), "training-loss");
  const { length } = along(line!, 0);
  assert(length > 20 && length <= 40, `${length} points`);
});
