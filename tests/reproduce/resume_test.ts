/** Interrupted, shared, continued from elsewhere: always the same bytes. @module */
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { tryLock } from "~/lib/files/lock.ts";
import type { Progress } from "~/lib/files/progress.ts";
import { openStream } from "~/lib/random.ts";
import { writeRecord } from "~/lib/results.ts";
import { listTrajectories } from "~/lib/study.ts";
import {
  lockFile,
  networkFile,
  readNetwork,
  type Trajectory,
  writeNetwork,
} from "~/lib/trainer.ts";
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { listFiles } from "~/tests/fixtures/temporary_folder.ts";
import {
  abortAt,
  alone,
  assertEnds,
  assertSame,
  change,
  contents,
  moveElsewhere,
  ofElsewhere,
  openTiny,
  RUNS,
  silent,
  STUDY,
  uninterrupted,
  withPlace,
} from "~/tests/fixtures/tiny_study.ts";

/** Several stops, one of them passed on the way, and optimizers with and without state. */
const MANY = change({
  stops: ["epochs:4", "epochs:2", "loss:9"],
  grid: { optimizers: ["SGD", "AdaGrad", "SGD(momentum=0.9)"], effects: ["learning-rate"] },
});

Deno.test("run() aborted at 10 random moments ends with the uninterrupted bytes", async () => {
  const wanted = await uninterrupted(MANY);
  const random = openStream(11, 0);
  for (const checkpointSeconds of [30, 0]) {
    await withPlace(async ({ folder, messages, compute }) => {
      let aborts = 0;
      for (let ended = false; !ended;) {
        // A whole run reports 12 epochs, and measures.
        const times = aborts < 5 ? uniformInt(random, 1, 5) : Infinity;
        const { reason, options } = abortAt(times);
        try {
          await compute(MANY, { ...options, checkpointSeconds });
          ended = true;
        } catch (error) {
          assert(error === reason);
          aborts++;
        }
      }
      assertEquals(aborts, 5);
      assertSame(await contents(folder), wanted);
      // Locks were released in order, and nothing was trained twice.
      for (const message of messages) assert(/: going on after epoch \d$/.test(message), message);
      assertEquals(listFiles(folder).filter((path) => /unfinished|damaged/.test(path)), []);
    });
  }
});

Deno.test("run() twice at once shares the work", () =>
  withPlace(async ({ folder, compute, epochs, messages }) => {
    const outcomes = await Promise.all([compute(), compute()]);
    assertEquals(outcomes.map(({ missingRuns }) => missingRuns), [0, 0]);
    assertEquals(outcomes.reduce((sum, { computedRuns }) => sum + computedRuns, 0), RUNS);
    assertEquals(outcomes.map(({ records }) => records.length), [RUNS, RUNS]);
    // Every epoch of every trajectory was trained once, by one of the two.
    assertEquals([epochs.length, new Set(epochs).size, messages], [3 * RUNS, 3 * RUNS, []]);
    await assertEnds(folder);
  }));

Deno.test("run() waits for what another holds, unless told not to; aborting ends the wait", () =>
  withPlace(async ({ folder, messages, options, compute }) => {
    const held = listTrajectories(STUDY)[1]!;
    const lock = await tryLock(lockFile(options.folders.models, held));
    let last: Progress = { message: "" };
    const { missingRuns, computedRuns, records } = await compute(STUDY, {
      wait: false,
      onProgress: (progress) => last = progress,
    });
    assertEquals([missingRuns, computedRuns, records.length], [1, RUNS - 1, RUNS - 1]);
    // What another does is no part of what this one expects to do.
    assertAlmostEquals(last.done! / last.total!, 1, 1e-6);
    const waiting = abortAt(1, "waiting for another process to finish 1 run");
    const error = await assertRejects(() => compute(STUDY, waiting.options));
    assert(error === waiting.reason);
    const outcome = await compute(STUDY, {
      onProgress(progress): void {
        last = progress;
        if (progress.message.startsWith("waiting")) {
          assertEquals(progress.total, 0);
          lock!.release();
        }
      },
    });
    assertEquals([outcome.computedRuns, outcome.cachedRuns, messages], [1, RUNS - 1, []]);
    assert(last.total! > 0);
    assertAlmostEquals(last.done! / last.total!, 1, 1e-6);
    await assertEnds(folder);
  }));

Deno.test("run() replaces another machine's record by its own where it goes on, and says so", async () => {
  const study = alone("AdaGrad", { stops: ["epochs:5", "epochs:2"] });
  const wanted = await uninterrupted(study);
  const [trajectory] = listTrajectories(study) as [Trajectory];
  await withPlace(async ({ folder, compute, messages, options: { folders } }) => {
    const { records: [record] } = await compute(alone("AdaGrad"));
    await writeRecord(folders.results, ofElsewhere(record!));
    // Nothing is wanted of it: it is believed.
    assertEquals((await compute(alone("AdaGrad"))).cachedRuns, 1);
    const { records: [replaced] } = await compute(study);
    const [loss] = record!.content.epochLosses;
    assertEquals(
      messages.at(-1),
      [
        `AdaGrad lr=0.1,batch=60,seed=0: the loss of epoch 1 is ${loss} here and was `,
        `${loss! + 1e-9} where it was computed before: its results are replaced by this machine's`,
      ].join(""),
    );
    const trained = replaced!.provenance.filter(({ did }) => did === "trained");
    assertEquals(trained.map(({ from, to }) => [from, to]), [[0, 5]]);
    const found = await contents(folder);
    // The network of the stop before is still there.
    found.delete([...found.keys()].find((path) => path.includes("epoch=3"))!);
    assertSame(found, wanted);
    // The same where all that is kept is another machine's, and a network is missing.
    await writeRecord(folders.results, ofElsewhere(replaced!));
    for (const epoch of [5, "latest"] as const) {
      await moveElsewhere(folders.models, trajectory, epoch);
    }
    for (const epoch of [2, 3]) await Deno.remove(networkFile(folders.models, trajectory, epoch));
    const more = { ...study, measures: { first: ["weight-norm"], others: ["weight-norm"] } };
    await compute(more);
    await assertEnds(folder, more);
  });
});

Deno.test("run() counts what an interrupted process trained with what went on from it", async () => {
  const longer = alone("SGD", { stops: ["epochs:6"] });
  await withPlace(async ({ compute, options: { folders } }) => {
    const { records: [record] } = await compute(alone("SGD"));
    const { options } = abortAt(1, "epoch 5");
    await assertRejects(() => compute(longer, { ...options, checkpointSeconds: 0 }));
    const [trajectory] = listTrajectories(longer);
    const interrupted = await readNetwork(folders.models, trajectory!, "latest", silent);
    assertEquals(interrupted!.epochLosses.length, 5);
    // So that its share can be told from that of the epoch that is left.
    await writeNetwork(folders.models, trajectory!, { ...interrupted!, seconds: 1000 }, {
      latest: true,
    });
    const { records: [whole] } = await compute(longer);
    const parts = whole!.provenance.filter(({ did }) => did === "trained");
    assertEquals(parts.map(({ from, to }) => [from, to]), [[0, 3], [3, 6]]);
    const before = record!.provenance[0]!.seconds;
    const counted = parts[1]!.seconds;
    assert(counted >= 1000 - before && counted < 1010 - before, `${counted}`);
  });
});

Deno.test("run() names every engine behind what it trained, by last use, where it was not alone", async () => {
  const longer = alone("SGD", { stops: ["epochs:6"] });
  const { name, library } = (await openTiny()).engine.info;
  const [own, other] = [{ name, library }, { name: "cpu", library: "another library" }];
  await withPlace(async ({ compute, options: { folders } }) => {
    await compute(alone("SGD"));
    const [trajectory] = listTrajectories(longer);
    const latest = await readNetwork(folders.models, trajectory!, "latest", silent);
    assertEquals(latest!.engines, [own]);
    // As if the last epochs had been trained elsewhere.
    const elsewhere = { ...latest!, engines: [own, other] };
    await writeNetwork(folders.models, trajectory!, elsewhere, { latest: true });
    await Deno.remove(networkFile(folders.models, trajectory!, 3));
    const { records: [whole] } = await compute(longer);
    const parts = whole!.provenance.filter(({ did }) => did === "trained");
    assertEquals(parts.map(({ engines }) => engines), [undefined, [other, own]]);
    const { engines } = (await readNetwork(folders.models, trajectory!, "latest", silent))!;
    assertEquals(engines, [other, own]);
  });
});
