/**
 * A GPU that cannot give a buffer: an error wherever the buffer was wanted, never zeros.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { Engine } from "~/lib/engine/engine.ts";
import { initialise } from "~/lib/model.ts";
import { assertGreater, assertRejects } from "@std/assert";
import { SIZES, testBackends, withEngine } from "~/tests/fixtures/tensorflow_fixture.ts";
import { hessianProducts } from "~/tests/fixtures/hessian_products.ts";
import { makeMember } from "~/tests/fixtures/tiny_dataset.ts";

const models = [1, 2].map((seed) => initialise(SIZES, seed));
const rays = [{ direction: 0, scaling: "global", steps: [1, -1] }] as const;

/** An epoch and a save. */
async function train(engine: Engine, optimizer: string): Promise<void> {
  const options = { sizes: SIZES, batchSize: 40, optimizer };
  const member = makeMember(SIZES, { seed: 1, learningRate: 0.01, optimizer });
  const stack = await engine.createStack(options, [member]);
  try {
    await stack.trainEpoch();
    await stack.save();
  } finally {
    stack.dispose();
  }
}

/** Every way through the engine. */
const WAYS: Readonly<Record<string, (engine: Engine) => Promise<unknown>>> = {
  "evaluate()": (engine) => engine.evaluate(SIZES, models, { split: "test", gradient: false }),
  "evaluate() with the gradient's norm": (engine) =>
    engine.evaluate(SIZES, models, { split: "train", gradient: true }),
  "perturbedLosses()": (engine) =>
    engine.perturbedLosses(SIZES, models, { seed: 1, rays, frozen: true }),
  "gradients()": (engine) => engine.gradients(SIZES, models),
  "openHessian()": (engine) => hessianProducts(engine, SIZES, [models[0]!], [models]),
  "a stack of SGD": (engine) => train(engine, "SGD"),
  "a stack of AdaGrad": (engine) => train(engine, "AdaGrad"),
  "a stack of Adam": (engine) => train(engine, "Adam"),
};

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
    assertGreater(buffers, 10);
    // Seven of them, from the first to the last.
    for (let n = 0; n < 7; n++) {
      const refused = Math.round(n * (buffers - 1) / 6);
      await withEngine("webgpu", async (engine) => {
        await assertRejects(
          () => refusing(refused, () => work(engine)),
          Error,
          undefined,
          `buffer ${refused} of ${buffers}`,
        );
      });
    }
  }, ["webgpu"]);
}
