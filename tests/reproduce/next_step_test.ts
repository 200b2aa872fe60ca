/**
 * The decision what to do next on a trajectory, and how long it may take: no file, no engine.
 *
 * @module
 */
import { dirname } from "node:path";
import { epochCost, measureCost, planFrom } from "~/lib/reproduce/plan.ts";
import { type Kept, nextStep, type Step } from "~/lib/reproduce/next_step.ts";
import { placed, processor } from "~/lib/reproduce/options.ts";
import type { TrajectoryRecord } from "~/lib/results.ts";
import { listTrajectories, type Study } from "~/lib/study.ts";
import { networkFile, type Trajectory } from "~/lib/trainer.ts";
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { syntheticRecords } from "~/tests/fixtures/synthetic_results.ts";
import { withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { alone } from "~/tests/fixtures/tiny_study.ts";

const ENGINE = { name: "cpu", library: "a library" };
const MEASURES = { first: ["weight-norm"], others: ["weight-norm"] };
const study = (optimizer: string, ...stops: string[]): Study =>
  alone(optimizer, { stops, measures: MEASURES });
const LOSSES = [2.3, 2.2, 2.1, 2];

/** A record with losses up to an epoch, and evaluated, measured networks. */
function recordOf(
  of: Study,
  epochs: number,
  networks: number[] = [],
  measured = true,
): TrajectoryRecord {
  const [record] = syntheticRecords(of);
  const [network] = record!.content.networks;
  const content: TrajectoryRecord["content"] = {
    ...record!.content,
    epochLosses: LOSSES.slice(0, epochs),
    diverged: false,
    networks: networks.map((epoch) => ({
      ...network!,
      epoch,
      measures: measured
        ? [{ ...network!.measures[0]!, measure: "weight-norm", protocol: {} }]
        : [],
    })),
  };
  return { ...record!, content };
}

function kept(epochs: number, rest: Partial<Kept> = {}): Kept {
  return {
    ...{ isLatest: false, hasState: false, engines: [ENGINE], seconds: 0 },
    epochLosses: LOSSES.slice(0, epochs),
    ...rest,
  };
}

/** "train from 2 to 4,the stops", "measure 2,4", "done". */
function describe(step: Step): string {
  if (step.kind === "measure") return `measure ${[...step.measure.keys()]}`;
  if (step.kind === "done") return "done";
  const { from, wanted, goesOn } = step;
  const start = from === undefined ? 0 : from.epochLosses.length;
  return `train from ${start}${from?.isLatest ? " latest" : ""} to ` +
    [...wanted, ...(goesOn ? ["the stops"] : [])].join(",");
}

const TWO = study("SGD", "epochs:4", "epochs:2");
const ADA = study("AdaGrad", "epochs:4", "epochs:2");
const LATEST = { isLatest: true, hasState: true };
const OTHER = { epochLosses: [9, 8, 7, 6] };
const CASES: [string, Study, TrajectoryRecord | undefined, Kept[], string][] = [
  ["nothing is there", TWO, undefined, [], "train from 0 to the stops"],
  [
    "a process ended before its record",
    ADA,
    undefined,
    [kept(3, LATEST)],
    "train from 3 latest to the stops",
  ],
  ["a stricter stop", TWO, recordOf(TWO, 2, [2]), [kept(2)], "train from 2 to the stops"],
  ["no state to go on from", ADA, recordOf(ADA, 2, [2]), [kept(2)], "train from 0 to the stops"],
  [
    "the newest state",
    ADA,
    recordOf(ADA, 2, [2]),
    [kept(2), kept(3, LATEST)],
    "train from 3 latest to the stops",
  ],
  ["not evaluated", TWO, recordOf(TWO, 4, [2]), [kept(2), kept(4)], "measure 4"],
  ["its network is gone", TWO, recordOf(TWO, 4, [4]), [kept(1), kept(4)], "train from 1 to 2"],
  ["the newest lies beyond", ADA, recordOf(ADA, 4, [4]), [kept(4, LATEST)], "train from 0 to 2"],
  ["another machine's network", TWO, recordOf(TWO, 4, [2]), [kept(4, OTHER)], "train from 0 to 4"],
  ["not measured", TWO, recordOf(TWO, 4, [2, 4], false), [kept(2), kept(4)], "measure 4,2"],
  ["nothing is missing", TWO, recordOf(TWO, 4, [2, 4]), [], "done"],
];

Deno.test("nextStep() trains what is missing or has no network, measures, is done", () => {
  for (const [what, of, record, networks, expected] of CASES) {
    const [trajectory] = listTrajectories(of);
    const step = nextStep({ study: of, trajectory: trajectory!, engine: ENGINE }, record, networks);
    assertEquals(describe(step), expected, what);
  }
});

Deno.test("nextStep() takes a state that contradicts the record only of the same engine", () => {
  const [trajectory] = listTrajectories(ADA);
  const asked = { study: ADA, trajectory: trajectory!, engine: ENGINE };
  const own = kept(3, { ...LATEST, epochLosses: [9, 8, 7] });
  const others = { ...own, engines: [ENGINE, { name: "cpu", library: "another" }] };
  const step = (state: Kept): string => describe(nextStep(asked, recordOf(ADA, 2, [2]), [state]));
  assertEquals(step(own), "train from 3 latest to the stops");
  assertEquals(step(others), "train from 0 to the stops");
});

Deno.test("nextStep() asks for networks where they must be there, and for no diverged ones", () => {
  const [trajectory] = listTrajectories(TWO);
  const asked = { study: TWO, trajectory: trajectory!, networks: true };
  const record = recordOf(TWO, 4, [2, 4]);
  // Of the first stop and of those that end training: both.
  assertEquals(describe(nextStep(asked, record, [kept(4)])), "train from 0 to 2");
  assertEquals(describe(nextStep(asked, record, [kept(2), kept(4)])), "done");
  const content = { ...recordOf(TWO, 1).content, diverged: true };
  assertEquals(describe(nextStep(asked, { ...record, content }, [])), "done");
});

Deno.test("planFrom() counts missing epochs and measures at the mean rate seen here", async () => {
  await withFolder(async (models) => {
    const options = { ...placed({ folders: { models, results: models } }), threads: 1 };
    const of = study("SGD", "epochs:4", "epochs:2");
    const [trajectory] = listTrajectories(of) as [Trajectory];
    const seconds = async (of: Study, record?: TrajectoryRecord): Promise<number> =>
      (await planFrom(of, new Map([[trajectory, record]]), options)).secondsOfMissing;
    const bare = { ...of, measures: { first: [], others: [] } };
    const measures = await seconds(of) - await seconds(bare);
    assertAlmostEquals(measures, 2 * measureCost(trajectory, ["weight-norm"]), 1e-9);
    const epoch = epochCost(trajectory);
    const left = async (epochs: number): Promise<number> => {
      const record = epochs === 0 ? undefined : { ...recordOf(bare, epochs), provenance: [] };
      return await seconds(bare, record) / epoch;
    };
    // Nothing is kept: all epochs, those again that a record has.
    for (const epochs of [0, 2, 4]) assertAlmostEquals(await left(epochs), 4, 1e-9);
    const path = networkFile(models, trajectory, "latest");
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(path, "");
    for (const epochs of [0, 2, 4]) assertAlmostEquals(await left(epochs), 4 - epochs, 1e-9);
    // Two epochs that took 20 seconds here, eight elsewhere.
    const part = { did: "trained", to: 2, revision: "abc", deno: "2.9.6", processor: processor() };
    const work = { ...part, engine: ENGINE, threads: 1, seconds: 20, finished: "" };
    const provenance = [work, { ...work, from: 2, to: 10, processor: "another" }];
    assertAlmostEquals(await seconds(bare, { ...recordOf(bare, 2), provenance }), 20, 1e-9);
    // Where a flat stop lies is the mean of those that were seen.
    const flat = { ...bare, stops: ["cumulative:1e-3"] };
    const [record] = syntheticRecords(flat);
    const other = { ...trajectory, seed: 7 };
    const planned = await planFrom(
      flat,
      new Map([[trajectory, { ...record!, provenance: [] }], [other, undefined]]),
      options,
    );
    const epochs = record!.content.stops["cumulative:1e-3"]!;
    assertAlmostEquals(planned.runs[1]!.seconds, epochs * epoch, 1e-9);
  });
});
