/**
 * Steps that are enqueued once and repeated: the same numbers, and nothing is left behind.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Device, openDevice } from "~/lib/engine/tensorflow/device.ts";
import type { Steps } from "~/lib/engine/tensorflow/operations.ts";
import { uploadSplit } from "~/lib/engine/tensorflow/split.ts";
import { createTensorStack } from "~/lib/engine/tensorflow/stack.ts";
import { assertEquals } from "@std/assert";
import { SIZES, SMALL, testBackends } from "~/tests/fixtures/tensorflow_fixture.ts";
import { makeMember } from "~/tests/fixtures/tiny_dataset.ts";

const budget = { bytes: 2 ** 30, tensorBytes: 2 ** 30 };

/** Trains two networks for three epochs, drops one, and trains the other for two more. */
async function trainPair(device: Device, optimizer: string): Promise<unknown> {
  // 70 rows in blocks of 32: batches of 16 begin in three blocks, the last one has 6 rows.
  const split = uploadSplit({ ...device, tensorBytes: 32 * SIZES[0]! }, SMALL.train);
  const members = [1, 2].map((seed) =>
    makeMember(SIZES, { seed, learningRate: 0.01 * seed, optimizer })
  );
  const options = { sizes: SIZES, batchSize: 16, optimizer, members, budget };
  const stack = createTensorStack(device, split, options);
  const losses = [];
  for (let epoch = 0; epoch < 3; epoch++) losses.push(await stack.trainEpoch());
  await stack.save();
  const first = members.map(({ parameters, state }) => [[...parameters], [...state]]);
  stack.retain([false, true]);
  for (let epoch = 0; epoch < 2; epoch++) losses.push(await stack.trainEpoch());
  await stack.save();
  stack.dispose();
  split.dispose();
  return [losses, first, members.map(({ parameters, state }) => [[...parameters], [...state]])];
}

/** The device, counting the steps whose work is enqueued anew; `undefined`: all are. */
function counting(device: Device, count: { steps: number } | undefined): Device {
  const openSteps: typeof device.operations.openSteps = (optimizer) => {
    const steps = count && device.operations.openSteps?.(optimizer);
    if (steps === undefined) return undefined;
    const take: Steps["take"] = (rows, kind, work) =>
      steps.take(rows, kind, () => {
        count!.steps++;
        work();
      });
    return { ...steps, take };
  };
  return { ...device, operations: { ...device.operations, openSteps } };
}

for (const optimizer of ["SGD", "AdaGrad"]) {
  testBackends(
    `${optimizer}'s steps are enqueued once a kind, and are to the bit what they were`,
    async () => {
      const device = await openDevice("webgpu");
      const count = { steps: 0 };
      const repeated = await trainPair(counting(device, count), optimizer);
      assertEquals(count.steps, 6, "three kinds, before and after a member was dropped");
      assertEquals(await trainPair(counting(device, undefined), optimizer), repeated);
    },
    ["webgpu"],
  );
}

testBackends(
  "a step on three layers is 14 launches with SGD, 24 with AdaGrad, the cursor's included",
  async () => {
    const device = await openDevice("webgpu");
    const backend = tf.backend() as WebGPUBackend;
    const run = backend.runWebGPUProgram;
    // 3 products forwards, 3 launches from logits to deltas, 2 products backwards, 3 gradients of
    // weights and 2 of biases, the cursor; AdaGrad has 2 more a tensor.
    for (const [optimizer, expected] of [["SGD", 14], ["AdaGrad", 24]] as const) {
      const split = uploadSplit(device, SMALL.train);
      const members = [makeMember(SIZES, { seed: 1, learningRate: 0.01, optimizer })];
      const options = { sizes: SIZES, batchSize: 35, optimizer, members, budget };
      const stack = createTensorStack(device, split, options);
      let launches = 0;
      backend.runWebGPUProgram = (...args) => {
        launches++;
        return run.apply(backend, args);
      };
      try {
        // The cursor is put back, and both batches are one step that is enqueued once.
        await stack.trainEpoch();
        assertEquals(launches, 1 + expected);
        await stack.trainEpoch();
        assertEquals(launches, 2 + expected);
      } finally {
        backend.runWebGPUProgram = run;
      }
      stack.dispose();
      split.dispose();
    }
  },
  ["webgpu"],
);

testBackends("an optimizer whose update makes new tensors has no steps to repeat", async () => {
  const device = await openDevice("webgpu");
  const count = { steps: 0 };
  for (const optimizer of ["SGD(momentum=0.9)", "Adam"]) {
    await trainPair(counting(device, count), optimizer);
  }
  assertEquals(count.steps, 0);
}, ["webgpu"]);

testBackends("steps leave neither tensors nor buffers", async () => {
  const device = await openDevice("webgpu");
  const used = (): number[] => {
    device.flush();
    const { bufferManager } = tf.backend() as WebGPUBackend;
    return [
      tf.memory().numTensors,
      tf.memory().numDataBuffers,
      bufferManager.getNumUsedBuffers(),
    ];
  };
  const before = used();
  for (const optimizer of ["SGD", "AdaGrad"]) await trainPair(device, optimizer);
  assertEquals(used(), before);
}, ["webgpu"]);
