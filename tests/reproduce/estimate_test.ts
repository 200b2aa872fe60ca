/**
 * What an estimate of time is made from.
 *
 * @module
 */
import { estimateFrom } from "~/lib/reproduce/estimate.ts";
import { processor } from "~/lib/reproduce/provenance.ts";
import type { TrajectoryRecord } from "~/lib/results.ts";
import { listTrajectories } from "~/lib/study.ts";
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { syntheticRecords } from "~/tests/fixtures/synthetic_results.ts";
import { STUDY } from "~/tests/fixtures/tiny_study.ts";

/** Ten epochs that were trained by an engine here. */
function part(name: string, seconds: number, finished: string): TrajectoryRecord["provenance"][0] {
  return {
    ...{ did: "trained", from: 0, to: 10, revision: "abc", deno: "2.9.6", processor: processor() },
    ...{ engine: { name, library: "a library" }, threads: 1, seconds, finished },
  };
}

Deno.test("estimateFrom() takes the rates of the kind of engine that trained last here", () => {
  const [trajectory] = listTrajectories(STUDY);
  const [record] = syntheticRecords(STUDY);
  const cpu = part("cpu", 20, "2026-11-01T10:00:00Z");
  const gpu = part("tensorflow", 1, "2026-11-01T11:00:00Z");
  const rate = (...provenance: TrajectoryRecord["provenance"]): number =>
    estimateFrom(STUDY, [{ ...record!, provenance }]).epochSeconds(trajectory!);
  assertEquals(rate(cpu), 2);
  assertEquals(rate(cpu, gpu), 0.1);
  assertEquals(rate(gpu, { ...cpu, finished: "2026-11-01T12:00:00Z" }), 2);
  const elsewhere = { ...gpu, processor: "another" };
  assertEquals(rate(cpu, elsewhere), 2);
  // Whose seconds these are nobody knows.
  const shared = { ...part("cpu", 8, "2026-11-01T13:00:00Z"), engines: [gpu.engine, cpu.engine] };
  assertEquals(rate(cpu, shared), 2);
});

Deno.test("estimateFrom() counts measures and evaluations of the stops that are to come", () => {
  const [trajectory] = listTrajectories(STUDY);
  const measures = { first: ["sharpness"], others: ["sharpness"] };
  const study = { ...STUDY, stops: ["epochs:4", "epochs:2"], measures };
  const { seconds, epochSeconds } = estimateFrom(study, []);
  const work = { train: true, evaluate: [], measure: new Map() };
  const [two, none] = [[], [2, 1]].map((losses) => seconds(trajectory!, work, losses));
  // The stop at epoch 2 is behind it, with two epochs.
  const stop = two! - none! - 2 * epochSeconds(trajectory!);
  assertAlmostEquals(none! - 2 * epochSeconds(trajectory!), stop, 1e-9);
});
