/**
 * The grid, its names on disk, and studies that cannot be.
 *
 * @module
 */
import fc from "fast-check";
import {
  listCells,
  listRuns,
  modelsFolder,
  PRESETS,
  presets,
  resultsFolder,
  runPath,
  type Study,
} from "~/lib/study/study.ts";
import { checkStudy } from "~/lib/study/study_check.ts";
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";

/** A study with parts of its grid, training or sharpness replaced, by whatever values. */
function change(
  { grid, training, sharpness, ...rest }: { [part in keyof Study]?: unknown },
  base = presets.quick,
): Study {
  return {
    ...base,
    ...rest,
    grid: { ...base.grid, ...grid as object },
    training: { ...base.training, ...training as object },
    sharpness: { ...base.sharpness, ...sharpness as object },
  } as Study;
}

Deno.test("listRuns() has 30, 108 and 216 runs, each once", () => {
  const counts = { quick: 30, standard: 108, paper: 216 };
  for (const preset of PRESETS) {
    const paths = listRuns(presets[preset].grid).map(runPath);
    assertEquals(paths.length, counts[preset]);
    assertEquals(new Set(paths).size, paths.length);
  }
});

Deno.test("listCells() has every value of both effects, the base cell in both", () => {
  // Two optimizers times 3 + 3 and 7 + 12 values.
  assertEquals(listCells(presets.quick.grid).length, 2 * (3 + 3));
  assertEquals(listCells(presets.paper.grid).length, 2 * (7 + 12));
  const base = listCells(presets.paper.grid).filter(({ learningRate, batchSize, optimizer }) =>
    learningRate === 1e-4 && batchSize === 128 && optimizer === "SGD"
  );
  assertEquals(base.map(({ effect }) => effect), ["learning-rate", "batch-size"]);
  for (const { effect, learningRate, batchSize } of listCells(presets.paper.grid)) {
    // One factor at a time.
    assertEquals(
      effect === "learning-rate" ? batchSize : learningRate,
      {
        "learning-rate": 128,
        "batch-size": 1e-4,
      }[effect],
    );
  }
});

Deno.test("presets are PROTOCOL.md's", () => {
  const { paper, standard, quick } = presets;
  assertEquals(paper.grid.learningRates, [1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1]);
  assertEquals(
    paper.grid.batchSizes,
    [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 50000],
  );
  assertEquals(paper.grid.seeds, [0, 1, 2, 3, 4, 5]);
  assertEquals(paper.training, {
    sizes: [3072, 512, 256, 128, 10],
    images: 50_000,
    maxEpochs: 20_000,
    stopping: "consecutive",
    stoppingCriterion: 1e-3,
    stoppingCriterionEpochs: 5,
  });
  assertEquals([paper.sharpness.radius, paper.sharpness.directions], [5, 49]);
  assertEquals([standard.training.maxEpochs, standard.grid.seeds], [30, [0, 1, 2]]);
  assertEquals(
    [quick.training.images, quick.training.maxEpochs, quick.sharpness.directions],
    [10_000, 10, 16],
  );
  for (const preset of PRESETS) checkStudy(presets[preset]);
});

Deno.test("listRuns() of part of a grid is part of its runs", () => {
  const all = new Set(listRuns(presets.paper.grid).map(runPath));
  const grid = {
    effects: ["batch-size"],
    optimizers: ["AdaGrad"],
    batchSizes: [32, 64],
    seeds: [5],
  };
  const part = listRuns(change({ grid }, presets.paper).grid).map(runPath);
  assertEquals(part, [
    "AdaGrad/lr=0.0001,batch=32,seed=5",
    "AdaGrad/lr=0.0001,batch=64,seed=5",
  ]);
  for (const path of part) assert(all.has(path));
});

Deno.test("runPath() names what tells a run from another", () => {
  assertEquals(
    runPath({ optimizer: "SGD", learningRate: 1e-3, batchSize: 128, seed: 0 }),
    "SGD/lr=0.001,batch=128,seed=0",
  );
  const config = fc.record({
    optimizer: fc.constantFrom("SGD" as const, "AdaGrad" as const),
    learningRate: fc.double({ min: 1e-12, max: 1e6, noNaN: true, minExcluded: true }),
    batchSize: fc.integer({ min: 1, max: 1e6 }),
    seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  });
  fc.assert(
    fc.property(config, config, (a, b) => {
      assertEquals(runPath(a) === runPath(b), JSON.stringify(a) === JSON.stringify(b));
      assert(/^[A-Za-z]+\/[-a-z0-9=,.+]+$/.test(runPath(a)), runPath(a));
    }),
    { seed: 5, numRuns: 300 },
  );
});

Deno.test("modelsFolder() and resultsFolder() name the preset and every option that differs", () => {
  assertEquals(
    PRESETS.flatMap((preset) => [modelsFolder(presets[preset]), resultsFolder(presets[preset])]),
    ["quick", "quick", "standard", "standard", "paper", "paper"],
  );
  const differing: [Parameters<typeof change>[0], string, string][] = [
    [{ training: { maxEpochs: 2 } }, "quick,max-epochs=2", "quick,max-epochs=2"],
    [{ training: { images: 500 } }, "quick,images=500", "quick,images=500"],
    [{ training: { sizes: [3072, 8, 10] } }, "quick,layers=3072-8-10", "quick,layers=3072-8-10"],
    [
      { training: { stopping: "cumulative", stoppingCriterion: 1e-4, stoppingCriterionEpochs: 3 } },
      "quick,stopping=cumulative,stopping-criterion=0.0001,stopping-criterion-epochs=3",
      "quick,stopping=cumulative,stopping-criterion=0.0001,stopping-criterion-epochs=3",
    ],
    [
      { sharpness: { radius: 2.5, directions: 4, directionSeed: 7 } },
      "quick",
      "quick,radius=2.5,directions=4,direction-seed=7",
    ],
    // What is trained does not depend on which runs there are.
    [{ grid: { seeds: [7], learningRates: [0.5] } }, "quick", "quick"],
  ];
  for (const [options, models, results] of differing) {
    assertEquals([modelsFolder(change(options)), resultsFolder(change(options))], [
      models,
      results,
    ]);
  }
});

Deno.test("resultsFolder() of two protocols is the same only if they are", () => {
  const protocol = fc.record({
    preset: fc.constantFrom(...PRESETS),
    training: fc.record({
      sizes: fc.constantFrom([3072, 10], [3072, 5, 10], [3072, 512, 256, 128, 10]),
      images: fc.constantFrom(10_000, 50_000, 20),
      maxEpochs: fc.constantFrom(10, 30, 1),
      stopping: fc.constantFrom("consecutive", "cumulative"),
      stoppingCriterion: fc.constantFrom(1e-3, 1e-4),
      stoppingCriterionEpochs: fc.constantFrom(5, 1),
    }),
    sharpness: fc.record({
      radius: fc.constantFrom(5, 0.5),
      directions: fc.constantFrom(16, 49),
      directionSeed: fc.constantFrom(1, 20_251_107),
    }),
  });
  fc.assert(
    fc.property(protocol, protocol, (a, b) => {
      const same = JSON.stringify(a) === JSON.stringify(b);
      assertEquals(resultsFolder(change(a)) === resultsFolder(change(b)), same);
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
  [{ grid: { effects: [] } }, "effects must be distinct, at least 1: current value is []"],
  [
    { grid: { effects: ["momentum"] } },
    "effects must be learning-rate or batch-size: current value is [momentum]",
  ],
  [
    { grid: { effects: ["batch-size", "batch-size"] } },
    "effects must be distinct, at least 1: current value is [batch-size, batch-size]",
  ],
  [
    { grid: { optimizers: ["Adam"] } },
    "optimizers must be SGD or AdaGrad: current value is [Adam]",
  ],
  [{ grid: { optimizers: ["sgd"] } }, "optimizers must be SGD or AdaGrad: current value is [sgd]"],
  [{ grid: { optimizers: [] } }, "optimizers must be distinct, at least 1: current value is []"],
  [
    { grid: { learningRates: [] } },
    "learning rates must be distinct, at least 1: current value is []",
  ],
  [{ grid: { learningRates: [0] } }, "learning rates must be finite and > 0: current value is [0]"],
  [
    { grid: { learningRates: [0.1, -1] } },
    "learning rates must be finite and > 0: current value is [0.1, -1]",
  ],
  [
    { grid: { learningRates: [NaN] } },
    "learning rates must be finite and > 0: current value is [NaN]",
  ],
  [
    { grid: { learningRates: [Infinity] } },
    "learning rates must be finite and > 0: current value is [Infinity]",
  ],
  [
    { grid: { learningRates: ["0.1"] } },
    "learning rates must be finite and > 0: current value is [0.1]",
  ],
  [
    { grid: { learningRates: [1e-2, 0.01] } },
    "learning rates must be distinct, at least 1: current value is [0.01, 0.01]",
  ],
  [
    { grid: { learningRates: [undefined] } },
    "learning rates must be finite and > 0: current value is []",
  ],
  [{ grid: { batchSizes: [0] } }, "batch sizes must be integers >= 1: current value is [0]"],
  [{ grid: { batchSizes: [1.5] } }, "batch sizes must be integers >= 1: current value is [1.5]"],
  [
    { grid: { batchSizes: [2 ** 53] } },
    `batch sizes must be integers >= 1: current value is [${2 ** 53}]`,
  ],
  [{ grid: { batchSizes: [NaN] } }, "batch sizes must be integers >= 1: current value is [NaN]"],
  [
    { grid: { batchSizes: [32, 32] } },
    "batch sizes must be distinct, at least 1: current value is [32, 32]",
  ],
  [{ grid: { seeds: [] } }, "seeds must be distinct, at least 1: current value is []"],
  [{ grid: { seeds: [-1] } }, "seeds must be integers in 0..4294967295: current value is [-1]"],
  [{ grid: { seeds: [1.5] } }, "seeds must be integers in 0..4294967295: current value is [1.5]"],
  [
    { grid: { seeds: [2 ** 32] } },
    "seeds must be integers in 0..4294967295: current value is [4294967296]",
  ],
  [
    { grid: { seeds: [3, 1, 3] } },
    "seeds must be distinct, at least 1: current value is [3, 1, 3]",
  ],
  [{ grid: { seeds: [0, -0] } }, "seeds must be distinct, at least 1: current value is [0, 0]"],
  [{ grid: { seeds: [null] } }, "seeds must be integers in 0..4294967295: current value is []"],
  [
    { grid: { baseLearningRate: 0 } },
    "base learning rate must be finite and > 0: current value is 0",
  ],
  [
    { grid: { baseLearningRate: undefined } },
    "base learning rate must be finite and > 0: current value is undefined",
  ],
  [
    { grid: { baseBatchSize: 0.5 } },
    "base batch size must be an integer >= 1: current value is 0.5",
  ],
  [{ training: { images: 0 } }, "images must be an integer in 1..50000: current value is 0"],
  [
    { training: { images: 50_001 } },
    "images must be an integer in 1..50000: current value is 50001",
  ],
  [{ training: { images: NaN } }, "images must be an integer in 1..50000: current value is NaN"],
  [
    { training: { maxEpochs: -1 } },
    "max epochs must be an integer in 0..1000000: current value is -1",
  ],
  [
    { training: { maxEpochs: 1e9 } },
    "max epochs must be an integer in 0..1000000: current value is 1000000000",
  ],
  [
    { training: { maxEpochs: 2.5 } },
    "max epochs must be an integer in 0..1000000: current value is 2.5",
  ],
  [
    { training: { stoppingCriterion: -1e-3 } },
    "stopping criterion must be finite and >= 0: current value is -0.001",
  ],
  [
    { training: { stoppingCriterion: NaN } },
    "stopping criterion must be finite and >= 0: current value is NaN",
  ],
  [
    { training: { stoppingCriterionEpochs: 0 } },
    "stopping criterion epochs must be an integer >= 1: current value is 0",
  ],
  [
    { training: { stopping: "never" } },
    "stopping must be consecutive or cumulative: current value is never",
  ],
  [
    { training: { sizes: [3072, 5, 3] } },
    "layer sizes must begin with 3072 and end with 10: current value is [3072, 5, 3]",
  ],
  [
    { training: { sizes: [784, 10] } },
    "layer sizes must begin with 3072 and end with 10: current value is [784, 10]",
  ],
  [{ sharpness: { radius: -5 } }, "radius must be finite and >= 0: current value is -5"],
  [
    { sharpness: { radius: Infinity } },
    "radius must be finite and >= 0: current value is Infinity",
  ],
  [
    { sharpness: { directions: 0 } },
    "directions must be an integer in 1..10000: current value is 0",
  ],
  [
    { sharpness: { directions: 10_001 } },
    "directions must be an integer in 1..10000: current value is 10001",
  ],
  [
    { sharpness: { directionSeed: -1 } },
    "direction seed must be an integer in 0..4294967295: current value is -1",
  ],
  [
    { sharpness: { directionSeed: "1" } },
    "direction seed must be an integer in 0..4294967295: current value is 1",
  ],
];
for (const [options, reason] of BAD) {
  Deno.test(`checkStudy() refuses ${Deno.inspect(options, { colors: false })}`, () => {
    const error = assertThrows(() => checkStudy(change(options)), RangeError);
    assertEquals(error.message, `Cannot plan the study as ${reason}`);
  });
}

Deno.test("checkStudy() refuses layer sizes that are no network", () => {
  for (const sizes of [[], [3072], [3072, 0, 10], [3072, 1.5, 10], [3072, NaN, 10]]) {
    const error = assertThrows(() => checkStudy(change({ training: { sizes } })), RangeError);
    assert(error.message.startsWith("Cannot lay out a network as "), error.message);
  }
});

Deno.test("checkStudy() takes the edges of every domain", () => {
  for (
    const options of [
      { grid: { seeds: [0, 2 ** 32 - 1], learningRates: [Number.MIN_VALUE, Number.MAX_VALUE] } },
      { grid: { batchSizes: [1, 2 ** 53 - 1] } },
      { training: { images: 1, maxEpochs: 0, stoppingCriterion: 0, stoppingCriterionEpochs: 1 } },
      { training: { images: 50_000, maxEpochs: 1_000_000, sizes: [3072, 10] } },
      { sharpness: { radius: 0, directions: 10_000, directionSeed: 2 ** 32 - 1 } },
    ]
  ) checkStudy(change(options));
  assertNotEquals(modelsFolder(change({ training: { maxEpochs: 0 } })), "quick");
});
