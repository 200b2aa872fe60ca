/**
 * The decision what to do next on a trajectory, and how long it may take: no file, no engine.
 *
 * @module
 */
import { dirname } from "node:path";
import { estimateFrom } from "~/lib/reproduce/plan.ts";
import { type Kept, nextStep, type Step } from "~/lib/reproduce/next_step.ts";
import { processor } from "~/lib/reproduce/engine_on_data.ts";
import type { Provenance, TrajectoryRecord } from "~/lib/results.ts";
import { listTrajectories, type Study } from "~/lib/study.ts";
import { networkFile } from "~/lib/trainer.ts";
import { assertAlmostEquals, assertEquals, assertGreater } from "@std/assert";
import { syntheticRecords } from "~/tests/fixtures/synthetic_results.ts";
import { withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { alone, STUDY } from "~/tests/fixtures/tiny_study.ts";

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

/** "train from 2 to 4 and stops", "evaluate 4", "measure 2,4", "done". */
function describe(step: Step): string {
  if (step.kind === "evaluate") return `evaluate ${[...step.evaluate]}`;
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
  ["not evaluated", TWO, recordOf(TWO, 4, [2]), [kept(2), kept(4)], "evaluate 4"],
  ["its network is gone", TWO, recordOf(TWO, 4, [4]), [kept(1), kept(4)], "train from 1 to 2"],
  ["the newest lies beyond", ADA, recordOf(ADA, 4, [4]), [kept(4, LATEST)], "train from 0 to 2"],
  ["another machine's network", TWO, recordOf(TWO, 4, [2]), [kept(4, OTHER)], "train from 0 to 4"],
  ["not measured", TWO, recordOf(TWO, 4, [2, 4], false), [kept(2), kept(4)], "measure 4,2"],
  ["nothing is missing", TWO, recordOf(TWO, 4, [2, 4]), [], "done"],
];

Deno.test("nextStep() trains what is missing or has no network, evaluates, measures, is done", () => {
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

/** Ten epochs that were trained by an engine here. */
function part(name: string, seconds: number, finished: string): Provenance {
  return {
    ...{ did: "trained", from: 0, to: 10, revision: "abc", deno: "2.9.6", processor: processor() },
    ...{ engine: { name, library: "a library" }, threads: 1, seconds, finished },
  };
}

Deno.test("estimateFrom() takes the rate of the kind of engine that trained last here", () => {
  const [trajectory] = listTrajectories(STUDY);
  const [record] = syntheticRecords(STUDY);
  const cpu = part("cpu", 20, "2026-11-01T10:00:00Z");
  const gpu = part("tensorflow", 1, "2026-11-01T11:00:00Z");
  const rate = (...provenance: Provenance[]): number =>
    estimateFrom(STUDY, [{ ...record!, provenance }]).epochSeconds(trajectory!);
  assertAlmostEquals(rate(cpu), 2, 1e-12);
  assertAlmostEquals(rate(cpu, gpu), 0.1, 1e-12);
  assertAlmostEquals(rate(gpu, { ...cpu, finished: "2026-11-01T12:00:00Z" }), 2, 1e-12);
  assertAlmostEquals(rate(cpu, { ...gpu, processor: "another" }), 2, 1e-12);
  // Whose seconds these are nobody knows.
  const shared = { ...part("cpu", 8, "2026-11-01T13:00:00Z"), engines: [gpu.engine, cpu.engine] };
  assertAlmostEquals(rate(cpu, shared), 2, 1e-12);
});

Deno.test("secondsLeft is the rate times missing epochs, and measures that are to come", async () => {
  await withFolder(async (models) => {
    const of = alone("SGD", { stops: ["epochs:4", "epochs:2"] });
    const [trajectory] = listTrajectories(of);
    const { secondsLeft, epochSeconds, measureSeconds } = estimateFrom(of, []);
    const epoch = epochSeconds(trajectory!);
    const first = measureSeconds(trajectory!, of.measures.first);
    assertGreater(first, 0);
    const left = async (epochs: number): Promise<number> => {
      const record = epochs === 0 ? undefined : recordOf(of, epochs);
      return (await secondsLeft({ study: of, trajectory: trajectory! }, record, models) - first) /
        epoch;
    };
    // Nothing is kept: all epochs, those again that a record has.
    for (const epochs of [0, 2, 4]) assertAlmostEquals(await left(epochs), 4, 1e-9);
    const path = networkFile(models, trajectory!, "latest");
    await Deno.mkdir(dirname(path), { recursive: true });
    await Deno.writeTextFile(path, "");
    for (const epochs of [0, 2, 4]) assertAlmostEquals(await left(epochs), 4 - epochs, 1e-9);
    // Where a stop lies is known from the nearest cell: here the synthetic ones.
    const flat = { ...of, stops: ["cumulative:1e-3"], measures: { first: [], others: [] } };
    const records = syntheticRecords(flat);
    const seen = estimateFrom(flat, records);
    assertAlmostEquals(
      await seen.secondsLeft({ study: flat, trajectory: trajectory! }, undefined, models),
      records[0]!.content.stops["cumulative:1e-3"]! * seen.epochSeconds(trajectory!),
      1e-9,
    );
  });
});
