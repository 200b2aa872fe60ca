/**
 * The trainer on a stub engine, and resuming on the real one.
 *
 * @module
 */
import { createCpuEngine } from "~/lib/engine/cpu/cpu_engine.ts";
import type { Engine } from "~/lib/engine/engine.ts";
import { OPTIMIZERS } from "~/lib/optimizer/optimizer.ts";
import { learn, type Learner, type LearnOptions, type Stopped } from "~/lib/trainer/learn.ts";
import {
  assert,
  assertEquals,
  assertGreater,
  assertLessOrEqual,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { stubEngine, stubMember } from "~/tests/fixtures/stub_engine.ts";
import { makeMember, randomDataset, share } from "~/tests/fixtures/tiny_dataset.ts";

const PROTOCOL = {
  sizes: [1, 1],
  batchSize: 1,
  optimizer: "SGD",
  images: 1,
  maxEpochs: 6,
  stopping: "consecutive",
  stoppingCriterion: 0.25,
  stoppingCriterionEpochs: 2,
} as const;

function stubLearner(w: number, learningRate = 0): Learner {
  return { learningRate, ...stubMember(w), epochLosses: [], seconds: 0 };
}

/** Trains to the end; gives what was finished in order. */
async function finishAll(
  engine: Engine,
  learners: readonly Learner[],
  options: Partial<LearnOptions> & Partial<Record<keyof typeof PROTOCOL, unknown>> = {},
): Promise<{ index: number; stopped: Stopped; parameters: Float32Array; epochs: number }[]> {
  const finished: { index: number; stopped: Stopped; parameters: Float32Array; epochs: number }[] =
    [];
  await learn(engine, learners, {
    ...PROTOCOL,
    onFinish(learner, stopped): Promise<void> {
      const { parameters, epochLosses } = learner;
      const index = learners.indexOf(learner);
      finished.push({ index, stopped, parameters: parameters.slice(), epochs: epochLosses.length });
      return Promise.resolve();
    },
    ...options as Partial<typeof PROTOCOL>,
  });
  return finished;
}

/** Losses by a member's w and the epoch, as a table. */
const CURVES: Record<number, number[]> = {
  1: [9, 8, 7, 6, 5, 4], // improves to the end
  2: [3, 3, 3, 3, 3, 3], // has converged after 3 epochs
  3: [5, NaN, 5, 5, 5, 5],
  4: [5, 4, Infinity, 5, 5, 5],
  5: [5, 4, 3, 3, 3, 3], // has converged after 5
};
const fromCurves = (w: number, epoch: number): number => CURVES[Math.round(w)]![epoch - 1]!;

Deno.test("learn() trains in lock-step; who is done leaves, the others go on", async () => {
  const engine = stubEngine(fromCurves);
  const learners = [1, 2, 3, 4, 5].map((w) => stubLearner(w));
  const finished = await finishAll(engine, learners);
  assertEquals(
    finished.map(({ index, stopped, epochs }) => [index + 1, stopped, epochs]),
    // The epoch that diverged is not part of the record.
    [
      [3, "diverged", 1],
      [2, "converged", 3],
      [4, "diverged", 2],
      [5, "converged", 5],
      [1, "epoch limit", 6],
    ],
  );
  for (const [index, { epochLosses }] of learners.entries()) {
    assertEquals(epochLosses, CURVES[index + 1]!.slice(0, epochLosses.length));
  }
  assertEquals(engine.calls, [
    "create 5",
    "epoch 5",
    "epoch 5",
    "save",
    "retain 11011",
    "epoch 4",
    "save",
    "retain 1001",
    "epoch 2",
    "epoch 2",
    "save",
    "retain 10",
    "epoch 1",
    "save",
    "retain 0",
    "dispose",
  ]);
});

Deno.test("learn() gives onFinish the parameters after the last epoch, and no earlier ones", async () => {
  // w (1 - 1/4)^n for learning rate 256; float32 holds powers of 3/4 up to the 15th exactly.
  const learner = stubLearner(1, 256);
  const [finished] = await finishAll(stubEngine(), [learner], { stoppingCriterion: 0 });
  assertEquals(finished!.parameters[0], 0.75 ** 6);
  assertEquals(learner.epochLosses, [1, 2, 3, 4, 5, 6].map((n) => 0.75 ** n));
});

Deno.test("learn() of zero epochs, or of learners that are done, asks the engine nothing", async () => {
  const engine = stubEngine();
  assertEquals(
    (await finishAll(engine, [stubLearner(7)], { maxEpochs: 0 })).map((each) => each.stopped),
    ["epoch limit"],
  );
  const done = { ...stubLearner(7), epochLosses: [3, 3, 3] };
  assertEquals((await finishAll(engine, [done])).map((each) => each.stopped), ["converged"]);
  assertEquals(await finishAll(engine, []), []);
  assertEquals(engine.calls, []);
  assertEquals(done.parameters[0], 7);
});

Deno.test("learn() goes on with the others where one is done already", async () => {
  const engine = stubEngine(fromCurves);
  const done = { ...stubLearner(2), epochLosses: [3, 3, 3] };
  const finished = await finishAll(engine, [stubLearner(1), done]);
  assertEquals(finished.map(({ index, epochs }) => [index, epochs]), [[1, 3], [0, 6]]);
  assertEquals(engine.calls.slice(0, 2), ["create 1", "epoch 1"]);
});

Deno.test("learn() counts epochs by the rule that it is told", async () => {
  const curve = [4, 3, 3, 2, 2, 2];
  const epochs = async (stopping: string): Promise<number> =>
    (await finishAll(stubEngine((_, epoch) => curve[epoch - 1]!), [stubLearner(1)], { stopping }))[
      0
    ]!.epochs;
  assertEquals(await epochs("consecutive"), 6);
  assertEquals(await epochs("cumulative"), 5);
});

Deno.test("learn() tells onEpoch the learners that trained, their losses added", async () => {
  const seen: number[][] = [];
  await finishAll(stubEngine(fromCurves), [5, 2].map((w) => stubLearner(w)), {
    onEpoch: (learners) => void seen.push(learners.map(({ epochLosses }) => epochLosses.at(-1)!)),
  });
  assertEquals(seen, [[5, 3], [4, 3], [3, 3], [3], [3]]);
});

Deno.test("learn() divides a stack's wall time equally among its members", async () => {
  const learners = [1, 2].map((w) => stubLearner(w));
  const start = performance.now();
  await finishAll(stubEngine(fromCurves), learners);
  const seconds = (performance.now() - start) / 1000;
  const [long, short] = learners;
  assertGreater(short!.seconds, 0);
  assertGreater(long!.seconds, short!.seconds);
  assertLessOrEqual(long!.seconds + short!.seconds, seconds);
});

Deno.test("learn() keeps checkpoints as often as told", async () => {
  for (const [checkpointSeconds, expected] of [[0, [1, 2, 3, 4, 5]], [Infinity, []]] as const) {
    const epochs: number[] = [];
    await finishAll(stubEngine(fromCurves), [stubLearner(1)], {
      checkpointSeconds,
      onCheckpoint: ([learner]): Promise<void> => {
        epochs.push(learner!.epochLosses.length);
        return Promise.resolve();
      },
    });
    // The last epoch's model makes a checkpoint needless.
    assertEquals(epochs, [...expected]);
  }
});

Deno.test("learn() ends with a checkpoint of the epoch in progress when it is aborted", async () => {
  const engine = stubEngine(fromCurves);
  const controller = new AbortController();
  const reason = new Error("enough");
  const learners = [1, 2].map((w) => stubLearner(w, 256));
  const kept: number[][] = [];
  const error = await assertRejects(() =>
    finishAll(engine, learners, {
      signal: controller.signal,
      checkpointSeconds: Infinity,
      onEpoch: ([{ epochLosses }]) => epochLosses.length === 2 && controller.abort(reason),
      onCheckpoint: (members): Promise<void> => {
        kept.push(members.map(({ parameters }) => parameters[0]!));
        return Promise.resolve();
      },
    })
  );
  assertStrictEquals(error, reason);
  assertEquals(kept, [[0.75 ** 2, 2 * 0.75 ** 2]]);
  assertEquals(engine.calls, ["create 2", "epoch 2", "epoch 2", "save", "dispose"]);
});

Deno.test("learn() finishes what its last epoch finished, aborted or not", async () => {
  const controller = new AbortController();
  const finished = await finishAll(stubEngine(fromCurves), [stubLearner(1)], {
    signal: controller.signal,
    onEpoch: ([{ epochLosses }]) => epochLosses.length === 6 && controller.abort(),
  });
  assertEquals(finished.map(({ stopped }) => stopped), ["epoch limit"]);
});

Deno.test("learn() frees the stack when a callback or the engine fails", async () => {
  for (const failing of ["onFinish", "onCheckpoint", "onEpoch", "engine"]) {
    const fail = (): never => {
      throw new Error(`no ${failing}`);
    };
    const engine = stubEngine(failing === "engine" ? fail : fromCurves);
    const error = await assertRejects(() =>
      finishAll(engine, [stubLearner(1)], {
        checkpointSeconds: failing === "onCheckpoint" ? 0 : Infinity,
        ...(failing === "engine" ? {} : { [failing]: fail }),
      })
    ) as Error;
    assertEquals(error.message, `no ${failing}`);
    assertEquals(engine.calls.at(-1), "dispose");
  }
});

Deno.test("learn() from any checkpoint ends with the bytes of training without a stop", async () => {
  const sizes = [6, 5, 3];
  const dataset = randomDataset(sizes, 40);
  const engine = await createCpuEngine({ dataset, threads: 1 });
  try {
    for (const optimizer of OPTIMIZERS) {
      const protocol = { sizes, optimizer, batchSize: 16, maxEpochs: 5, stoppingCriterion: 0 };
      const start = (): Learner => ({
        ...makeMember(sizes, { seed: 3, learningRate: 0.05, optimizer }),
        epochLosses: [],
        seconds: 0,
      });
      const copy = (
        { learningRate, parameters, state, epochLosses, seconds }: Learner,
      ): Learner => ({
        learningRate,
        parameters: share(parameters),
        state: share(state),
        epochLosses: [...epochLosses],
        seconds,
      });
      const checkpoints: Learner[] = [];
      const through = start();
      const [expected] = await finishAll(engine, [through], {
        ...protocol,
        checkpointSeconds: 0,
        onCheckpoint([learner]): Promise<void> {
          checkpoints.push(copy(learner!));
          return Promise.resolve();
        },
      });
      assertEquals(checkpoints.length, 4);
      const uninterrupted = start();
      const [plain] = await finishAll(engine, [uninterrupted], protocol);
      assertEquals(plain!.parameters, expected!.parameters);
      for (const checkpoint of checkpoints) {
        const [resumed] = await finishAll(engine, [checkpoint], protocol);
        assertEquals(resumed!.parameters, expected!.parameters);
        assertEquals(checkpoint.state, through.state);
        assertEquals(checkpoint.epochLosses, through.epochLosses);
      }
      // Training did something.
      assert(expected!.parameters.some((value, i) => value !== start().parameters[i]));
    }
  } finally {
    await engine.close();
  }
});
