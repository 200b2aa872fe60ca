/** How long a study may take: missing epochs and measures at the mean rate seen here. @module */
import { writeWhole } from "~/lib/files/files.ts";
import { epochCost, measureCost, plan } from "~/lib/reproduce/plan.ts";
import { processor } from "~/lib/engine.ts";
import { formatRecord, recordFile, type TrajectoryRecord } from "~/lib/results.ts";
import { listTrajectories, type Study } from "~/lib/study.ts";
import { networkFile, type Trajectory } from "~/lib/trainer.ts";
import { assertAlmostEquals } from "@std/assert";
import { syntheticRecords, vary } from "~/tests/fixtures/synthetic_results.ts";
import { withFolder } from "~/tests/fixtures/temporary_folder.ts";
import { alone } from "~/tests/fixtures/tiny_study.ts";

/** A record with losses up to an epoch, and no networks. */
function recordOf(of: Study, epochs: number): TrajectoryRecord {
  const [record] = syntheticRecords(of);
  const epochLosses = [2.3, 2.2, 2.1, 2].slice(0, epochs);
  return { ...record!, content: { ...record!.content, epochLosses, networks: [] } };
}

Deno.test("plan() counts missing epochs and measures at the mean rate seen here", () =>
  withFolder(async (folder) => {
    const options = { folders: { models: folder, results: folder }, threads: 1 };
    const measured = { first: ["weight-norm"], others: ["weight-norm"] };
    const of = alone("SGD", { stops: ["epochs:4", "epochs:2"], measures: measured });
    const [trajectory] = listTrajectories(of) as [Trajectory];
    const write = (record: TrajectoryRecord): Promise<void> =>
      writeWhole(recordFile(folder, trajectory), formatRecord(record));
    const seconds = async (of: Study, record?: TrajectoryRecord): Promise<number> => {
      if (record !== undefined) await write(record);
      return (await plan(of, options)).secondsOfMissing;
    };
    const bare = { ...of, measures: { first: [], others: [] } };
    const measures = await seconds(of) - await seconds(bare);
    assertAlmostEquals(measures, 2 * measureCost(trajectory, ["weight-norm"]), 1e-9);
    const epoch = epochCost(trajectory);
    const left = async (epochs: number): Promise<number> => {
      const record = epochs === 0 ? undefined : { ...recordOf(bare, epochs), provenance: [] };
      return await seconds(bare, record) / epoch;
    };
    // The initial weights need no epoch.
    assertAlmostEquals(await seconds({ ...bare, stops: ["epochs:0"] }), 0, 1e-9);
    // Nothing is kept: all epochs, those again that a record has.
    for (const epochs of [0, 2, 4]) assertAlmostEquals(await left(epochs), 4, 1e-9);
    const path = networkFile(folder, trajectory, "latest");
    await Deno.writeTextFile(path, "");
    for (const epochs of [2, 4]) assertAlmostEquals(await left(epochs), 4 - epochs, 1e-9);
    // Two epochs that took 20 seconds here, eight elsewhere.
    const part = { did: "trained", to: 2, revision: "abc", deno: "2.9.6", processor: processor() };
    const engine = { name: "cpu", library: "a library" };
    const work = { ...part, engine, threads: 1, seconds: 20, finished: "" };
    const provenance = [work, { ...work, from: 2, to: 10, processor: "another" }];
    assertAlmostEquals(await seconds(bare, { ...recordOf(bare, 2), provenance }), 20, 1e-9);
    // Where a flat stop lies is the mean of those that were seen.
    const flat = vary(bare, { seeds: [0, 7] }, { stops: ["cumulative:1e-3"] });
    const [record] = syntheticRecords(flat);
    await write({ ...record!, provenance: [] });
    const planned = await plan(flat, options);
    const epochs = record!.content.stops["cumulative:1e-3"]!;
    assertAlmostEquals(planned.runs[1]!.seconds, epochs * epoch, 1e-9);
  }));

Deno.test("plan() expects a stricter stop later where none was reached yet", () =>
  withFolder(async (folder) => {
    const options = { folders: { models: folder, results: folder }, threads: 1 };
    const measures = { first: [], others: [] };
    const expected = async (stops: string[], maxEpochs = 20_000): Promise<number> => {
      const study = alone("SGD", { stops, measures, maxEpochs });
      const [trajectory] = listTrajectories(study);
      return (await plan(study, options)).secondsOfMissing / epochCost(trajectory!);
    };
    // Five epochs from where the slope of 1.95 t^-0.21 is below the criterion.
    const slope = (criterion: number): number => (1.95 * 0.21 / criterion) ** (1 / 1.21);
    for (const criterion of [1e-3, 1e-4]) {
      assertAlmostEquals(await expected([`cumulative:${criterion}`]), slope(criterion) + 5, 1);
    }
    assertAlmostEquals(await expected(["cumulative:1e-4"], 200), 200, 1e-9);
    assertAlmostEquals(await expected(["epochs:7", "loss:1.5"]), 7, 1e-9);
  }));
