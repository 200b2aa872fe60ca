/** The decision what to do next on a trajectory: no file, no engine. @module */
import { type Kept, nextStep, type Step } from "~/lib/reproduce/next_step.ts";
import type { TrajectoryRecord } from "~/lib/results.ts";
import { listTrajectories, type Study } from "~/lib/study.ts";
import { assertEquals } from "@std/assert";
import { syntheticRecords } from "~/tests/fixtures/synthetic_results.ts";
import { alone } from "~/tests/fixtures/tiny_study.ts";

const ENGINE = { name: "cpu", library: "a library" };
const LOSSES = [2.3, 2.2, 2.1, 2];
const [TWO, ADA] = ["SGD", "AdaGrad"].map((optimizer) =>
  alone(optimizer, {
    stops: ["epochs:4", "epochs:2"],
    measures: { first: ["weight-norm"], others: ["weight-norm"] },
  })
) as [Study, Study];

const START = alone("AdaGrad", {
  stops: ["epochs:0"],
  measures: { first: ["weight-norm", "preconditioned-lambda-max"], others: [] },
});

/** A record with losses up to an epoch, and evaluated networks. */
function recordOf(
  of: Study,
  epochs: number,
  networks: number[] = [],
  { isMeasured = true, diverged = false } = {},
): TrajectoryRecord {
  const [record] = syntheticRecords(of) as [TrajectoryRecord];
  const [network] = record.content.networks;
  const measures = [{ ...network!.measures[0]!, measure: "weight-norm", protocol: {} }];
  const content = {
    ...record.content,
    epochLosses: LOSSES.slice(0, epochs),
    diverged,
    networks: networks.map((epoch) => ({
      ...network!,
      epoch,
      measures: isMeasured ? measures : [],
    })),
  };
  return { ...record, content };
}

type Entry = [number | "latest", Kept];

function kept(epochs: number, rest: Partial<Kept> = {}, key: Entry[0] = epochs): Entry {
  const epochLosses = LOSSES.slice(0, epochs);
  return [key, { hasState: false, engines: [ENGINE], seconds: 0, epochLosses, ...rest }];
}
const latest = (epochs: number, rest: Partial<Kept> = {}): Entry =>
  kept(epochs, { hasState: true, ...rest }, "latest");

/** "train from 2 to 4,the stops", "measure 2,4", "done". */
function describe({ kind, measure, from = 0, wanted, goesOn }: Step): string {
  if (kind === "measure") return `measure ${[...measure.keys()]}`;
  if (kind === "done") return "done";
  return `train from ${from} to ${[...wanted, ...(goesOn ? ["the stops"] : [])]}`;
}

/** The newest state, where this machine's losses differ from the record's. */
const OWN = { epochLosses: [9, 8, 7] };
const OTHERS = { ...OWN, engines: [ENGINE, { name: "cpu", library: "another" }] };
const OTHER = { epochLosses: [9, 8, 7, 6] };
const WHOLE = recordOf(TWO, 4, [2, 4]);
const DIVERGED = recordOf(TWO, 1, [], { diverged: true });
const BEGUN = recordOf(ADA, 2, [2]);
const UNMEASURED = recordOf(TWO, 4, [2, 4], { isMeasured: false });

const CASES: [string, Study, TrajectoryRecord | undefined, Entry[], string, networks?: true][] = [
  ["nothing is there", TWO, undefined, [], "train from 0 to the stops"],
  ["no record yet", ADA, undefined, [latest(3)], "train from latest to the stops"],
  ["a stricter stop", TWO, recordOf(TWO, 2, [2]), [kept(1), kept(2)], "train from 2 to the stops"],
  ["no state to go on from", ADA, BEGUN, [kept(2)], "train from 0 to the stops"],
  ["the newest", ADA, BEGUN, [kept(2), latest(3)], "train from latest to the stops"],
  ["contradicts, its own", ADA, BEGUN, [latest(3, OWN)], "train from latest to the stops"],
  ["contradicts, another's", ADA, BEGUN, [latest(3, OTHERS)], "train from 0 to the stops"],
  ["not evaluated", TWO, recordOf(TWO, 4, [2]), [kept(2), kept(4)], "measure 4"],
  ["its network is gone", TWO, recordOf(TWO, 4, [4]), [kept(1), kept(4)], "train from 1 to 2"],
  ["the newest lies beyond", ADA, recordOf(ADA, 4, [4]), [latest(4)], "train from 0 to 2"],
  ["another machine's network", TWO, recordOf(TWO, 4, [2]), [kept(4, OTHER)], "train from 0 to 4"],
  ["not measured", TWO, UNMEASURED, [kept(2), kept(4)], "measure 4,2"],
  ["nothing is missing", TWO, WHOLE, [], "done"],
  // Of the first stop and of those that end training: both.
  ["a network must be there", TWO, WHOLE, [kept(4)], "train from 0 to 2", true],
  ["both networks are there", TWO, WHOLE, [kept(2), kept(4)], "done", true],
  ["there is no state before the first step", START, recordOf(START, 0, [0]), [], "done"],
  ["it diverged", TWO, DIVERGED, [], "done", true],
];

Deno.test("nextStep() trains what is missing or has no network, measures, is done", () => {
  for (const [what, study, record, there, expected, networks] of CASES) {
    const [trajectory] = listTrajectories(study);
    const asked = { study, trajectory: trajectory!, engine: ENGINE, networks };
    assertEquals(describe(nextStep(asked, record, new Map(there))), expected, what);
  }
});
