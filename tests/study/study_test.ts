import fc from "fast-check";
import { UsageError } from "~/lib/domain.ts";
import {
  checkStudy,
  edgeStudy,
  listCells,
  listTrajectories,
  PRESETS,
  presets,
  type Study,
  studyName,
  studyOf,
} from "~/lib/study.ts";
import { trajectoryPath } from "~/lib/trainer.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { vary } from "~/tests/fixtures/synthetic_results.ts";

/** A study with parts of it and of its grid replaced, by whatever values. */
function change(
  { grid, measures, ...rest }: { [part in keyof Study]?: unknown },
  base: Study = presets.quick,
): Study {
  const both = { ...base.measures, ...measures as Partial<Study["measures"]> };
  return vary(base, grid as Partial<Study["grid"]>, { ...rest as Partial<Study>, measures: both });
}

Deno.test("presets are the protocol's, canonical and pass their check", () => {
  const { paper, standard, quick } = presets;
  assertEquals(paper.grid.learningRates, [1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1]);
  assertEquals(
    paper.grid.batchSizes,
    [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 50000],
  );
  assertEquals([paper.grid.seeds, standard.grid.seeds], [[0, 1, 2, 3, 4, 5], [0, 1, 2]]);
  assertEquals([paper.images, quick.images, quick.stops], [50_000, 10_000, ["epochs:10"]]);
  // The figures show the first.
  assertEquals([paper.stops[0], standard.stops[0]], ["cumulative:1e-4", "cumulative:1e-3"]);
  assert(paper.stops.includes("consecutive:1e-3"));
  for (const study of [...PRESETS.map((preset) => presets[preset]), edgeStudy]) {
    assertEquals(checkStudy(study), study);
    assertEquals(checkStudy(study).grid.optimizers, ["SGD", "AdaGrad"]);
  }
});

Deno.test("listTrajectories() has 30, 108 and 216, each once, seeds outermost", () => {
  for (const [preset, count] of [["quick", 30], ["standard", 108], ["paper", 216]] as const) {
    const trajectories = listTrajectories(presets[preset]);
    assertEquals(new Set(trajectories.map(trajectoryPath)).size, count);
    const { seeds } = presets[preset].grid;
    // Every cell with one seed, then the same cells with the next.
    const cells = trajectories.slice(0, count / seeds.length);
    assertEquals(trajectories, seeds.flatMap((seed) => cells.map((cell) => ({ ...cell, seed }))));
  }
});

Deno.test("listCells() has every value of both effects, the base cell in both, and pairs", () => {
  const cells = listCells(presets.paper);
  assertEquals(cells.length, 2 * (7 + 12));
  for (const { effect, learningRate, batchSize } of cells) {
    // One factor at a time.
    if (effect === "learning-rate") assertEquals(batchSize, 128);
    else assertEquals(learningRate, 1e-4);
  }
  const base = cells.filter(({ learningRate, batchSize, optimizer }) =>
    learningRate === 1e-4 && batchSize === 128 && optimizer === "SGD"
  );
  assertEquals(base.map(({ effect }) => effect), ["learning-rate", "batch-size"]);
  const pairs = [{ learningRate: 1, batchSize: 2 }, { learningRate: 3, batchSize: 4 }];
  assertEquals(
    listCells(change({ grid: { effects: ["pairs"], optimizers: ["Adam"], pairs } })),
    pairs.map((pair) => ({ effect: "pairs", optimizer: "Adam", ...pair })),
  );
});

Deno.test("listTrajectories() of part of a grid, of other stops and measures: the same trajectories", () => {
  const part = change({
    grid: { effects: ["batch-size"], optimizers: ["AdaGrad"], batchSizes: [32, 64], seeds: [5] },
    ...{ stops: ["epochs:3"], measures: { first: [] }, maxEpochs: 7 },
  }, presets.paper);
  const paths = listTrajectories(part).map(trajectoryPath);
  assertEquals(paths, [
    "cifar10,images=50000/AdaGrad/lr=0.0001,batch=32,seed=5",
    "cifar10,images=50000/AdaGrad/lr=0.0001,batch=64,seed=5",
  ]);
  const all = listTrajectories(presets.paper).map(trajectoryPath);
  assertEquals(paths.filter((path) => !all.includes(path)), []);
});

Deno.test("studyName() is the preset and whatever differs from it, fit for a file's name", () => {
  const names: [Parameters<typeof change>[0], string][] = [
    [{}, "quick"],
    [{ grid: { seeds: [0, 1] }, images: 500 }, "quick,seeds=0,1,images=500"],
    [{ stops: ["cumulative:1e-4", "loss:1.5"] }, "quick,stops=cumulative_1e-4,loss_1.5"],
    [{ grid: { optimizers: ["SGD(momentum=0.9)"] } }, "quick,optimizers=SGD(momentum=0.9)"],
    [{ measures: { first: ["trace"] } }, "quick,measures=trace"],
    [{ sizes: [3072, 8, 10] }, "quick,layers=3072,8,10"],
  ];
  for (const [options, name] of names) assertEquals(studyName(change(options)), name);
  const long = studyName(change({ grid: { seeds: Array.from({ length: 999 }, (_, i) => i) } }));
  assert(/^quick,seeds=0,1,[\d,]+-[0-9a-f]{8}$/.test(long) && long.length < 200, long);
});

Deno.test("studyName() of two studies that differ in one part is the same only if they are", () => {
  const parts = {
    preset: fc.constantFrom(...PRESETS),
    effects: fc.constantFrom(["pairs"], ["learning-rate"], ["batch-size", "learning-rate"]),
    optimizers: fc.constantFrom(["SGD"], ["SGD(momentum=0.9)"], ["SGD", "AdaGrad"]),
    learningRates: fc.constantFrom([1e-3, 1e-2], [1e-3], [1e-2, 1e-3]),
    batchSizes: fc.constantFrom([32], [32, 128]),
    baseLearningRate: fc.constantFrom(1e-3, 1e-2),
    baseBatchSize: fc.constantFrom(32, 128),
    pairs: fc.constantFrom([], [{ learningRate: 1, batchSize: 2 }]),
    seeds: fc.constantFrom([0], [0, 1], Array.from({ length: 99 }, (_, i) => i)),
    sizes: fc.constantFrom([3072, 10], [3072, 5, 10], [3072, 512, 256, 128, 10]),
    images: fc.constantFrom(10_000, 50_000),
    order: fc.constantFrom(undefined, "shuffled"),
    init: fc.constantFrom(undefined, "0123456789ab"),
    maxEpochs: fc.constantFrom(20_000, 30),
    stops: fc.constantFrom(["epochs:10"], ["epochs:1"], ["epochs:1", "loss:0"], ["loss:0"]),
    first: fc.constantFrom([], ["sharpness"], ["sharpness(directions=4)"]),
    others: fc.constantFrom([], ["sharpness"]),
  };
  const study = fc.record(parts);
  const name = ({ preset, sizes, images, order, init, maxEpochs, stops, first, others, ...grid }: {
    [part in keyof typeof parts]: unknown;
  }): string => {
    const own = { preset, sizes, images, order, init, maxEpochs, stops };
    const measures = { first, others };
    return studyName(change({ ...own, measures, grid }, presets[preset as "quick"]));
  };
  fc.assert(
    fc.property(study, study, fc.constantFrom(...Object.keys(parts)), (a, other, part) => {
      const b = { ...a, [part]: other[part as "seeds"] };
      assertEquals(name(a) === name(b), JSON.stringify(a) === JSON.stringify(b));
      assert(/^[-\w=,.()]+$/.test(name(a)), name(a));
    }),
    { seed: 6, numRuns: 500 },
  );
});

const { quick } = presets;
const LIST = (name: string): string => `${name} must be a list of ${name}, at least 1, none twice`;
const SIZES = "layers must be a list that begins with 3072 inputs and ends with 10 classes";
const MEASURES = "measures (first and others)";
/** Studies, or parts of one, and what is wrong: "... must be ..." and how the value is shown. */
const BAD: readonly [study: unknown, wanted: string, shown: string][] = [
  ...([
    [{ effects: [] }, LIST("effects"), "[]"],
    [{ effects: ["momentum"] }, "effects must be learning-rate or batch-size or pairs", "momentum"],
    [{ learningRates: ["0.1"] }, "learning rates must be a number > 0", "0.1"],
    [{ learningRates: [1e-2, 0.01] }, LIST("learning rates"), "[0.01,0.01]"],
    [{ seeds: 3 }, LIST("seeds"), "3"],
    [{ seeds: [0, -0] }, LIST("seeds"), "[0,0]"],
    [{ baseLearningRate: NaN }, "base learning rate must be a number > 0", "NaN"],
    [{ baseBatchSize: 0 }, "base batch size must be an integer in 1..1000000", "0"],
    [
      { effects: ["pairs"], pairs: [{ learningRate: 1, batchSize: 0 }] },
      "cells must be learning rates > 0 with batch sizes >= 1",
      '{"learningRate":1,"batchSize":0}',
    ],
    [{ effects: ["pairs"] }, LIST("cells"), "[]"],
    [{ optimizers: [{ name: "SGD" }] }, "optimizers must be a text", '{"name":"SGD"}'],
    [
      { learningRate: 1 },
      "its fields must be effects, optimizers, learningRates, batchSizes, baseLearningRate, " +
      "baseBatchSize, pairs, seeds",
      "learningRate",
    ],
  ] as const).map(([grid, ...words]): typeof BAD[0] => [change({ grid }), ...words]),
  [change({ preset: "huge" }), "preset must be quick or standard or paper", "huge"],
  [change({ images: "10000" }), "images must be an integer in 1..50000", "10000"],
  [change({ maxEpochs: 1.5 }), "max epochs must be an integer in 0..1000000", "1.5"],
  [change({ order: "random" }), "order must be shuffled or absent", "random"],
  [change({ init: 7 }), "init must be a text or absent", "7"],
  [change({ sizes: [3072, 5, 3] }), SIZES, "[3072,5,3]"],
  [change({ sizes: [3072, 0, 10] }), SIZES, "[3072,0,10]"],
  [change({ stops: undefined }), LIST("stops"), "undefined"],
  [change({ measures: { first: "trace" } }), "measures must be a list of texts", "trace"],
  [change({ measures: { others: "trace" } }), "other measures must be a list of texts", "trace"],
  // What is no study, as a cell may write it.
  [undefined, "it must be an object", "undefined"],
  [{}, "grid must be an object", "undefined"],
  [{ ...quick, measures: ["trace"] }, `${MEASURES} must be an object`, '["trace"]'],
  [{ ...quick, measures: undefined }, `${MEASURES} must be an object`, "undefined"],
];

Deno.test("checkStudy() names what is out of its domain, and what is no study", () => {
  for (const [study, wanted, shown] of BAD) {
    const { message } = assertThrows(() => checkStudy(study as never), UsageError);
    assertEquals(message, `Cannot plan the study as ${wanted}: current value is ${shown}`);
  }
});

Deno.test("studyOf() is a preset with parts of its grid replaced, and names the presets", () => {
  assertEquals(studyOf("quick"), checkStudy(quick));
  assertEquals(studyOf("quick", { seeds: [7] }), change({ grid: { seeds: [7] } }));
  const wanted =
    "Cannot plan the study as preset must be quick or standard or paper: current value is ";
  assertThrows(() => studyOf("standart"), UsageError, `${wanted}standart`);
});

Deno.test("checkStudy() takes the edges of every domain, and brings texts into one form", () => {
  for (
    const options of [
      { grid: { seeds: [0, 2 ** 32 - 1], learningRates: [Number.MIN_VALUE, Number.MAX_VALUE] } },
      { grid: { batchSizes: [1, 1e6], effects: ["batch-size"], learningRates: [] } },
      { images: 1, maxEpochs: 0, sizes: [3072, 10] },
      { images: 50_000, maxEpochs: 1_000_000 },
    ]
  ) checkStudy(change(options));
  const { grid, stops, measures } = checkStudy(change({
    grid: { optimizers: ["sgd", "SGD(momentum=0)", "adagrad"] },
    stops: ["cumulative:0.001", "cumulative:1e-3:5"],
    measures: { first: ["Sharpness(radius=5)"], others: ["generalisation"] },
  }));
  assertEquals([grid.optimizers, stops], [["SGD", "AdaGrad"], ["cumulative:1e-3"]]);
  assertEquals(measures, { first: ["sharpness"], others: ["generalization-gap"] });
});
