import {
  findMeasurement,
  locateStop,
  type Outcome,
  runAt,
  runsAt,
  type TrajectoryRecord,
} from "~/lib/results.ts";
import { listTrajectories, presets, type Study } from "~/lib/study.ts";
import { assertEquals } from "@std/assert";
import { syntheticRecord, syntheticRecords } from "~/tests/fixtures/synthetic_results.ts";

const STUDY: Study = {
  ...presets.quick,
  stops: ["epochs:3", "loss:2.2"],
  measures: { first: ["sharpness(directions=2)", "trace"], others: ["generalization-gap"] },
};
const [TRAJECTORY] = listTrajectories(STUDY);

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
    const found = locateStop({ ...STUDY, ...change }, stop, { epochLosses, diverged });
    assertEquals(found === undefined ? [] : [found.epoch, found.outcome], state);
  }
});

Deno.test("findMeasurement() asks for all parameters, whatever else a protocol says", () => {
  const record = syntheticRecord(STUDY, TRAJECTORY!);
  const [measurement] = record.content.networks.at(-1)!.measures;
  const taken = { ...measurement!, protocol: { ...measurement!.protocol, directionSeed: 1 } };
  const measures = [{ ...taken, protocol: { directions: 2 } }, taken];
  assertEquals(findMeasurement({ measures }, "sharpness(directions=2)"), taken);
  for (
    const other of ["sharpness", "sharpness(directions=2,radius=4)", "antithetic(directions=2)"]
  ) {
    assertEquals(findMeasurement({ measures }, other), undefined);
  }
});

Deno.test("runAt() shows losses up to the stop, its network and the measures of interest", () => {
  const record = syntheticRecord(STUDY, TRAJECTORY!, { samples: [1, 3], trainLoss: 1.5 });
  const work = { did: "trained", seconds: 2, to: 2 } as TrajectoryRecord["provenance"][number];
  const timed = { ...record, provenance: [work, { ...work, did: "measured x" }, work] };
  const run = runAt(STUDY, timed, "epochs:3", ["sharpness(directions=2)", "frozen-batchnorm"])!;
  assertEquals([run.training.epochs, run.training.stopped, run.training.seconds], [
    3,
    "reached",
    4,
  ]);
  assertEquals(run.training.epochLosses, record.content.epochLosses.slice(0, 3));
  assertEquals(run.training.trainLoss, 1.5);
  assertEquals(Object.entries(run.measures).map(([text, { estimate }]) => [text, estimate]), [
    ["sharpness(directions=2)", 2],
  ]);
  // A network that was not evaluated, a stop that is not there yet.
  const bare = { ...record, content: { ...record.content, networks: [] } };
  assertEquals(runAt(STUDY, bare, "epochs:3", []), undefined);
  assertEquals(runAt(STUDY, record, "epochs:99", []), undefined);
});

Deno.test("runsAt() has the study's runs in its trajectories' order, and no others", () => {
  const records = syntheticRecords(STUDY, ({ seed }) => seed === 1 ? undefined : {});
  const more = { ...STUDY, grid: { ...STUDY.grid, seeds: [7] } };
  const runs = runsAt(STUDY, [...syntheticRecords(more), ...records.toReversed()]);
  assertEquals(
    runs.map(({ config }) => config),
    listTrajectories(STUDY).filter(({ seed }) => seed !== 1),
  );
  assertEquals(runs.every(({ stop }) => stop === "epochs:3"), true);
});
