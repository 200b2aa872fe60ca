/**
 * What is there already: planned, drawn from, verified, computed afresh, taken as one network.
 *
 * @module
 */
import { join } from "node:path";
import { processor } from "~/lib/engine.ts";
import { tryLock } from "~/lib/files/lock.ts";
import { initialise } from "~/lib/model.ts";
import { DivergedError, getModelReady, plan, run, verify } from "~/lib/reproduce.ts";
import { libraryOf } from "~/lib/reproduce/options.ts";
import { parseRecord, recordFile, writeRecord } from "~/lib/results.ts";
import { listTrajectories } from "~/lib/study.ts";
import {
  lockFile,
  networkFile,
  readNetwork,
  type Trajectory,
  writeNetwork,
} from "~/lib/trainer.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertLess,
  assertNotEquals,
  assertRejects,
} from "@std/assert";
import { listFiles } from "~/tests/fixtures/temporary_folder.ts";
import {
  abortAt,
  alone,
  assertSame,
  change,
  contents,
  moveElsewhere,
  ofElsewhere,
  RUNS,
  silent,
  STUDY,
  withPlace,
} from "~/tests/fixtures/tiny_study.ts";

const ALL = listTrajectories(STUDY);

Deno.test("run() computes nothing where nothing is missing, and opens no data for it", () =>
  withPlace(async ({ folder, messages, compute, options: { folders } }) => {
    const { records } = await compute();
    const nowhere = { folders, data: join(folder, "no such data") };
    const second = await run(STUDY, nowhere);
    assertEquals(second, { records, cachedRuns: RUNS, computedRuns: 0, missingRuns: 0 });
    assertEquals(messages, []);
    // A looser stop, fewer cells, fewer measures: views of the same trajectories.
    const view = change({ maxEpochs: 50, grid: { optimizers: ["SGD"] } });
    assertEquals((await run(view, nowhere)).cachedRuns, 2);
  }));

Deno.test("run() with fresh replaces a record once its successor has its measures", () =>
  withPlace(async ({ folder, compute, epochs, options: { folders } }) => {
    const study = alone("AdaGrad");
    const { records: [record] } = await compute(study);
    const path = recordFile(folders.results, listTrajectories(study)[0]!);
    const before = await Deno.readTextFile(path);
    for (const moment of ["epoch 2", "measures of"]) {
      const { options } = abortAt(1, moment);
      await assertRejects(() => compute(study, { fresh: true, checkpointSeconds: 0, ...options }));
      assertEquals(await Deno.readTextFile(path), before, moment);
      // All that it says can still be had: nothing is missing, a stricter stop goes on.
      assertEquals((await compute(study)).cachedRuns, 1);
    }
    epochs.length = 0;
    const { cachedRuns, computedRuns, records: [again] } = await compute(study, { fresh: true });
    assertEquals([cachedRuns, computedRuns, epochs.length], [0, 1, 3]);
    assertEquals(again!.content, record!.content);
    assertEquals(again!.provenance.length, record!.provenance.length);
    assertNotEquals(await Deno.readTextFile(path), before);
    await compute(alone("AdaGrad", { stops: ["epochs:4"] }));
    assertEquals(epochs.length, 4);
    assert(listFiles(folder).every((file) => !/damaged|unfinished/.test(file)));
  }));

Deno.test("plan() counts what is cached, running and missing, and touches nothing", () =>
  withPlace(async ({ folder, options, compute }) => {
    const before = await plan(STUDY, options);
    assertEquals(before.runs.map(({ trajectory }) => trajectory), ALL);
    assertEquals([before.runs.some(({ cached }) => cached), before.measured], [false, false]);
    assertLess(0, before.secondsOfMissing);
    assertEquals(listFiles(folder), []);
    const { records: [done] } = await compute(change({ grid: { optimizers: ["SGD"] } }));
    // So small a training may take no hundredth of a second, of which no rate follows.
    await writeRecord(options.folders.results, {
      ...done!,
      provenance: done!.provenance.map((part) => ({ ...part, seconds: 1 })),
    });
    const lock = await tryLock(lockFile(options.folders.models, ALL[1]!));
    await Deno.writeTextFile(recordFile(options.folders.results, ALL[2]!), "damaged");
    const files = listFiles(folder);
    const after = await plan(STUDY, options);
    lock!.release();
    assertEquals(
      after.runs.map(({ cached, epochs, heldBy }) => [cached, epochs, heldBy !== null]),
      [[true, 3, false], [false, 0, true], [false, 0, false], [false, 0, false]],
    );
    assertEquals([after.measured, listFiles(folder)], [true, files]);
    assertEquals(after.runs[0]!.seconds, 0);
  }));

Deno.test("verify() computes cached runs again, apart, and tells what differs", () =>
  withPlace(async ({ folder, options, compute }) => {
    const { records } = await compute();
    // A stricter study went further on one of them: that is no difference.
    await compute(alone("SGD", { stops: ["epochs:5"] }));
    const files = await contents(folder);
    const same = await verify(STUDY, { ...options, count: 9, seed: 3 });
    const wanted = Array(RUNS).fill([true, [3, 3]]);
    assertEquals(same.map(({ identical, epochs }) => [identical, epochs]), wanted);
    assertSame(await contents(folder), files);
    assert(!listFiles(folder).some((path) => path.includes("verify/")));
    // What the records have and this study does not ask for at its first stop is no difference.
    const measures = { first: ["generalization-gap"], others: STUDY.measures.first };
    const fewer = await verify({ ...STUDY, measures }, { ...options, count: 9, seed: 3 });
    assertEquals(fewer.map(({ missing }) => missing), Array(RUNS).fill([]));
    const [two, again] = await Promise.all(
      [0, 1].map(() => verify(STUDY, { ...options, count: 2, seed: 5 })),
    );
    assertEquals([two!.length, again], [2, two]);
    const { content, ...rest } = records[3]!;
    const [network] = content.networks;
    const networks = [{ ...network!, trainLoss: network!.trainLoss * 2 }];
    await writeRecord(options.folders.results, {
      ...rest,
      content: { ...content, networks },
    });
    const found = await verify(STUDY, { ...options, count: RUNS, seed: 3 });
    const [differs] = found.filter(({ identical }) => !identical);
    const { trajectory, values, epochLosses } = differs!;
    assertEquals([trajectory, values.trainLoss, epochLosses], [ALL[3]!, 0.5, 0]);
    // A stop that is not reached again.
    const lower = { ...content, epochLosses: content.epochLosses.with(2, 0.5) };
    await writeRecord(options.folders.results, { ...rest, content: lower });
    const passed = change({ stops: ["loss:0.5", "epochs:3"] });
    const [lost] = await verify(passed, { ...options, count: 9, seed: 3 });
    assertEquals([lost!.identical, lost!.epochs, lost!.values], [false, [3, null], {}]);
    assertAlmostEquals(lost!.epochLosses, 1 - 0.5 / content.epochLosses[2]!, 1e-12);
    const wild = change({ grid: { effects: ["learning-rate"], learningRates: [1e30] } });
    await compute(wild);
    const agreements = await verify(wild, { ...options, count: 2, seed: 0 });
    assertEquals(agreements.map(({ identical }) => identical), [true, true]);
  }));

Deno.test("verify() removes what a process left that was killed while it verified", () =>
  withPlace(async ({ folder, options, options: { folders }, compute }) => {
    const study = alone("SGD");
    await compute(study);
    const left = join(folders.models, ".verify");
    await Deno.mkdir(left);
    await Deno.writeTextFile(join(left, "network"), "");
    await verify(study, { ...options, count: 1, seed: 0 });
    assertEquals(listFiles(folder).filter((path) => path.includes(".verify/")), []);
  }));

Deno.test("getModelReady() gives the network at the first stop: kept, gone on to, trained again", () =>
  withPlace(async ({ compute, epochs, options, options: { folders } }) => {
    const study = alone("AdaGrad");
    const [trajectory] = listTrajectories(study);
    const trained = await getModelReady(study, trajectory!, options);
    assertNotEquals(trained, initialise(study.sizes, 0));
    const record = parseRecord(await Deno.readTextFile(recordFile(folders.results, trajectory!)));
    assertEquals([record.content.networks.length, record.content.networks[0]!.measures], [1, []]);
    // Measures need no training after it.
    await compute(study);
    assertEquals(epochs, []);
    assertEquals(await getModelReady(study, trajectory!, options), trained);
    await Deno.remove(networkFile(folders.models, trajectory!, 3));
    assertEquals(await getModelReady(study, trajectory!, options), trained);
    // Of a loss, whose network goes once it is measured.
    const loss = alone("SGD", { stops: ["loss:9"] });
    const [other] = listTrajectories(loss);
    await compute(loss);
    await assertRejects(() => Deno.stat(networkFile(folders.models, other!, 1)));
    assertEquals((await getModelReady(loss, other!, options)).length, trained.length);
  }));

Deno.test("a trajectory from given weights is another one, and is not trained without them", () =>
  withPlace(async ({ options }) => {
    // Part of a longer buffer.
    const initial = new Float32Array(new SharedArrayBuffer(8 + 4 * 24_674), 8);
    initial.set(initialise(STUDY.sizes, 7));
    const from = alone("SGD", { init: "0123456789ab" });
    const [trajectory] = listTrajectories(from);
    await assertRejects(() => run(from, options), RangeError, "must come together");
    await assertRejects(() => run(alone("SGD"), { ...options, initial }), RangeError, "together");
    const trained = await getModelReady(alone("SGD"), trajectory!, { ...options, initial });
    const [plain] = listTrajectories(alone("SGD"));
    assertNotEquals(trained, await getModelReady(alone("SGD"), plain!, options));
    const seventh = alone("SGD");
    const [own] = listTrajectories({ ...seventh, grid: { ...seventh.grid, seeds: [7] } });
    assertEquals(trained, await getModelReady(seventh, own!, options));
  }));

Deno.test("getModelReady() gives no network of another machine, nor loses its measures", async () => {
  const study = alone("AdaGrad", { stops: ["epochs:3", "epochs:2"] });
  const [trajectory] = listTrajectories(study) as [Trajectory];
  await withPlace(async ({ compute, options, options: { folders } }) => {
    const { records: [record] } = await compute(study);
    const own = await getModelReady(study, trajectory, options);
    // A network that was trained elsewhere: the recorded one is trained again.
    for (const epoch of [3, "latest"] as const) {
      await moveElsewhere(folders.models, trajectory, epoch);
    }
    assertEquals(await getModelReady(study, trajectory, options), own);
    // A record that was computed elsewhere: it is computed again, whole.
    await writeRecord(folders.results, ofElsewhere(record!));
    await Deno.remove(folders.models, { recursive: true });
    assertEquals(await getModelReady(study, trajectory, options), own);
    const after = parseRecord(await Deno.readTextFile(recordFile(folders.results, trajectory)));
    assertEquals(after.content, record!.content);
  });
});

Deno.test("a first stop that is only passed: not verified or given where it was not, kept where it was", async () => {
  const study = alone("SGD", { stops: ["loss:0.01", "epochs:3"] });
  const [trajectory] = listTrajectories(study);
  await withPlace(async ({ compute, epochs, options }) => {
    await compute(study);
    assertEquals(await verify(study, { ...options, count: 1, seed: 0 }), []);
    await assertRejects(
      () => getModelReady(study, trajectory!, options),
      Error,
      "Cannot get the network of SGD lr=0.1,batch=60,seed=0 ready: training ended without passing " +
        "the stop loss:0.01",
    );
    assertEquals(epochs.length, 3);
    const passed = alone("SGD", { stops: ["loss:9", "epochs:3"] });
    await compute(passed);
    const first = await getModelReady(passed, trajectory!, options);
    assertEquals(
      await getModelReady(alone("SGD", { stops: ["epochs:1"] }), trajectory!, options),
      first,
    );
  });
});

Deno.test("getModelReady() tells a network held elsewhere from one that diverged", () =>
  withPlace(async ({ options }) => {
    const lock = await tryLock(lockFile(options.folders.models, ALL[0]!));
    await assertRejects(
      () => getModelReady(STUDY, ALL[0]!, options),
      Error,
      "Cannot get the network of SGD lr=0.1,batch=60,seed=0 ready as another process is training " +
        "it: wait for that to end",
    );
    lock!.release();
    await assertRejects(
      () => getModelReady(STUDY, { ...ALL[0]!, seed: 77 }, { ...options, cachedOnly: true }),
      Error,
      "Cannot get the network of SGD lr=0.1,batch=60,seed=77 ready: it is not kept",
    );
    const wild = { ...ALL[0]!, learningRate: 1e30 };
    for (let time = 0; time < 2; time++) {
      const error = await assertRejects(() => getModelReady(STUDY, wild, options), DivergedError);
      assertEquals(
        error.message,
        "Cannot get the network of SGD lr=1e+30,batch=60,seed=0 ready as training diverged after " +
          "epoch 1",
      );
    }
  }));

Deno.test("libraryOf() is that of the record, on this processor first, else that of the newest state", async () => {
  const study = alone("SGD");
  const [trajectory] = listTrajectories(study);
  await withPlace(async ({ compute, options: { folders: { models } } }) => {
    assertEquals(await libraryOf(models, [{ trajectory: trajectory! }]), undefined);
    const { records: [record] } = await compute(study);
    const by = (library: string, where: string): typeof record => ({
      ...record!,
      provenance: record!.provenance.map((part) => (
        { ...part, processor: where, engine: { name: "cpu", library } }
      )),
    });
    const of = (one: typeof record): Promise<string | undefined> =>
      libraryOf(models, [{ trajectory: trajectory!, record: one! }]);
    assertEquals(await of(by("onnxruntime-node 1.0", processor())), "onnxruntime");
    assertEquals(await of(by("OpenBLAS 0.3", processor())), "blas");
    // Elsewhere the same kernels may have computed; a GPU there is none here.
    assertEquals(await of(by("OpenBLAS 0.3", "another processor")), "blas");
    const elsewhere = by("OpenBLAS 0.3", "another processor");
    const here = by("onnxruntime-node 1.0", processor());
    const both = { ...here!, provenance: [...here!.provenance, ...elsewhere!.provenance] };
    assertEquals(await of(both), "onnxruntime");
    const gpu = elsewhere!.provenance.map((part) => (
      { ...part, engine: { name: "tensorflow", library: "webgpu" } }
    ));
    assertEquals(await of({ ...elsewhere!, provenance: gpu }), undefined);
    const latest = await readNetwork(models, trajectory!, "latest", silent);
    const engines = [{ name: "cpu", library: "onnxruntime-node 1.0" }];
    await writeNetwork(models, trajectory!, { ...latest!, engines }, { latest: true });
    assertEquals(await libraryOf(models, [{ trajectory: trajectory! }]), "onnxruntime");
  });
});
