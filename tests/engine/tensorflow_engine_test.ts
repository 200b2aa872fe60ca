/**
 * The TensorFlow.js engine: stacks against float64 training by the optimizers' own
 * definitions, and what must not change a number: chunks, groups, ages.
 *
 * @module
 */
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import * as tf from "@tensorflow/tfjs-core";
import type { PerturbOptions } from "~/lib/engine/engine.ts";
import { openDevice } from "~/lib/engine/tensorflow/device.ts";
import { initialise } from "~/lib/model.ts";
import { assertAlmostEquals, assertEquals, assertLess, assertRejects } from "@std/assert";
import {
  hessianProducts,
  makeDataset,
  makeMember,
  makeSplit,
  randomDataset,
  referenceSplit,
  share,
  train,
  WHOLE,
} from "~/tests/fixtures/tiny_dataset.ts";
import { RAYS } from "~/tests/fixtures/reference_rays.ts";
import {
  furthest,
  trainingTolerance,
  trainReference,
} from "~/tests/fixtures/reference_training.ts";
import {
  FLOAT,
  SIZES,
  testBackends,
  WAYS,
  withEngine,
} from "~/tests/fixtures/tensorflow_fixture.ts";

/**
 * E, B, inputs, hidden units: every kind of access with rows and columns left over in every tile, which
 * depends on the size of the result: 32 x 32 (twice), 32 x 128 (forwards, then of gradients), 64 x 64,
 * 128 x 128. The CPU backend has no tiles.
 */
const STACKS = [
  ...[[3, 7, 5, 6], [2, 40, 12, 8], [132, 9, 68, 68]],
  ...[[132, 40, 68, 20], [66, 40, 68, 68], [66, 66, 133, 132]],
] as [number, number, number, number][];

for (const [place, [E, B, inputs, units]] of STACKS.entries()) {
  testBackends(`a stack follows float64: E, B, in, out = ${STACKS[place]}`, async (backend) => {
    const sizes = [inputs, units, inputs, 3];
    const dataset = randomDataset(sizes, B);
    const data = referenceSplit(dataset.train);
    const options = { sizes, batchSize: B, optimizer: "SGD" };
    await withEngine(backend, async (engine) => {
      const members = Array.from(
        { length: E },
        (_, seed) => makeMember(sizes, { seed, learningRate: 0.1, optimizer: "SGD" }),
      );
      const stack = await train(engine, options, { members, epochs: 1 });
      for (const index of new Set([0, 1, E - 1])) {
        const { parameters } = members[index]!;
        const run = { ...options, learningRate: 0.1, epochs: 1, parameters };
        const [expected, tolerance] = [trainReference(run, data), trainingTolerance(run, data)];
        assertLess(10 * tolerance.parameters, furthest(expected.parameters, parameters));
        assertLess(furthest(stack.losses.map((each) => each[index]!), expected.losses), FLOAT);
        const found = stack.members[index]!.parameters;
        assertLess(furthest(found, expected.parameters), tolerance.parameters + FLOAT);
      }
      // Larger tiles keep the order of every sum: the same bits alone.
      const alone = await train(engine, options, { members: [members[E - 1]!], epochs: 1 });
      assertEquals(alone.members[0]!.parameters, stack.members[E - 1]!.parameters);
    }, { dataset });
  }, place < 2 ? undefined : ["webgpu"]);
}

testBackends("the first of equal logits counts as the largest", (backend) => {
  // A network of zeros: all logits are equal, and so the first class is what it says.
  const dataset = makeDataset(makeSplit([9, 8, 7, 6, 5, 4], [0, 1, 2, 0, 1, 1]));
  return withEngine(backend, async (engine) => {
    const options = { split: "train" } as const;
    const [found] = await engine.evaluate([1, 3], [share([0, 0, 0, 0, 0, 0])], options);
    assertAlmostEquals(found!.accuracy, 1 / 3, FLOAT);
  }, { dataset });
});

testBackends("shift() reaches the end of a tensor of 17 million", async (backend) => {
  const device = await openDevice(backend);
  // More than 65,535 workgroups of 256 threads; no multiple of 4, so that each thread does one.
  const size = 65535 * 256 + 5;
  const x = tf.ones([1, 1, size]);
  const result = device.operations.shift(x, { bias: x, relu: false });
  const end = tf.slice(result, [0, 0, size - 6], [1, 1, 6]);
  assertEquals([...await device.read(end)], [2, 2, 2, 2, 2, 2]);
  tf.dispose([x, result, end]);
}, ["webgpu"]);

// --- Tensors and refusals ---

testBackends("neither tensors nor buffers are leaked", async (backend) => {
  const device = await openDevice(backend);
  const held = (): (number | undefined)[] => {
    device.flush();
    const { numTensors, numDataBuffers } = tf.memory();
    const { bufferManager } = tf.backend() as Partial<WebGPUBackend>;
    return [numTensors, numDataBuffers, bufferManager?.getNumUsedBuffers()];
  };
  const atStart = tf.memory().numTensors;
  for (const memory of [60_000, 2 ** 30]) {
    await withEngine(backend, async (engine) => {
      // Images go to the device when they are first used.
      for (const split of ["train", "test"] as const) {
        await engine.evaluate(SIZES, models, { split });
      }
      const before = held();
      for (const [name, run] of Object.entries(WAYS)) {
        await run(engine);
        assertEquals(held(), before, name);
      }
    }, { memory });
  }
  assertEquals(tf.memory().numTensors, atStart, "after close()");
});

// --- The full set ---

const OPTIONS: PerturbOptions = { seed: 11, rays: RAYS, frozen: true };
const models = [4, 5, 6].map((seed) => initialise(SIZES, seed));

testBackends("chunks and groups round only; a step of 0 is exactly the loss", async (backend) => {
  const results: number[][] = [];
  // The second memory takes one model, two vectors and a few rows at a time.
  for (const memory of [2 ** 30, 60_000]) {
    await withEngine(backend, async (engine) => {
      const plain = await engine.evaluate(SIZES, models, { split: "train" });
      const evaluations = await engine.evaluate(SIZES, models, {
        split: "train",
        gradient: "norm",
      });
      const found = await engine.perturbedLosses(SIZES, models, OPTIONS);
      for (const [index, { loss, losses, accuracies, frozen }] of found.entries()) {
        assertEquals(loss, plain[index]!.loss);
        assertEquals(accuracies[1]![1], plain[index]!.accuracy);
        for (const own of [losses, frozen]) assertEquals(own[1]![1], loss);
      }
      const products = await hessianProducts(engine, SIZES, models, [models, [], models]);
      results.push([
        ...evaluations.flatMap((each) => [each.loss, each.accuracy, each.gradientNorm]),
        ...found.flatMap(({ losses, frozen }) => [losses, frozen].flat(2)),
        ...(await engine.evaluate(SIZES, models, WHOLE)).flatMap(({ gradient }) => [...gradient]),
        ...products.flat().flatMap((product) => [...product]),
      ]);
    }, { memory });
  }
  const size = Math.max(...results[0]!.map(Math.abs));
  assertLess(furthest(results[1]!, results[0]!), 10 * FLOAT * (1 + size));
});

testBackends("work on a split that is aborted leaves no tensor", async (backend) => {
  await withEngine(backend, async (engine) => {
    const before = tf.memory().numTensors;
    const controller = new AbortController();
    const { signal } = controller;
    const onProgress = (): void => controller.abort(new Error("enough"));
    const cases = [
      () => engine.perturbedLosses(SIZES, models, { ...OPTIONS, signal, onProgress }),
      () => engine.evaluate(SIZES, models, { ...WHOLE, signal }),
      () => hessianProducts(engine, SIZES, models, [models, [], []], signal),
    ];
    for (const work of cases) {
      await assertRejects(work, Error, "enough");
      assertEquals(tf.memory().numTensors, before);
    }
  });
});
