/**
 * Studies of a tiny network on real images: shared, interrupted, damaged, and always the same bytes.
 *
 * @module
 */
import { join } from "node:path";
import { loadImagesLabels } from "~/lib/dataset.ts";
import { initialise } from "~/lib/model/layout.ts";
import { decodeModel } from "~/lib/model/model_file.ts";
import { getModelReady, openEngineOnData, plan, run, type RunOptions } from "~/lib/reproduce/run.ts";
import type { RunResult } from "~/lib/results/schema.ts";
import { runFiles } from "~/lib/results/run_files.ts";
import { listRuns, runPath } from "~/lib/study/study.ts";
import { trainOne } from "~/lib/trainer/train_one.ts";
import { tryLock } from "~/lib/files/lock.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertGreaterOrEqual,
  assertLess,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { ended, outputUntil, startScript } from "~/tests/fixtures/script.ts";
import { listFiles } from "~/tests/fixtures/temporary_folder.ts";
import {
  assertSame,
  change,
  contents,
  RUNS,
  STUDY,
  uninterrupted,
  withPlace,
} from "~/tests/fixtures/tiny_study.ts";

Deno.test("run() trains and measures every run of the grid, in its order", async () => {
  const { files, outcome } = await uninterrupted();
  const { results, cachedRuns, computedRuns } = outcome;
  assertEquals([cachedRuns, computedRuns, RUNS], [0, 4, 4]);
  assertEquals(results.map(({ run }) => run.config), listRuns(STUDY.grid));
  assertEquals(
    [...files.keys()].filter((path) => path.endsWith(".json")).length,
    results.length,
  );
  const { md5 } = await loadImagesLabels(1);
  for (const { run: { training, sharpness, data, protocol, engines }, timing } of results) {
    assertEquals(protocol, {
      ...STUDY.training,
      ...STUDY.sharpness,
      sizes: [...STUDY.training.sizes],
    });
    assertEquals(data, md5);
    assertEquals([engines.training.length, engines.training[0]], [1, engines.sharpness!]);
    assertEquals([training.epochs, training.epochLosses.length, training.stopped], [
      3,
      3,
      "epoch limit",
    ]);
    // 10 classes: at random the loss is about ln 10 and more, the accuracy 0.1; 0.278 is the floor.
    assert(training.trainLoss! > 0.2784 && training.trainLoss! < 2.4);
    assert(training.trainAccuracy! > 0.1 && training.testAccuracy! > 0.08);
    assertEquals(sharpness!.samples.length, 3);
    // The loss by way of the record's gradient and by way of the sampler is one sum in two orders.
    assert(Math.abs(sharpness!.loss - training.trainLoss!) < 1e-12);
    assertEquals(timing.threads, 2);
    assertGreater(timing.trainSeconds, 0);
  }
});

Deno.test("run() gives each run the network and record that training it alone gives", async () => {
  const { files, outcome } = await uninterrupted();
  const { engine, data } = await openEngineOnData(STUDY, { engine: "cpu", threads: 1 });
  try {
    for (const { run } of outcome.results) {
      const parameters = initialise(STUDY.training.sizes, run.config.seed);
      const protocol = STUDY.training;
      const alone = await trainOne({ engine, data }, { config: run.config, protocol, parameters });
      assertEquals(alone.training, run.training);
      const path = [...files.keys()].find((each) =>
        each.endsWith(`${runPath(run.config)}.safetensors`)
      );
      assertEquals(decodeModel(files.get(path!) as Uint8Array, path!).parameters, parameters);
    }
  } finally {
    await engine.close();
  }
});

Deno.test("run() gives the same bytes on 1 thread and in another order", async () => {
  const { files: wanted } = await uninterrupted();
  const seeds = change({ grid: { seeds: [1, 0] } });
  await withPlace(async ({ folder, compute }) => {
    await compute(STUDY, { threads: 1 });
    assertSame(await contents(folder), wanted);
    // The same runs among others, which come first.
    await Deno.remove(folder, { recursive: true });
    await compute({
      ...seeds,
      grid: {
        ...seeds.grid,
        optimizers: ["AdaGrad", "SGD"],
        effects: ["batch-size", "learning-rate"],
      },
    });
    const found = await contents(folder);
    assertEquals(found.size, 2 * wanted.size);
    assertSame(new Map([...found].filter(([path]) => path.includes("seed=0"))), wanted);
  });
});

Deno.test("run() computes nothing where all results exist, and loads no data for it", async () => {
  await withPlace(async ({ folder, messages, compute }) => {
    const first = await compute();
    const before = await contents(folder);
    const start = performance.now();
    const nowhere = { data: join(folder, "no such data"), engine: "cpu:blas" } as const;
    const second = await compute(STUDY, nowhere);
    assertLess(performance.now() - start, 5000);
    assertEquals(second, { results: first.results, cachedRuns: RUNS, computedRuns: 0 });
    assertSame(await contents(folder), before);
    assertEquals(messages, []);
    // More seeds: only those are computed.
    const more = await compute(change({ grid: { seeds: [0, 1] } }));
    assertEquals([more.cachedRuns, more.computedRuns], [RUNS, RUNS]);
    // Other directions: the models are there, they are only measured.
    const models = async (): Promise<Map<string, unknown>> =>
      new Map([...await contents(folder)].filter(([path]) => path.startsWith("models")));
    const trained = await models();
    const epochs: string[] = [];
    const further = await compute({ ...STUDY, sharpness: { ...STUDY.sharpness, directions: 4 } }, {
      onProgress: ({ message }) => void (message.includes("epoch") && epochs.push(message)),
    });
    assertEquals([further.computedRuns, epochs], [RUNS, []]);
    assertSame(await models(), trained);
    for (const [index, { run }] of further.results.entries()) {
      assertEquals(
        run.sharpness!.samples.slice(0, 3),
        first.results[index]!.run.sharpness!.samples,
      );
    }
  });
});

Deno.test("run() with fresh computes again what exists, and says so", async () => {
  const { files: wanted } = await uninterrupted();
  await withPlace(async ({ folder, messages, compute }) => {
    await compute();
    const { cachedRuns, computedRuns } = await compute(STUDY, { fresh: true });
    assertEquals([cachedRuns, computedRuns], [0, RUNS]);
    assertEquals(messages, ["Removing the results and models of 4 runs to compute them again"]);
    assertSame(await contents(folder), wanted);
  });
});

Deno.test("plan() tells which runs are cached, and writes nothing", async () => {
  await withPlace(async ({ folder, options, compute }) => {
    const before = await plan(STUDY, options);
    assertEquals(before.runs.map(({ config }) => config), listRuns(STUDY.grid));
    assertEquals(before.runs.map(({ cached }) => cached), Array(RUNS).fill(false));
    assertGreater(before.secondsOfMissing, 0);
    assertEquals(listFiles(folder), []);
    await compute(change({ grid: { optimizers: ["SGD"] } }));
    const after = await plan(STUDY, options);
    assertEquals(
      after.runs.filter(({ cached }) => cached).map(({ config }) => config.optimizer),
      ["SGD", "SGD"],
    );
    assertLess(after.secondsOfMissing, before.secondsOfMissing);
    await Deno.writeTextFile(
      runFiles(STUDY, listRuns(STUDY.grid)[0]!, options.folders!).result,
      "",
    );
    const damaged = await plan(STUDY, options);
    assertEquals(damaged.runs.map(({ cached }) => cached), [false, false, true, false]);
    assertEquals(listFiles(folder).filter((path) => path.includes("damaged")), []);
  });
});

Deno.test("run() of a study that cannot be, or without data, writes nothing", async () => {
  await withPlace(async ({ folder, compute }) => {
    await assertRejects(() => compute(change({ training: { images: 0 } })), RangeError);
    await assertRejects(() => compute(change({ training: { sizes: [12, 10] } })), RangeError);
    await assertRejects(() => compute(change({ grid: { seeds: [] } })), RangeError);
    await assertRejects(() => compute(STUDY, { data: join(folder, "nowhere") }), RangeError);
    await assertRejects(() => compute(STUDY, { threads: 0 }), RangeError);
    assertEquals(listFiles(folder), []);
  });
});

/** Aborts with a reason when a progress message contains `text` for the `times`-th time. */
function abortAt(text: string, times: number): {
  reason: Error;
  options: Pick<RunOptions, "signal" | "onProgress">;
} {
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

Deno.test("run() aborted anywhere and started again ends with the uninterrupted bytes", async () => {
  const { files: wanted } = await uninterrupted();
  // In the first epoch, in the last run, while measuring.
  for (
    const [text, times] of [["epoch", 1], ["epoch", 10], ["sharpness", 1]] as const
  ) {
    await withPlace(async ({ folder, messages, compute }) => {
      const { reason, options } = abortAt(text, times);
      const error = await assertRejects(() => compute(STUDY, options));
      assertStrictEquals(error, reason, `${text} ${times}`);
      const kept = [...(await contents(folder)).keys()];
      // Two threads were at work: every run begun and not finished has a checkpoint.
      assertGreaterOrEqual(kept.length, 1);
      assertEquals(kept.filter((path) => path.endsWith(".json")), []);
      await compute();
      assertSame(await contents(folder), wanted);
      // Locks were released in order: nothing is said to have been abandoned.
      const resumed = kept.filter((path) => path.includes(".checkpoint.")).length;
      assertEquals(
        messages.filter((message) => /: going on after epoch \d$/.test(message)).length,
        resumed,
      );
      assertEquals(messages.length, resumed);
    });
  }
});

Deno.test("run() aborted before it starts computes nothing", async () => {
  await withPlace(async ({ folder, compute }) => {
    const reason = new Error("not today");
    const error = await assertRejects(() => compute(STUDY, { signal: AbortSignal.abort(reason) }));
    assertStrictEquals(error, reason);
    assertEquals([...(await contents(folder)).keys()], []);
  });
});

/** Runs the study in a process of its own, a checkpoint after every epoch. */
function startStudy(folder: string): Deno.ChildProcess {
  return startScript(
    `
    import { run } from "~/lib/reproduce/run.ts";
    const [models, results, study] = Deno.args;
    const { cachedRuns, computedRuns } = await run(JSON.parse(study), {
      folders: { models, results },
      engine: "cpu",
      threads: 1,
      checkpointSeconds: 0,
      onProgress: ({ message }) => console.log(message),
    });
    console.log(JSON.stringify({ cachedRuns, computedRuns }));`,
    [join(folder, "models"), join(folder, "results"), JSON.stringify(STUDY)],
  );
}

Deno.test("run() in two processes at once shares the work", async () => {
  const { files: wanted } = await uninterrupted();
  await withPlace(async ({ folder }) => {
    const processes = await Promise.all([0, 1].map(() => ended(startStudy(folder))));
    let computed = 0;
    for (const { code, stdout, stderr } of processes) {
      assertEquals([code, stderr], [0, ""]);
      const told = JSON.parse(stdout.trim().split("\n").at(-1)!);
      computed += told.computedRuns;
    }
    assertEquals(computed, RUNS);
    // Every epoch of every run was trained once, by one of the two.
    const epochs = processes.flatMap(({ stdout }) => stdout.match(/\S+: epoch \d/g) ?? []);
    assertEquals(epochs.length, 3 * RUNS);
    assertEquals(new Set(epochs).size, 3 * RUNS);
    assertSame(await contents(folder), wanted);
  });
});

Deno.test("run() after kill -9 takes over and goes on from the checkpoint", async () => {
  const { files: wanted } = await uninterrupted();
  await withPlace(async ({ folder, messages, compute }) => {
    const process = startStudy(folder);
    // The second epoch's end: the checkpoint of the first is there.
    const said = await outputUntil(process, "epoch 2");
    process.kill("SIGKILL");
    await process.status;
    const [, path] = said.match(/(\S+): epoch 2/)!;
    await compute();
    const [taken, going, ...more] = messages;
    assertStringIncludes(taken!, `${path}: taking over from process ${process.pid}, started `);
    assertStringIncludes(taken!, ", which ended without finishing");
    assert(going!.startsWith(`${path}: going on after epoch `), going);
    assertEquals(more, []);
    assertSame(await contents(folder), wanted);
  });
});

Deno.test("run() waits for a run that a living process holds; aborting ends the wait", async () => {
  const { files: wanted } = await uninterrupted();
  await withPlace(async ({ folder, messages, options, compute }) => {
    const held = listRuns(STUDY.grid)[1]!;
    const lock = await tryLock(runFiles(STUDY, held, options.folders!).lock);
    const waiting = abortAt("waiting for another process to finish 1 runs", 1);
    const error = await assertRejects(() => compute(STUDY, waiting.options));
    assertStrictEquals(error, waiting.reason);
    const files = await contents(folder);
    assertEquals([...files.keys()].filter((path) => path.endsWith(".json")).length, RUNS - 1);
    // Released while it is being waited for.
    let released = false;
    const { computedRuns, cachedRuns } = await compute(STUDY, {
      onProgress({ message }): void {
        if (message.startsWith("waiting") && !released) {
          released = true;
          lock!.release();
        }
      },
    });
    assertEquals([released, computedRuns, cachedRuns], [true, 1, RUNS - 1]);
    assertEquals(messages, []);
    assertSame(await contents(folder), wanted);
  });
});

Deno.test("run() records a run that diverges, counts it, and goes on with the study", async () => {
  await withPlace(async ({ folder, messages, options, compute }) => {
    const study = change({ grid: { effects: ["learning-rate"], learningRates: [0.1, 1e30] } });
    const { results, computedRuns } = await compute(study, { checkpointSeconds: 0 });
    const byRate = (optimizer: string, rate: number): RunResult =>
      results.map(({ run }) => run).find(({ config }) =>
        config.optimizer === optimizer && config.learningRate === rate
      )!;
    const wild = byRate("SGD", 1e30);
    assertEquals(wild.training.stopped, "diverged");
    // Every loss that is kept is finite: the epoch that diverged is not part of the record.
    assertEquals(wild.training.epochLosses.length, wild.training.epochs);
    assert(wild.training.epochs < 3);
    for (const key of ["trainLoss", "testLoss", "gradientNorm", "weightNorm"] as const) {
      assertEquals(wild.training[key], null);
    }
    assertEquals([wild.sharpness, wild.engines.sharpness], [null, null]);
    assertStringIncludes(
      messages.join("\n"),
      "SGD/lr=1e+30,batch=100,seed=0: training diverged in epoch " +
        `${wild.training.epochs + 1}; recorded as such`,
    );
    // The others are as ever.
    const { files: wanted } = await uninterrupted();
    for (const optimizer of ["SGD", "AdaGrad"]) {
      const path = `${optimizer}/lr=0.1,batch=100,seed=0.json`;
      const known = [...wanted].find(([each]) => each.endsWith(path))![1];
      assertEquals(byRate(optimizer, 0.1), known as RunResult);
    }
    assertEquals(computedRuns, 4);
    assertEquals(listFiles(folder).filter((path) => /lr=1e\+30.*safetensors/.test(path)), []);
    // It is a result like any other: not computed again.
    const again = await run(study, options);
    assertEquals([again.cachedRuns, again.computedRuns], [4, 0]);
  });
});

Deno.test("run() leaves no checkpoint of a run that diverges after its first epoch", async () => {
  await withPlace(async ({ folder, messages, compute }) => {
    // One batch an epoch: the loss is finite until the step that follows it.
    const grid = { optimizers: ["SGD"], batchSizes: [200], baseLearningRate: 1e30 } as const;
    const study = change({ grid: { ...grid, effects: ["batch-size"] } });
    const { results, computedRuns } = await compute(study, { checkpointSeconds: 0 });
    assertEquals(messages, [
      "SGD/lr=1e+30,batch=200,seed=0: training diverged in epoch 2; recorded as such",
    ]);
    assertEquals([results[0]!.run.training.epochs, computedRuns], [1, 1]);
    assertEquals(listFiles(folder).filter((path) => path.includes("safetensors")), []);
  });
});

Deno.test("run() replaces damaged results and models by the same bytes, and names them", async () => {
  const { files: wanted } = await uninterrupted();
  await withPlace(async ({ folder, messages, options, compute }) => {
    await compute();
    const [first, second, third] = listRuns(STUDY.grid).map((config) =>
      runFiles(STUDY, config, options.folders!)
    );
    // A torn result; one run's result in another's place; a result and its model flipped.
    await Deno.truncate(first!.result, 100);
    await Deno.copyFile(third!.result, second!.result);
    await Deno.remove(third!.result);
    const model = await Deno.readFile(third!.model);
    model[model.length - 100]! ^= 4;
    await Deno.writeFile(third!.model, model);
    const { cachedRuns, computedRuns } = await compute();
    assertEquals([cachedRuns, computedRuns], [1, 3]);
    assertEquals(messages.length, 3);
    for (const path of [first!.result, second!.result, third!.model]) {
      assert(
        messages.some((message) => message.includes(`; set aside as ${path}.damaged-1, `)),
        path,
      );
    }
    assertSame(await contents(folder), wanted);
  });
});

Deno.test("getModelReady() trains a run's network once, the one that run() trains", async () => {
  const { files: wanted } = await uninterrupted();
  await withPlace(async ({ folder, messages, options }) => {
    const config = listRuns(STUDY.grid)[2]!;
    const [path, bytes] = [...wanted].find(([each]) =>
      each.endsWith(`${runPath(config)}.safetensors`)
    )!;
    const { parameters } = decodeModel(bytes as Uint8Array, path);
    assertEquals(await getModelReady(STUDY, config, options), parameters);
    assertSame(await contents(folder), new Map([[path, bytes]]));
    // From the file now: no data are needed.
    const nowhere = { ...options, data: join(folder, "nowhere") };
    assertEquals(await getModelReady(STUDY, config, nowhere), parameters);
    assertEquals(messages, []);
    // Where a result is there and its model is not, the model is trained again.
    await run(STUDY, options);
    await Deno.remove(join(folder, path));
    assertEquals(await getModelReady(STUDY, config, options), parameters);
    assertSame(await contents(folder), wanted);
  });
});

Deno.test("getModelReady() says why there is no network", async () => {
  await withPlace(async ({ folder, options }) => {
    const config = { ...listRuns(STUDY.grid)[0]!, learningRate: 1e30 };
    const name = "SGD/lr=1e+30,batch=100,seed=0";
    assertEquals(
      (await assertRejects(() => getModelReady(STUDY, config, options), TypeError)).message,
      `Cannot get the model of ${name} ready as its training diverged`,
    );
    await Deno.remove(join(folder, "results"), { recursive: true });
    const lock = await tryLock(runFiles(STUDY, config, options.folders!).lock);
    assertEquals(
      (await assertRejects(() => getModelReady(STUDY, config, options), TypeError)).message,
      `Cannot get the model of ${name} ready as another process trains it: wait for that to end`,
    );
    lock!.release();
    await assertRejects(() => getModelReady(STUDY, { ...config, seed: -1 }, options), RangeError);
  });
});

Deno.test("run() with no epochs keeps the initial networks", async () => {
  await withPlace(async ({ folder, compute }) => {
    const study = change({ grid: { optimizers: ["SGD"] }, training: { maxEpochs: 0 } });
    const { results } = await compute(study);
    assertEquals(results.length, 2);
    for (const { run: { training, config } } of results) {
      assertEquals([training.epochs, training.epochLosses, training.stopped], [
        0,
        [],
        "epoch limit",
      ]);
      const path = [...(await contents(folder)).keys()].find((each) =>
        each.endsWith(`${runPath(config)}.safetensors`)
      )!;
      const { parameters } = decodeModel(await Deno.readFile(join(folder, path)), path);
      assertEquals(parameters, initialise(STUDY.training.sizes, 0));
    }
  });
});
