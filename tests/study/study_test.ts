/**
 * The grid, a study's name, and studies that cannot be.
 *
 * @module
 */
import fc from "fast-check";
import { UsageError } from "~/lib/domain.ts";
import {
  checkStudy,
  edgeStudy,
  listCells,
  listTrajectories,
  measuresAt,
  PRESETS,
  presets,
  type Study,
  studyName,
} from "~/lib/study.ts";
import { trajectoryPath } from "~/lib/trainer.ts";
import { assert, assertEquals, assertThrows } from "@std/assert";

/** A study with parts of it and of its grid replaced, by whatever values. */
function change(
  { grid, measures, ...rest }: { [part in keyof Study]?: unknown },
  base: Study = presets.quick,
): Study {
  return {
    ...base,
    ...rest as Partial<Study>,
    grid: { ...base.grid, ...grid as Partial<Study["grid"]> },
    measures: { ...base.measures, ...measures as Partial<Study["measures"]> },
  };
}

Deno.test("presets are PROTOCOL.md's, canonical and pass their check", () => {
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
  const counts = { quick: 30, standard: 108, paper: 216 };
  for (const preset of PRESETS) {
    const trajectories = listTrajectories(presets[preset]);
    const { length } = trajectories;
    assertEquals([length, new Set(trajectories.map(trajectoryPath)).size], [
      counts[preset],
      counts[preset],
    ]);
    const { seeds } = presets[preset].grid;
    const perSeed = length / seeds.length;
    assertEquals(
      trajectories.map(({ seed }) => seed),
      seeds.flatMap((s) => Array(perSeed).fill(s)),
    );
    // Every cell with one seed, then the same cells with the next.
    const cells = trajectories.map((each) => trajectoryPath({ ...each, seed: 0 }));
    assertEquals(cells.slice(0, perSeed), cells.slice(perSeed, 2 * perSeed));
  }
});

Deno.test("listCells() has every value of both effects, the base cell in both, and pairs", () => {
  assertEquals(listCells(presets.paper).length, 2 * (7 + 12));
  for (const { effect, learningRate, batchSize } of listCells(presets.paper)) {
    // One factor at a time.
    if (effect === "learning-rate") assertEquals(batchSize, 128);
    else assertEquals(learningRate, 1e-4);
  }
  const base = listCells(presets.paper).filter(({ learningRate, batchSize, optimizer }) =>
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
  const all = new Set(listTrajectories(presets.paper).map(trajectoryPath));
  const part = change({
    grid: { effects: ["batch-size"], optimizers: ["AdaGrad"], batchSizes: [32, 64], seeds: [5] },
    stops: ["epochs:3"],
    measures: { first: [] },
    maxEpochs: 7,
  }, presets.paper);
  const paths = listTrajectories(part).map(trajectoryPath);
  assertEquals(paths, [
    "cifar10,images=50000/AdaGrad/lr=0.0001,batch=32,seed=5",
    "cifar10,images=50000/AdaGrad/lr=0.0001,batch=64,seed=5",
  ]);
  for (const path of paths) assert(all.has(path));
});

Deno.test("measuresAt() asks for few at the other stops", () => {
  const measures = { first: ["sharpness", "lambda-max"], others: ["generalization-gap"] };
  const study = change({ measures, stops: ["epochs:2", "loss:1"] });
  assertEquals(measuresAt(study, "epochs:2"), ["sharpness", "lambda-max"]);
  assertEquals(measuresAt(study, "loss:1"), ["generalization-gap"]);
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

Deno.test("studyName() of two studies is the same only if they are", () => {
  const study = fc.record({
    preset: fc.constantFrom(...PRESETS),
    grid: fc.record({
      effects: fc.constantFrom(["pairs"], ["learning-rate"], ["batch-size", "learning-rate"]),
      optimizers: fc.constantFrom(["SGD"], ["SGD(momentum=0.9)"], ["SGD", "AdaGrad"]),
      learningRates: fc.constantFrom([1e-3, 1e-2], [1e-3], [1e-2, 1e-3]),
      pairs: fc.constantFrom([], [{ learningRate: 1, batchSize: 2 }]),
      seeds: fc.constantFrom([0], [0, 1], Array.from({ length: 99 }, (_, i) => i)),
    }),
    sizes: fc.constantFrom([3072, 10], [3072, 5, 10], [3072, 512, 256, 128, 10]),
    images: fc.constantFrom(10_000, 50_000),
    maxEpochs: fc.constantFrom(20_000, 30),
    stops: fc.constantFrom(["epochs:10"], ["epochs:1"], ["epochs:1", "loss:0"], ["loss:0"]),
    measures: fc.record({
      first: fc.constantFrom([], ["sharpness"], ["sharpness(directions=4)"]),
      others: fc.constantFrom([], ["sharpness"]),
    }),
  });
  const name = (options: { preset: Study["preset"] }): string =>
    studyName(change(options, presets[options.preset as "quick"]));
  fc.assert(
    fc.property(study, study, (a, b) => {
      assertEquals(name(a) === name(b), JSON.stringify(a) === JSON.stringify(b));
      assert(/^[-\w=,.()]+$/.test(name(a)), name(a));
    }),
    { seed: 6, numRuns: 500 },
  );
});

const BAD: [Parameters<typeof change>[0], string][] = [
  [{ preset: "huge" }, "preset must be quick or standard or paper: current value is huge"],
  [
    { preset: "__proto__" },
    "preset must be quick or standard or paper: current value is __proto__",
  ],
  [
    { grid: { effects: [] } },
    "effects must be a list of effects, at least 1, none twice: current value is []",
  ],
  [
    { grid: { effects: ["momentum"] } },
    "effects must be learning-rate or batch-size or pairs: current value is momentum",
  ],
  [
    { grid: { learningRates: [] } },
    "learning rates must be a list of learning rates, at least 1, none twice: current value is []",
  ],
  [
    { grid: { learningRates: [0.1, 0] } },
    "learning rates must be a number > 0: current value is 0",
  ],
  [
    { grid: { learningRates: ["0.1"] } },
    "learning rates must be a number > 0: current value is 0.1",
  ],
  [
    { grid: { learningRates: [1e-2, 0.01] } },
    "learning rates must be a list of learning rates, at least 1, none twice: current value is [0.01,0.01]",
  ],
  [
    { grid: { batchSizes: [1.5] } },
    "batch sizes must be an integer in 1..1000000: current value is 1.5",
  ],
  [
    { grid: { seeds: [] } },
    "seeds must be a list of seeds, at least 1, none twice: current value is []",
  ],
  [
    { grid: { seeds: [0, -0] } },
    "seeds must be a list of seeds, at least 1, none twice: current value is [0,0]",
  ],
  [
    { grid: { seeds: [2 ** 32] } },
    "seeds must be an integer in 0..4294967295: current value is 4294967296",
  ],
  [
    { grid: { baseLearningRate: NaN } },
    "base learning rate must be a number > 0: current value is NaN",
  ],
  [
    { grid: { baseBatchSize: 0 } },
    "base batch size must be an integer in 1..1000000: current value is 0",
  ],
  [
    { grid: { effects: ["pairs"], pairs: [{ learningRate: 1, batchSize: 0 }] } },
    'cells must be learning rates > 0 with batch sizes >= 1: current value is {"learningRate":1,"batchSize":0}',
  ],
  [
    { grid: { effects: ["pairs"] } },
    "cells must be a list of cells, at least 1, none twice: current value is []",
  ],
  [{ images: 50_001 }, "images must be an integer in 1..50000: current value is 50001"],
  [{ maxEpochs: 2.5 }, "max epochs must be an integer in 0..1000000: current value is 2.5"],
  [
    { sizes: [3072, 5, 3] },
    "layer sizes must be a list that begins with 3072 inputs and ends with 10 classes: current value is [3072,5,3]",
  ],
  [
    { sizes: [3072, 0, 10] },
    "layer sizes must be a list that begins with 3072 inputs and ends with 10 classes: current value is [3072,0,10]",
  ],
  [{ stops: [] }, "stops must be a list of stops, at least 1, none twice: current value is []"],
  [
    { grid: { optimizers: [] } },
    "optimizers must be a list of optimizers, at least 1, none twice: current value is []",
  ],
];
for (const [options, reason] of BAD) {
  Deno.test(`checkStudy() refuses ${JSON.stringify(options)}`, () => {
    const { message } = assertThrows(() => checkStudy(change(options)), UsageError);
    assertEquals(message, `Cannot plan the study as ${reason}`);
  });
}

Deno.test("checkStudy() refuses what is no study, as a cell may write it", () => {
  const { quick } = presets;
  const { stops: _, ...endless } = quick;
  for (
    const [study, reason] of [
      [undefined, "it must be an object: current value is undefined"],
      [{}, "grid must be an object: current value is undefined"],
      [{ ...quick, measures: ["trace"] }, "measures (first and others) must be an object: "],
      [{ ...quick, measures: undefined }, "measures (first and others) must be an object: "],
      [
        { ...quick, measures: { first: "trace", others: [] } },
        "measures at the first stop must be a list",
      ],
      [
        { ...quick, grid: { ...quick.grid, seeds: 3 } },
        "seeds must be a list of seeds, at least 1",
      ],
      [
        { ...quick, grid: { ...quick.grid, optimizers: [{ name: "SGD" }] } },
        "optimizers must be a text: ",
      ],
      [
        { ...quick, grid: { ...quick.grid, learningRate: 1 } },
        "its fields must be effects, optimizers, ",
      ],
      [
        { ...quick, images: "10000" },
        "images must be an integer in 1..50000: current value is 10000",
      ],
      [
        endless,
        "stops must be a list of stops, at least 1, none twice: current value is undefined",
      ],
    ] as const
  ) {
    const { message } = assertThrows(() => checkStudy(study as never), UsageError);
    assert(message.startsWith(`Cannot plan the study as ${reason}`), message);
  }
});

Deno.test("checkStudy() says which optimizer, stop or measure there is not", () => {
  for (
    const [options, start] of [
      [{ grid: { optimizers: ["Sophia"] } }, "Cannot use optimizer Sophia as it must be SGD or "],
      [{ stops: ["never"] }, "Cannot use stop never as it must be consecutive:"],
      [
        { measures: { first: ["beauty"] } },
        "Cannot use measure beauty as it must be sharpness or ",
      ],
      [
        { measures: { others: ["trace(directions=0)"] } },
        "Cannot use measure trace as directions must",
      ],
    ] as const
  ) {
    const { message } = assertThrows(() => checkStudy(change(options)), UsageError);
    assert(message.startsWith(start), message);
  }
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
    measures: { first: ["Sharpness(radius=5)"], others: [] },
  }));
  assertEquals([grid.optimizers, stops, measures.first], [
    ["SGD", "AdaGrad"],
    ["cumulative:1e-3"],
    ["sharpness"],
  ]);
});
