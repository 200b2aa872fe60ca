/**
 * Cells and tables of made-up runs whose every difference is known.
 *
 * @module
 */
import {
  cellsTable,
  differencesTable,
  listDifferences,
  reportCells,
  runsCsv,
  runsTable,
  sharpnessBySeed,
  summariseCells,
} from "~/lib/results.ts";
import { presets, type Study } from "~/lib/study.ts";
import type { Trajectory } from "~/lib/trainer.ts";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { spread, syntheticResults } from "~/tests/fixtures/synthetic_results.ts";

const { quick } = presets;

/** One learning rate more than the base, one batch size more, two seeds, two directions. */
const small: Study = {
  ...quick,
  grid: { ...quick.grid, learningRates: [1e-2, 1e-1], batchSizes: [32, 128], seeds: [0, 1] },
  stops: ["cumulative:1e-3"],
  maxEpochs: 10,
  measures: { first: ["sharpness(directions=2)"], others: [], once: [] },
};

/** A sharpness that depends on each factor and on the seed, so that every difference is known. */
function additiveSharpness({ optimizer, learningRate, batchSize, seed }: Trajectory): number {
  return 1 + 0.5 * Math.log10(learningRate / 1e-2) - 0.1 * Math.log2(batchSize / 128) +
    (optimizer === "AdaGrad" ? 0.25 : 0) + 7 * seed;
}

Deno.test("summariseCells() takes means over seeds and both intervals", () => {
  const results = syntheticResults(small, (run) => ({
    samples: spread(2, additiveSharpness(run), 0.1),
    trainLoss: 1 + run.seed,
    epochs: 4 + 2 * run.seed,
  }));
  const cells = summariseCells(small, results);
  assertEquals(cells.length, 8);
  const cell = cells.find(({ effect, optimizer, learningRate }) =>
    effect === "learning-rate" && optimizer === "SGD" && learningRate === 1e-1
  )!;
  assertEquals(cell.seeds, [0, 1]);
  // Seed means 1.5 and 8.5: mean 5, standard error 3.5.
  assertAlmostEquals(cell.sharpness!.mean, 5, 1e-12);
  assertAlmostEquals(cell.sharpness!.interval![1], 5 + 12.706204736175 * 3.5, 1e-5);
  // Samples 1.4 1.6 8.4 8.6: squares 2 (3.6^2 + 3.4^2) = 49.04, t(0.975, 3).
  const half = 3.182446305284 * Math.sqrt(49.04 / 3 / 4);
  assertAlmostEquals(cell.sharpness!.pooledInterval![0], 5 - half, 1e-6);
  assertEquals([cell.trainLoss, cell.epochs, cell.testAccuracy], [1.5, 5, 0.5]);
  assert(cell.converged);
});

Deno.test("summariseCells() keeps diverged runs out of every mean and says so", () => {
  const results = syntheticResults(small, ({ seed, learningRate }) => {
    if (learningRate === 1e-1) return { stopped: "diverged", epochs: 2 };
    return seed === 1
      ? { stopped: "diverged", epochs: 2 }
      : { stopped: "epoch limit", samples: [0.4, 0.6], epochs: 10 };
  });
  const [base, fast] = summariseCells(small, results);
  assertEquals(base!.seeds, [0, 1]);
  assertEquals(base!.diverged, [1]);
  assertEquals(base!.unconverged, [0]);
  assertEquals(base!.epochs, 10);
  assertEquals(base!.sharpness!.mean, 0.5);
  assertEquals(base!.sharpness!.interval, null);
  assertEquals(base!.converged, false);
  assertEquals(fast!.sharpness, null);
  assertEquals([fast!.trainLoss, fast!.epochs], [null, null]);
  assertEquals(fast!.diverged, [0, 1]);
  assertEquals([...sharpnessBySeed(base!)], [[0, 0.5]]);
});

Deno.test("summariseCells() takes any order, skips other runs, leaves missing cells empty", () => {
  const all = syntheticResults(small, (run) => ({ samples: [additiveSharpness(run)] }));
  const stranger = syntheticResult(small, { ...all[0]!.config, seed: 77 });
  assertEquals(
    summariseCells(small, [stranger, ...all.toReversed()]),
    summariseCells(small, all),
  );
  const [cell] = summariseCells(small, []);
  assertEquals(cell!.seeds, []);
  assertEquals(cell!.converged, false);
  assertEquals(cell!.sharpness, null);
});

Deno.test("summariseCells() refuses two results of one run", () => {
  const [one] = syntheticResults(small);
  assertThrows(
    () => summariseCells(small, [one!, one!]),
    RangeError,
    "Cannot summarise the study as a run must have one result: SGD/lr=0.01,batch=128,seed=0 has more",
  );
});

Deno.test("reportCells() has the keys of the command's contract", () => {
  const [one, two] = syntheticResults(small, () => ({ samples: [0.25, 0.75] }));
  const [report, ...others] = reportCells(summariseCells(small, [one!, two!]));
  // The base cell belongs to both effects.
  assertEquals(others.length, 1);
  const { interval, pooledInterval, mean } = report!.sharpness!;
  assertEquals(JSON.parse(JSON.stringify(report)), {
    effect: "learning-rate",
    optimizer: "SGD",
    learningRate: 0.01,
    batchSize: 128,
    seeds: [0, 1],
    sharpness: { mean, interval, pooledInterval },
    trainLoss: 1.2,
    testAccuracy: 0.5,
    epochs: 8,
    converged: true,
    diverged: [],
  });
  assertEquals(interval, [0.5, 0.5]);
});

Deno.test("runsTable() has one sorted row a run with its error over directions", () => {
  const results = syntheticResults(
    small,
    ({ seed }) => seed === 1 ? { stopped: "diverged", epochs: 3 } : { samples: [1, 2, 6] },
  );
  const table = runsTable(results.toReversed());
  assertEquals(table.numRows(), 12);
  assertEquals(Array.from(table.array("optimizer")).slice(0, 6), Array(6).fill("SGD"));
  assertEquals(Array.from(table.array("batchSize")).slice(0, 6), [32, 32, 128, 128, 128, 128]);
  assertEquals(table.get("sharpness", 0), 3);
  // Squares 4 + 1 + 9 = 14, over 2, over 3.
  assertAlmostEquals(table.get("sharpnessStandardError", 0), Math.sqrt(14 / 6), 1e-12);
  assertEquals(table.get("sharpness", 1), null);
  assertEquals(table.get("stopped", 1), "diverged");
  assertEquals(table.get("epochs", 1), 3);
});

Deno.test("cellsTable() has one row a cell, and its columns without any", () => {
  const cells = summariseCells(small, syntheticResults(small, () => ({ samples: [0.5, 0.7] })));
  const table = cellsTable(cells);
  assertEquals(table.numRows(), 8);
  assertAlmostEquals(table.get("sharpness", 7), 0.6, 1e-12);
  assertEquals(table.get("seeds", 0), 2);
  assertEquals(cellsTable([]).columnNames(), table.columnNames());
});

Deno.test("listDifferences() compares within seed with base, neighbour and optimizer", () => {
  const results = syntheticResults(small, (run) => ({ samples: [additiveSharpness(run)] }));
  const differences = listDifferences(small, summariseCells(small, results));
  const means = differences.map(({ comparison, cell, against, mean, n }) => [
    comparison,
    cell.optimizer,
    `${cell.learningRate} ${cell.batchSize}`,
    `${against.learningRate} ${against.batchSize}`,
    Number(mean.toFixed(9)),
    n,
  ]);
  assertEquals(means, [
    ["base cell", "SGD", "0.1 128", "0.01 128", 0.5, 2],
    ["base cell", "AdaGrad", "0.1 128", "0.01 128", 0.5, 2],
    ["base cell", "SGD", "0.01 32", "0.01 128", 0.2, 2],
    ["base cell", "AdaGrad", "0.01 32", "0.01 128", 0.2, 2],
    ["next smaller value", "SGD", "0.1 128", "0.01 128", 0.5, 2],
    ["next smaller value", "AdaGrad", "0.1 128", "0.01 128", 0.5, 2],
    ["next smaller value", "SGD", "0.01 128", "0.01 32", -0.2, 2],
    ["next smaller value", "AdaGrad", "0.01 128", "0.01 32", -0.2, 2],
    ["AdaGrad - SGD", "AdaGrad", "0.01 128", "0.01 128", 0.25, 2],
    ["AdaGrad - SGD", "AdaGrad", "0.1 128", "0.1 128", 0.25, 2],
    ["AdaGrad - SGD", "AdaGrad", "0.01 32", "0.01 32", 0.25, 2],
    ["AdaGrad - SGD", "AdaGrad", "0.01 128", "0.01 128", 0.25, 2],
  ]);
  // Seeds differ by 7 nats, which pairing cancels.
  for (const { low, high } of differences) assert(high! - low! < 1e-9);
});

Deno.test("differencesTable() names what a cell is compared with", () => {
  const results = syntheticResults(small, (run) => ({ samples: [additiveSharpness(run)] }));
  const table = differencesTable(small, results);
  assertEquals(table.get("against", 0), "learning rate 0.01");
  assertEquals(table.get("against", 2), "batch size 128");
  assertEquals(table.get("against", 8), "SGD");
  assertAlmostEquals(table.get("difference", 2), 0.2, 1e-9);
  assertEquals(differencesTable(small, []).numRows(), 0);
});

Deno.test("listDifferences() leaves out pairs without a seed in common", () => {
  const results = syntheticResults(
    small,
    ({ learningRate, batchSize, seed }) =>
      learningRate === 1e-2 && batchSize === 128
        ? (seed === 0 ? {} : undefined)
        : (seed === 1 ? {} : undefined),
  );
  const differences = listDifferences(small, summariseCells(small, results));
  assertEquals(
    new Set(differences.map(({ comparison }) => comparison)),
    new Set(["AdaGrad - SGD"]),
  );
});
