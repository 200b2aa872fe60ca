/**
 * Devices of the TensorFlow.js engine: what fits on one, steps that are repeated, and buffers that
 * cannot be had.
 *
 * @module
 */
import { existsSync } from "node:fs";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import * as tf from "@tensorflow/tfjs-core";
import type { Engine, StackOptions } from "~/lib/engine/engine.ts";
import { openDevice } from "~/lib/engine/tensorflow/device.ts";
import { fitMembers, planSplit } from "~/lib/engine/tensorflow/memory.ts";
import { uploadSplit } from "~/lib/engine/tensorflow/pass.ts";
import {
  findRealGpu,
  isSoftware,
  requestAdapter,
  tfjsNodeHome,
} from "~/lib/engine/tensorflow/backends.ts";
import { createTensorStack } from "~/lib/engine/tensorflow/stack.ts";
import { createTensorFlowEngine } from "~/lib/engine/tensorflow/tensorflow_engine.ts";
import { MLP_1 } from "~/lib/model.ts";
import { assert, assertEquals, assertLess, assertRejects, assertThrows } from "@std/assert";
import { makeMember } from "~/tests/fixtures/tiny_dataset.ts";
import {
  SIZES,
  SMALL,
  testBackends,
  WAYS,
  withEngine,
} from "~/tests/fixtures/tensorflow_fixture.ts";

Deno.test("fitMembers() follows the bytes of a stack", () => {
  const options: StackOptions = { sizes: [100, 10, 2], batchSize: 8, optimizer: "AdaGrad" };
  // P = 1032; four vectors of P, and 8 rows of 2 (10 + 2) floats.
  const member = 4 * (4 * 1032 + 8 * 24);
  const budget = { bytes: 4 * 8 * 100 + 5 * member, tensorBytes: 2 ** 31 };
  assertEquals(fitMembers(options, 8, budget), 5);
  assertEquals(fitMembers(options, 8, { ...budget, bytes: budget.bytes - 1 }), 4);
  assertEquals(fitMembers({ ...options, optimizer: "SGD" }, 8, budget), 6);
  assertEquals(fitMembers({ ...options, optimizer: "SGD(momentum=0.9)" }, 8, budget), 5);
  assertEquals(fitMembers(options, 8, { ...budget, bytes: 0 }), 1);
  // The largest tensor is the first layer's weights, 4000 bytes a member.
  assertEquals(fitMembers(options, 8, { ...budget, tensorBytes: 11999 }), 2);
});

Deno.test("planSplit() cuts what does not fit", () => {
  const work = { models: 3, rows: 70 };
  const roomy = { bytes: 2 ** 40, tensorBytes: 2 ** 40 };
  assertEquals(planSplit(SIZES, work, roomy), { members: 3, rows: 70 });
  assertEquals(planSplit(SIZES, { ...work, tangents: true }, roomy), { members: 3, rows: 70 });
  const tight = { bytes: 50_000, tensorBytes: 2 ** 30 };
  const { members, rows } = planSplit(SIZES, work, tight);
  assert(members < 3 && rows < 70);
  assert(planSplit(SIZES, { ...work, tangents: true }, tight).rows < rows);
});

Deno.test("stackSize() follows the memory that the engine is given", async () => {
  const options = { sizes: SIZES, batchSize: 16, optimizer: "AdaGrad" };
  const sizes: number[] = [];
  for (const memory of [100_000, 200_000]) {
    await withEngine("cpu", (engine) => {
      sizes.push(engine.stackSize(options));
      return Promise.resolve();
    }, { memory });
  }
  assert(sizes[0]! > 1 && sizes[1]! > sizes[0]!, `${sizes}`);
  // The study's network, with the default of 4 GiB less the images: what the README says.
  const budget = { bytes: 4 * 2 ** 30 - 60_000 * 3072, tensorBytes: 2 ** 31 };
  const study = { sizes: MLP_1, batchSize: 128, optimizer: "AdaGrad" };
  assertEquals(fitMembers(study, 128, budget), 128);
});

Deno.test("createTensorFlowEngine() says how to install tfjs-node-gpu", {
  ignore: existsSync(tfjsNodeHome("tfjs-node-gpu")),
}, async () => {
  await assertRejects(
    () => createTensorFlowEngine("tfjs-node-gpu", { dataset: SMALL }),
    Error,
    "Cannot use tfjs-node-gpu as it is not installed: run `deno task setup:gpu` to install it",
  );
});

Deno.test("uploadSplit() refuses images that no tensor of the device holds", async () => {
  const device = { ...await openDevice("cpu"), tensorBytes: 4 * 70 * 21 - 1 };
  const { message } = assertThrows(() => uploadSplit(device, SMALL.train), Error);
  assertEquals(
    message,
    "Cannot use the device as it must hold the images, 5880 bytes, in one tensor: the largest that " +
      "it takes has 5879",
  );
});

Deno.test("findRealGpu() counts no software rasteriser", async () => {
  const adapter = await requestAdapter();
  assertEquals(await findRealGpu() === undefined, adapter === null || isSoftware(adapter));
});

Deno.test("isSoftware() tells rasterisers by flag and by name", () => {
  const adapter = (info: Partial<GPUAdapterInfo>): GPUAdapter => ({ info }) as GPUAdapter;
  assert(isSoftware(adapter({ description: "llvmpipe (LLVM 15.0.6, 256 bits)" })));
  assert(isSoftware(adapter({ description: "SwiftShader Device (Subzero)" })));
  assert(isSoftware(adapter({ description: "Microsoft Basic Render Driver" })));
  assert(isSoftware(adapter({ description: "GPU", isFallbackAdapter: true })));
  assert(!isSoftware(adapter({ description: "NVIDIA H100 80GB HBM3", isFallbackAdapter: false })));
  assert(!isSoftware(adapter({ vendor: "apple", architecture: "metal-3" })));
});

/** Trains two networks for three epochs, drops one, and trains the other for two more. */
async function trainPair(engine: Engine, optimizer: string): Promise<unknown> {
  const members = [1, 2].map((seed) =>
    makeMember(SIZES, { seed, learningRate: 0.01 * seed, optimizer })
  );
  const found = (): unknown =>
    members.map(({ parameters, state }) => [[...parameters], [...state]]);
  // 70 rows: the last batch has 6.
  const stack = await engine.createStack({ sizes: SIZES, batchSize: 16, optimizer }, members);
  const losses = [await stack.trainEpoch(), await stack.trainEpoch(), await stack.trainEpoch()];
  await stack.save();
  const first = found();
  stack.retain([false, true]);
  losses.push(await stack.trainEpoch(), await stack.trainEpoch());
  await stack.save();
  stack.dispose();
  return [losses, first, found()];
}

/** Counts the kernels that TensorFlow.js's backend is asked for. */
async function countLaunches(work: () => Promise<unknown>): Promise<number> {
  const backend = tf.backend() as WebGPUBackend;
  const run = backend.runWebGPUProgram;
  let launches = 0;
  backend.runWebGPUProgram = (...args) => {
    launches++;
    return run.apply(backend, args);
  };
  try {
    await work();
  } finally {
    backend.runWebGPUProgram = run;
  }
  return launches;
}

testBackends("steps that are enqueued again are to the bit what they were", async () => {
  for (const optimizer of ["SGD", "AdaGrad"]) {
    await withEngine("webgpu", async (engine) => {
      const repeated = await trainPair(engine, optimizer);
      const device = await openDevice("webgpu");
      const { openSteps: _, ...operations } = device.operations;
      const train = uploadSplit(device, SMALL.train);
      const createStack: Engine["createStack"] = (options, members) =>
        Promise.resolve(
          createTensorStack({ ...device, operations }, train, { ...options, members }),
        );
      assertEquals(await trainPair({ ...engine, createStack }, optimizer), repeated);
      tf.dispose([train.images, train.labels]);
    });
  }
}, ["webgpu"]);

testBackends(
  "a step on three layers is 14 launches with SGD, 24 with AdaGrad, the cursor's included",
  async () => {
    await withEngine("webgpu", async (engine) => {
      // 3 products forwards, 3 launches from logits to deltas, 2 products backwards, 3 gradients of
      // weights and 2 of biases, the cursor; AdaGrad has 2 more a tensor.
      for (const [optimizer, expected] of [["SGD", 14], ["AdaGrad", 24]] as const) {
        const members = [makeMember(SIZES, { seed: 1, learningRate: 0.01, optimizer })];
        const stack = await engine.createStack({ sizes: SIZES, batchSize: 35, optimizer }, members);
        // The cursor is put back, and both batches are one step that is enqueued once.
        assertEquals(await countLaunches(() => stack.trainEpoch()), 1 + expected);
        assertEquals(await countLaunches(() => stack.trainEpoch()), 1);
        stack.dispose();
      }
    });
  },
  ["webgpu"],
);

/** Runs `work` while the device refuses the buffer that it is asked for as `refused`-th; counts them. */
async function refusing(refused: number, work: () => Promise<unknown>): Promise<number> {
  const { device } = tf.backend() as WebGPUBackend;
  const create = device.createBuffer;
  let asked = 0;
  device.createBuffer = (descriptor) => {
    if (asked++ !== refused) return create.call(device, descriptor);
    // The library sees a buffer of the size that it wanted, as it does when memory runs out.
    const size = 4 * Math.floor(device.limits.maxBufferSize / 4) + 4;
    const buffer = create.call(device, { ...descriptor, size });
    return Object.defineProperty(buffer, "size", { value: descriptor.size });
  };
  try {
    await work();
  } finally {
    device.createBuffer = create;
    // Late events are this run's, not the next one's.
    await device.queue.onSubmittedWorkDone();
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return asked;
}

for (const [name, work] of Object.entries(WAYS)) {
  testBackends(`${name} throws whichever buffer cannot be had`, async () => {
    let buffers = 0;
    await withEngine("webgpu", async (engine) => {
      await work(engine);
      buffers = await refusing(-1, () => work(engine));
    });
    assertLess(10, buffers);
    // Seven of them, from the first to the last.
    for (let n = 0; n < 7; n++) {
      const refused = Math.round(n * (buffers - 1) / 6);
      await withEngine("webgpu", async (engine) => {
        let hasThrown = false;
        const asked = await refusing(refused, () => work(engine).catch(() => hasThrown = true));
        // A wait for the device, which comes by time, may leave buffers to use again.
        assert(hasThrown || asked <= refused, `buffer ${refused} of ${buffers}`);
      });
    }
  }, ["webgpu"]);
}
