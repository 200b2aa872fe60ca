/**
 * Interrupted, shared, continued from elsewhere: always the same bytes.
 *
 * @module
 */
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { tryLock } from "~/lib/files/lock.ts";
import type { Progress } from "~/lib/files/progress.ts";
import { openStream } from "~/lib/random.ts";
import type { RunOptions } from "~/lib/reproduce.ts";
import { writeRecord } from "~/lib/results.ts";
import { listTrajectories, type Study } from "~/lib/study.ts";
import {
  type KeptNetwork,
  lockFile,
  readNetwork,
  removeNetwork,
  writeNetwork,
} from "~/lib/trainer.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { listFiles } from "~/tests/fixtures/temporary_folder.ts";
import {
  alone,
  assertSame,
  change,
  contents,
  openTiny,
  RUNS,
  STUDY,
  uninterrupted,
  withPlace,
} from "~/tests/fixtures/tiny_study.ts";

/** Several stops, one of them passed on the way, and optimizers with and without state. */
const MANY = change({
  stops: ["epochs:4", "epochs:2", "loss:9"],
  grid: { optimizers: ["SGD", "AdaGrad", "SGD(momentum=0.9)"], effects: ["learning-rate"] },
});

/** Aborts with a reason at the `times`-th progress message that contains `text`. */
function abortAt(
  times: number,
  text = "",
): { reason: Error; options: Pick<RunOptions, "signal" | "onProgress"> } {
  const controller = new AbortController();
  const reason = new Error("enough");
  let seen = 0;
  return {
    reason,
    options: {
      signal: controller.signal,
      onProgress({ message }): void {
        if (message.includes(text) && ++seen === times) controller.abort(reason);
      },
    },
  };
}

Deno.test("run() aborted at 20 random moments ends with the uninterrupted bytes", async () => {
  const wanted = await uninterrupted(MANY);
  const random = openStream(11, 0);
  let aborts = 0;
  for (let place = 0; aborts < 20; place++) {
    await withPlace(async ({ folder, messages, compute }) => {
      for (let ended = false; !ended;) {
        // A whole run reports 12 epochs, and measures.
        const { reason, options } = abortAt(uniformInt(random, 1, 5));
        try {
          await compute(MANY, { ...options, checkpointSeconds: place % 2 === 0 ? 30 : 0 });
          ended = true;
        } catch (error) {
          assertStrictEquals(error, reason);
          aborts++;
        }
      }
      assertSame(await contents(folder), wanted);
      // Locks were released in order, and nothing was trained twice.
      for (const message of messages) assert(/: going on after epoch \d$/.test(message), message);
      assertEquals(listFiles(folder).filter((path) => /unfinished|damaged/.test(path)), []);
    });
  }
});

Deno.test("run() aborted while it measures keeps what was trained and evaluated", async () => {
  await withPlace(async ({ folder, compute, epochs }) => {
    const { reason, options } = abortAt(1, "measures of");
    assertStrictEquals(await assertRejects(() => compute(STUDY, options)), reason);
    const trained = epochs.length;
    const { computedRuns } = await compute();
    assertEquals([trained, epochs.length, computedRuns], [3 * RUNS, 3 * RUNS, RUNS]);
    assertSame(await contents(folder), await uninterrupted());
  });
});

Deno.test("run() aborted before it starts computes nothing", async () => {
  await withPlace(async ({ folder, compute }) => {
    const reason = new Error("not today");
    const signal = AbortSignal.abort(reason);
    assertStrictEquals(await assertRejects(() => compute(STUDY, { signal })), reason);
    assertEquals([...(await contents(folder)).keys()], []);
  });
});

Deno.test("run() twice at once shares the work", async () => {
  await withPlace(async ({ folder, compute, epochs, messages }) => {
    const outcomes = await Promise.all([compute(), compute()]);
    assertEquals(outcomes.map(({ missingRuns }) => missingRuns), [0, 0]);
    assertEquals(outcomes.reduce((sum, { computedRuns }) => sum + computedRuns, 0), RUNS);
    assertEquals(outcomes.map(({ records }) => records.length), [RUNS, RUNS]);
    // Every epoch of every trajectory was trained once, by one of the two.
    assertEquals([epochs.length, new Set(epochs).size, messages], [3 * RUNS, 3 * RUNS, []]);
    assertSame(await contents(folder), await uninterrupted());
  });
});

Deno.test("run() waits for what another holds, unless told not to; aborting ends the wait", async () => {
  await withPlace(async ({ folder, messages, options, compute }) => {
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
    const waiting = abortAt(1, "waiting for another process to finish 1 runs");
    const error = await assertRejects(() => compute(STUDY, waiting.options));
    assertStrictEquals(error, waiting.reason);
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
    assertSame(await contents(folder), await uninterrupted());
  });
});

Deno.test("run() replaces losses of another machine by its own, and says so", async () => {
  const study = alone("AdaGrad", { stops: ["epochs:5"] });
  const wanted = await uninterrupted(study);
  await withPlace(async ({ folder, compute, messages, options: { folders } }) => {
    const { records: [record] } = await compute(alone("AdaGrad"));
    const [trajectory] = listTrajectories(study);
    const { content } = record!;
    const [first, second, third] = content.epochLosses;
    const elsewhere = [first!, second! + 1e-9, third!];
    await writeRecord(folders.results, trajectory!, {
      ...record!,
      content: { ...content, epochLosses: elsewhere },
    });
    // Nothing is wanted of it: it is believed.
    assertEquals((await compute(alone("AdaGrad"))).cachedRuns, 1);
    const { records: [replaced] } = await compute(study);
    assertEquals(messages, [
      "AdaGrad lr=0.1,batch=60,seed=0: going on after epoch 3",
      `AdaGrad lr=0.1,batch=60,seed=0: the loss of epoch 2 is ${second} here and was ` +
      `${second! + 1e-9} where it was computed before: its results are replaced by this machine's`,
    ]);
    assertEquals(replaced!.provenance.map(({ did, to }) => [did.split(" ")[0], to]), [
      ["trained", 5],
      ["measured", 5],
    ]);
    const found = await contents(folder);
    // The network of the stop before is still there.
    found.delete([...found.keys()].find((path) => path.includes("epoch=3"))!);
    assertSame(found, wanted);
  });
});

Deno.test("run() trains once where a measure is missing and its losses are another machine's", async () => {
  const stops = ["epochs:5", "epochs:2"];
  const study = alone("AdaGrad", { stops });
  const asked = alone("AdaGrad", {
    stops,
    measures: { first: ["weight-norm"], others: [] },
  });
  const wanted = await uninterrupted(asked);
  await withPlace(async ({ folder, compute, options: { folders } }) => {
    const { records: [record] } = await compute(study);
    const [trajectory] = listTrajectories(study);
    const epochLosses = record!.content.epochLosses.map((loss) => loss + 1e-9);
    await writeRecord(folders.results, trajectory!, {
      ...record!,
      content: { ...record!.content, epochLosses },
    });
    await Deno.remove(folders.models, { recursive: true });
    const { records: [replaced] } = await compute(asked);
    assertEquals(
      replaced!.provenance.filter(({ did }) => did === "trained").map(({ from, to }) => [from, to]),
      [[0, 5]],
    );
    assertSame(await contents(folder), wanted);
  });
});

Deno.test("run() comes to an end where all that is kept is another machine's", async () => {
  const study = (...stops: string[]): Study => alone("AdaGrad", { stops });
  const wanted = await uninterrupted(study("epochs:5", "epochs:2"));
  await withPlace(async ({ folder, compute, options: { folders } }) => {
    const { records: [record] } = await compute(study("epochs:5"));
    const [trajectory] = listTrajectories(study("epochs:5"));
    const losses = record!.content.epochLosses.map((loss) => loss + 1e-9);
    for (const epoch of [5, "latest"] as const) {
      const network = await readNetwork(folders.models, trajectory!, epoch, assert);
      const kept: KeptNetwork = { ...network!, epochLosses: losses };
      await writeNetwork(folders.models, trajectory!, kept, { latest: epoch === "latest" });
    }
    const content = { ...record!.content, epochLosses: losses };
    await writeRecord(folders.results, trajectory!, { ...record!, content });
    // Epoch 2 is trained here, whose losses are others: everything becomes this machine's.
    await compute(study("epochs:5", "epochs:2"));
    assertSame(await contents(folder), wanted);
  });
});

Deno.test("run() goes on from a newest state that contradicts the record only if it is its own", async () => {
  const [trajectory] = listTrajectories(alone("AdaGrad"));
  const { name, library } = (await openTiny()).engine.info;
  for (const [library2, trained] of [["another library", [0, 3]], [library, [2, 3]]] as const) {
    await withPlace(async ({ folder, compute, options: { folders } }) => {
      const { records: [record] } = await compute(alone("AdaGrad"));
      const latest = await readNetwork(folders.models, trajectory!, "latest", assert);
      const wanted = await contents(folder);
      const state: KeptNetwork = {
        ...latest!,
        epochLosses: record!.content.epochLosses.slice(0, 2).map((loss) => loss + 1e-9),
        engines: [{ name, library: library2 }],
      };
      await writeNetwork(folders.models, trajectory!, state, { latest: true });
      await removeNetwork(folders.models, trajectory!, 3);
      const { records: [again] } = await compute(alone("AdaGrad"), { networks: true });
      const last = again!.provenance.filter(({ did }) => did === "trained").at(-1)!;
      assertEquals([last.from, last.to], [library2 === library ? 0 : trained[0], 3]);
      // Another library's state is left alone, and the record stands as it was.
      if (library2 !== library) {
        assertEquals(again!.content, record!.content);
        assertSame(await contents(folder), wanted);
      } else assertEquals(again!.content.epochLosses.slice(0, 2), state.epochLosses);
    });
  }
});

Deno.test("run() counts what an interrupted process trained with what went on from it", async () => {
  const longer = alone("SGD", { stops: ["epochs:6"] });
  await withPlace(async ({ compute, options: { folders } }) => {
    const { records: [record] } = await compute(alone("SGD"));
    const { options } = abortAt(1, "epoch 5");
    await assertRejects(() => compute(longer, { ...options, checkpointSeconds: 0 }));
    const [trajectory] = listTrajectories(longer);
    const interrupted = await readNetwork(folders.models, trajectory!, "latest", assert);
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
    const latest = await readNetwork(folders.models, trajectory!, "latest", assert);
    assertEquals(latest!.engines, [own]);
    // As if the last epochs had been trained elsewhere.
    const elsewhere = { ...latest!, engines: [own, other] };
    await writeNetwork(folders.models, trajectory!, elsewhere, { latest: true });
    await removeNetwork(folders.models, trajectory!, 3);
    const { records: [whole] } = await compute(longer);
    const parts = whole!.provenance.filter(({ did }) => did === "trained");
    assertEquals(parts.map(({ engines }) => engines), [undefined, [other, own]]);
    const { engines } = (await readNetwork(folders.models, trajectory!, "latest", assert))!;
    assertEquals(engines, [other, own]);
  });
});

Deno.test("run() sets damaged files aside, says so, and computes them again", async () => {
  const wanted = await uninterrupted();
  await withPlace(async ({ folder, compute, messages }) => {
    await compute();
    for (const path of wanted.keys()) await Deno.truncate(`${folder}/${path}`, 100);
    await compute();
    // Every kind of file was needed and found damaged: records, newest states.
    assertEquals(
      messages.filter((text) => text.endsWith(", it will be computed again")).length,
      12,
    );
    assertSame(await contents(folder), wanted);
    assertEquals(listFiles(folder).filter((path) => path.includes(".damaged-1")).length, 12);
  });
});
