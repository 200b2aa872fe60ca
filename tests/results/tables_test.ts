/** Runs at stops and tables of cells, of made-up results. @module */
import {
  findMeasurement,
  locateStop,
  type Outcome,
  reportCells,
  runAt,
  runsAt,
  runsCsv,
  summariseCells,
  type TrajectoryRecord,
} from "~/lib/results.ts";
import { listTrajectories, presets, type Study } from "~/lib/study.ts";
import type { Trajectory } from "~/lib/trainer.ts";
import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import {
  spread,
  syntheticRecord,
  syntheticRecords,
  syntheticResults,
  vary,
  withDetails,
} from "~/tests/fixtures/synthetic_results.ts";

const { quick } = presets;

/** One learning rate more than the base, one batch size more, two seeds, two directions. */
const small = vary(quick, {
  ...{ learningRates: [1e-2, 1e-1], batchSizes: [32, 128], seeds: [0, 1] },
}, {
  ...{ stops: ["epochs:8"], maxEpochs: 10 },
  measures: { first: ["sharpness(directions=2)"], others: [] },
});

/** A sharpness that depends on each factor and on the seed, so that every difference is known. */
function additiveSharpness({ optimizer, learningRate, batchSize, seed }: Trajectory): number {
  return 1 + 0.5 * Math.log10(learningRate / 1e-2) - 0.1 * Math.log2(batchSize / 128) +
    (optimizer === "AdaGrad" ? 0.25 : 0) + 7 * seed;
}

Deno.test("summariseCells() takes means over seeds and both intervals", () => {
  const results = syntheticResults(small, (run) => ({
    samples: spread(2, additiveSharpness(run), 0.1),
    trainLoss: 1 + run.seed,
  }));
  const cells = summariseCells(small, results);
  assertEquals(cells.length, 8);
  const cell = cells.find(({ effect, optimizer, learningRate }) =>
    effect === "learning-rate" && optimizer === "SGD" && learningRate === 1e-1
  )!;
  assertEquals([cell.seeds, cell.measure], [[0, 1], "sharpness(directions=2)"]);
  // Seed means 1.5 and 8.5: mean 5, standard error 3.5.
  assertAlmostEquals(cell.value!.mean, 5, 1e-12);
  assertAlmostEquals(cell.value!.interval![1], 5 + 12.706204736175 * 3.5, 1e-5);
  // Samples 1.4 1.6 8.4 8.6: squares 2 (3.6^2 + 3.4^2) = 49.04, t(0.975, 3).
  const half = 3.182446305284 * Math.sqrt(49.04 / 3 / 4);
  assertAlmostEquals(cell.value!.pooledInterval![0], 5 - half, 1e-6);
  assertEquals([cell.trainLoss, cell.epochs, cell.testAccuracy], [1.5, 8, 0.5]);
});

Deno.test("summariseCells() keeps diverged runs out of every mean and says so", () => {
  const study = { ...small, stops: ["cumulative:1e-9"] };
  const results = syntheticResults(study, ({ seed, learningRate }) => {
    if (learningRate === 1e-1 || seed === 1) return { stopped: "diverged", epochs: 2 };
    return { stopped: "epoch limit", samples: [0.4, 0.6] };
  });
  const [base, fast] = summariseCells(study, results);
  assertEquals([base!.seeds, base!.diverged, base!.unconverged], [[0, 1], [1], [0]]);
  assertEquals([base!.epochs, base!.value!.mean], [10, 0.5]);
  assertEquals(base!.value!.interval, null);
  assertEquals([fast!.value, fast!.trainLoss, fast!.epochs], [null, null, null]);
  assertEquals([fast!.diverged, [...base!.bySeed]], [[0, 1], [[0, 0.5]]]);
});

Deno.test("summariseCells() takes any order, passes other runs over, leaves missing cells empty", () => {
  const all = syntheticResults(small, (run) => ({ samples: [additiveSharpness(run)] }));
  const stranger = { ...all[0]!, config: { ...all[0]!.config, seed: 77 } };
  assertEquals(
    summariseCells(small, [stranger, ...all.toReversed()]),
    summariseCells(small, all),
  );
  const [cell] = summariseCells(small, []);
  assertEquals([cell!.seeds, cell!.value], [[], null]);
  const [taken] = summariseCells(small, all, "trace");
  assertEquals([taken!.value, taken!.trainLoss], [null, 1.2]);
});

Deno.test("reportCells() has the keys of the command's contract", () => {
  const results = syntheticResults(small, ({ optimizer, learningRate, batchSize }) => {
    const isBase = optimizer === "SGD" && learningRate === 1e-2 && batchSize === 128;
    return isBase ? { samples: [0.25, 0.75] } : undefined;
  });
  const summaries = summariseCells(small, results);
  const [report, ...others] = reportCells(small, results, "epochs:8");
  // The base cell belongs to both effects.
  assertEquals(others.length, 1);
  // 0.25 0.75 0.25 0.75: squares 4 / 16.
  const half = 3.182446305284 * Math.sqrt(0.25 / 3 / 4);
  const { pooledInterval } = summaries.find(({ value }) => value)!.value!;
  pooledInterval!.forEach((end, i) => assertAlmostEquals(end, 0.5 + (2 * i - 1) * half, 1e-7));
  assertEquals(report, {
    ...{ effect: "learning-rate", optimizer: "SGD", learningRate: 0.01, batchSize: 128 },
    ...{ stop: "epochs:8", seeds: [0, 1], trainLoss: 1.2, testAccuracy: 0.5, epochs: 8 },
    sharpness: { mean: 0.5, interval: [0.5, 0.5], pooledInterval },
    ...{ converged: false, diverged: [] },
  });
  // Eight epochs are a number, not a criterion.
  const convergedOf = (stopped: Outcome): unknown[] => {
    const study = { ...small, stops: ["cumulative:1e-3"] };
    const cells = reportCells(study, syntheticResults(study, () => ({ stopped })), study.stops[0]!);
    return [...new Set(cells.map((cell) => (cell as { converged: boolean }).converged))];
  };
  const outcomes = ["reached", "epoch limit", "diverged"] as const;
  assertEquals(outcomes.map(convergedOf), [[true], [false], [false]]);
  // Whatever a study takes first; null where it takes none.
  const sharpnessOf = (...first: string[]): unknown => {
    const study = { ...small, measures: { first, others: [] } };
    return (reportCells(study, results, "epochs:8")[0] as { sharpness: unknown }).sharpness;
  };
  const own = (report as { sharpness: unknown }).sharpness;
  assertEquals(sharpnessOf("weight-norm", ...small.measures.first), own);
  assertEquals(sharpnessOf("weight-norm"), null);
});

Deno.test("runsCsv() has one row a run, a column or two a measure, units named", () => {
  const records = syntheticRecords(
    small,
    ({ seed }) => seed === 1 ? { stopped: "diverged", epochs: 3 } : { samples: [1, 2, 6] },
  );
  const name = "sharpness(directions=2)";
  const [header, first, ...rest] = runsCsv(runsAt(small, records)).trimEnd().split("\n");
  assertEquals(rest.length, 11);
  assertEquals(
    header,
    "optimizer,learningRate,batchSize [images],seed,stop,epochs,outcome,trainLoss [nats]," +
      "trainAccuracy [fraction],testLoss [nats],testAccuracy [fraction],gradientNorm,weightNorm," +
      `distance,trainingSeconds [s],${name} [nats]`,
  );
  assertMatch(first!, /^SGD,0.01,128,0,epochs:8,8,reached,1.2,0.6,1.4,0.5,.*,3$/);
  assertMatch(rest.at(-1)!, /,1,epochs:8,3,diverged,.*,$/);
  // What a measure has beside its estimate, where any run has it.
  const detailed = withDetails(records, ({ seed }) => ({
    standardError: seed === 0 ? 0.5 : null,
    residual: 0.01,
  }));
  const details = `${name} standard error [nats],${name} residual [nats]`;
  assert(runsCsv(runsAt(small, detailed)).split("\n")[0]!.endsWith(details));
});

const STOPS: Study = {
  ...presets.quick,
  stops: ["epochs:3", "loss:2.2"],
  measures: { first: ["sharpness(directions=2)", "trace"], others: ["generalization-gap"] },
};
const [TRAJECTORY] = listTrajectories(STOPS);

Deno.test("locateStop() tells what was reached, limited, diverged, and what nobody knows yet", () => {
  const losses = [2.5, 2.25, 2.125, 2];
  const diverged = true;
  type Case = Partial<Study> & { readonly diverged?: boolean; readonly epochLosses?: number[] };
  const cases: [stop: string, Case, epoch?: number, outcome?: Outcome][] = [
    ["epochs:3", {}, 3, "reached"],
    ["loss:2.2", {}, 3, "reached"],
    ["epochs:9", {}],
    ["epochs:9", { diverged }, 4, "diverged"],
    ["epochs:3", { diverged }, 3, "reached"],
    // A loss that was not passed on the way to the others' end is not waited for.
    ["loss:1", { diverged }],
    ["consecutive:0.3:1", {}, 2, "reached"],
    ["consecutive:0.01", {}],
    ["consecutive:0.01", { stops: ["consecutive:0.01"], diverged }, 4, "diverged"],
    // Nor is one that another study passed, beyond the end of this one.
    ["loss:2", {}],
    ["loss:2", { stops: ["epochs:3", "epochs:4"] }, 4, "reached"],
    ["loss:2", { maxEpochs: 3, stops: ["epochs:4"] }],
    ["loss:1", { stops: ["loss:1"] }],
    ["loss:1", { stops: ["loss:1"], diverged }, 4, "diverged"],
    ["epochs:3", { maxEpochs: 2 }, 2, "epoch limit"],
    ["loss:2.2", { maxEpochs: 2 }],
    ["epochs:9", { maxEpochs: 4, diverged }, 4, "epoch limit"],
    ["epochs:3", { maxEpochs: 0, epochLosses: [] }, 0, "epoch limit"],
    ["epochs:3", { epochLosses: [], diverged }, 0, "diverged"],
  ];
  for (const [stop, { diverged = false, epochLosses = losses, ...change }, ...state] of cases) {
    const found = locateStop({ ...STOPS, ...change }, stop, { epochLosses, diverged });
    assertEquals(found === undefined ? [] : [found.epoch, found.outcome], state);
  }
});

Deno.test("findMeasurement() asks for all parameters, whatever else a protocol says; what is stricter will do", () => {
  const record = syntheticRecord(STOPS, TRAJECTORY!);
  const [measurement] = record.content.networks.at(-1)!.measures;
  const taken = { ...measurement!, protocol: { ...measurement!.protocol, directionSeed: 1 } };
  const measures = [{ ...taken, protocol: { directions: 2 } }, taken];
  const texts = ["sharpness", "sharpness(directions=2,radius=4)", "antithetic(directions=2)"];
  assertEquals(
    ["sharpness(directions=2)", ...texts].map((text) => findMeasurement({ measures }, text)),
    [taken, undefined, undefined, undefined],
  );
  const [loose, strict] = [0.1, 0.01].map((tolerance) => (
    {
      ...taken,
      measure: "lambda-max",
      protocol: { iterations: 30, tolerance },
      residual: tolerance,
    }
  ));
  const asked = ["iterations=8,tolerance=0.1", "tolerance=0.1", "iterations=30,tolerance=0.001"]
    .map((parameters) => `lambda-max(${parameters})`);
  const both = { measures: [loose!, strict!] };
  assertEquals(asked.map((text) => findMeasurement(both, text)), [strict, undefined, undefined]);
});

Deno.test("runAt() shows losses up to the stop, its network and the measures of interest", () => {
  const record = syntheticRecord(STOPS, TRAJECTORY!, { samples: [1, 3], trainLoss: 1.5 });
  const work = { did: "trained", seconds: 2, to: 2 } as TrajectoryRecord["provenance"][number];
  const timed = { ...record, provenance: [work, { ...work, did: "measured x" }, work] };
  const asked = { first: ["sharpness(directions=2)"], others: ["frozen-batchnorm"] };
  const { training, network, measures } = runAt({ ...STOPS, measures: asked }, timed, "epochs:3")!;
  const { epochs, stopped, seconds, epochLosses } = training;
  assertEquals([epochs, stopped, seconds, network!.trainLoss], [3, "reached", 4, 1.5]);
  assertEquals(epochLosses, record.content.epochLosses.slice(0, 3));
  assertEquals(Object.entries(measures).map(([text, { estimate }]) => [text, estimate]), [
    ["sharpness(directions=2)", 2],
  ]);
  // A network that was not evaluated, a stop that is not there yet.
  const bare = { ...record, content: { ...record.content, networks: [] } };
  assertEquals(runAt(STOPS, bare, "epochs:3"), undefined);
  assertEquals(runAt(STOPS, record, "epochs:99"), undefined);
});

Deno.test("runsAt() has the study's runs in its trajectories' order, and no others", () => {
  const records = syntheticRecords(STOPS, ({ seed }) => seed === 1 ? undefined : {});
  const more = vary(STOPS, { seeds: [7] });
  const runs = runsAt(STOPS, [...syntheticRecords(more), ...records.toReversed()]);
  assertEquals(
    runs.map(({ config, stop }) => [config, stop]),
    listTrajectories(STOPS).filter(({ seed }) => seed !== 1).map((each) => [each, "epochs:3"]),
  );
});
