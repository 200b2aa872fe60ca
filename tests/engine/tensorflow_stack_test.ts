/**
 * What must not change a stack of the TensorFlow.js engine: its neighbours, saves, drops, chunks.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { createCpuEngine } from "~/lib/engine/cpu/cpu_engine.ts";
import type { Member, StackOptions } from "~/lib/engine/engine.ts";
import { fitBatch } from "~/lib/engine/tensorflow/memory.ts";
import { openDevice } from "~/lib/engine/tensorflow/device.ts";
import { uploadSplit } from "~/lib/engine/tensorflow/split.ts";
import { createTensorStack } from "~/lib/engine/tensorflow/stack.ts";
import { initialise, layoutLayers } from "~/lib/model.ts";
import { OPTIMIZER_NAMES } from "~/lib/optimizer.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  assertAllClose,
  FLOAT,
  SIZES,
  SMALL,
  testBackends,
  withEngine,
} from "~/tests/fixtures/tensorflow_fixture.ts";
import { hessianProducts } from "~/tests/fixtures/hessian_products.ts";
import { makeMember, share, train } from "~/tests/fixtures/tiny_dataset.ts";

/** Without state, with a kernel of its own on WebGPU, and without one. */
const OPTIMIZERS = ["SGD", "AdaGrad", "SGD(momentum=0.9)"];

const stackOptions = (optimizer: string, batchSize = 16): StackOptions => ({
  sizes: SIZES,
  batchSize,
  optimizer,
});

function makeMembers(optimizer: string, rates = [0.1, 0.01, 0.03], firstSeed = 0): Member[] {
  return rates.map((learningRate, index) =>
    makeMember(SIZES, { seed: firstSeed + index, learningRate, optimizer })
  );
}

/**
 * A seed whose network has no unit that is on in all rows of a batch of 35: such a unit's bias has a
 * gradient that is rounding alone, which AdaGrad and its like turn into full steps.
 */
const SOUND_SEED = 4;

testBackends("trainEpoch() agrees with the CPU engine", async (backend) => {
  const cpu = await createCpuEngine({ dataset: SMALL, threads: 1 });
  try {
    await withEngine(backend, async (engine) => {
      for (const optimizer of OPTIMIZER_NAMES) {
        const members = makeMembers(optimizer, [0.01], SOUND_SEED);
        const options = stackOptions(optimizer, 35);
        const expected = await train(cpu, options, { members, epochs: 4 });
        const actual = await train(engine, options, { members, epochs: 4 });
        // 8 steps, each of which adds its rounding.
        assertAllClose(actual.losses.flat(), expected.losses.flat(), 8 * FLOAT);
      }
    });
  } finally {
    await cpu.close();
  }
});

testBackends("a stack of 3 is 3 stacks of 1, to the bit", async (backend) => {
  await withEngine(backend, async (engine) => {
    for (const optimizer of OPTIMIZERS) {
      const members = makeMembers(optimizer);
      const together = await train(engine, stackOptions(optimizer), { members, epochs: 2 });
      for (const [index, member] of members.entries()) {
        const work = { members: [member], epochs: 2 };
        const alone = await train(engine, stackOptions(optimizer), work);
        assertEquals(alone.losses.flat(), together.losses.map((losses) => losses[index]!));
        assertEquals(alone.members[0], together.members[index]);
      }
    }
  });
});

testBackends("a member that diverges leaves the others as they are", async (backend) => {
  await withEngine(backend, async (engine) => {
    const [wild, tame] = makeMembers("SGD", [1e30, 0.05]);
    const options = stackOptions("SGD");
    const work = { members: [wild!, tame!, wild!], epochs: 3 };
    const together = await train(engine, options, work);
    const alone = await train(engine, options, { members: [tame!], epochs: 3 });
    assert(!Number.isFinite(together.losses[2]![0]));
    assertEquals(together.losses.map((losses) => losses[1]!), alone.losses.flat());
    assertEquals(together.members[1]!.parameters, alone.members[0]!.parameters);
  });
});

testBackends("save() and a new stack go on where the old one was, to the bit", async (backend) => {
  await withEngine(backend, async (engine) => {
    for (const optimizer of OPTIMIZERS) {
      const options = stackOptions(optimizer);
      const start = makeMembers(optimizer, [0.02]);
      const through = await train(engine, options, { members: start, epochs: 3 });
      const { members } = await train(engine, options, { members: start, epochs: 1 });
      const stack = await engine.createStack(options, members);
      const losses = [await stack.trainEpoch()];
      // A save in between changes nothing, and the second one reads anew.
      await stack.save();
      losses.push(await stack.trainEpoch());
      await stack.save();
      stack.dispose();
      assertEquals(losses, through.losses.slice(1));
      assertEquals(members[0]!.parameters, through.members[0]!.parameters);
      assertEquals(members[0]!.state, through.members[0]!.state);
    }
  });
});

testBackends("retain() drops members and changes nothing for the others", async (backend) => {
  await withEngine(backend, async (engine) => {
    for (const optimizer of OPTIMIZERS) {
      const options = stackOptions(optimizer);
      const start = makeMembers(optimizer);
      const { losses, members } = await train(engine, options, { members: start, epochs: 3 });
      const stack = await engine.createStack(options, start);
      const before = share(start[1]!.parameters);
      await stack.trainEpoch();
      stack.retain([true, false, true]);
      assertEquals(stack.size, 2);
      assertEquals(await stack.trainEpoch(), losses[1]!.filter((_, index) => index !== 1));
      stack.retain([false, true]);
      assertEquals(await stack.trainEpoch(), [losses[2]![2]!]);
      await stack.save();
      assertEquals(start[2]!.parameters, members[2]!.parameters);
      assertEquals(start[2]!.state, members[2]!.state);
      assertEquals(start[1]!.parameters, before);
      stack.retain([false]);
      assertEquals(stack.size, 0);
      stack.dispose();
    }
  });
}, ["cpu"]);

testBackends("chunks change nothing but rounding", async (backend) => {
  const device = await openDevice(backend);
  // Blocks of 4000 bytes: the images are spread over several tensors, which batches straddle.
  const split = uploadSplit({ ...device, tensorBytes: 4000 }, SMALL.train);
  const tight = { bytes: 0, tensorBytes: 11 * 4 * SIZES[0]! };
  const roomy = { bytes: 2 ** 30, tensorBytes: 2 ** 30 };
  for (const optimizer of OPTIMIZERS) {
    const options = stackOptions(optimizer, 35);
    assertEquals(fitBatch(options, 1, tight), 1);
    assert(fitBatch(options, 1, roomy) > 35);
    const results = [];
    for (const budget of [tight, roomy]) {
      const members = makeMembers(optimizer, [0.01], SOUND_SEED);
      const stack = createTensorStack(device, split, { ...options, members, budget });
      const losses = [await stack.trainEpoch(), await stack.trainEpoch()].flat();
      await stack.save();
      stack.dispose();
      results.push({ losses, parameters: members[0]!.parameters });
    }
    const [chunked, whole] = results;
    assertAllClose(chunked!.losses, whole!.losses, FLOAT);
    const end = layoutLayers(SIZES).at(-1)!.bias;
    // AdaGrad's first steps are the sign of the gradient: a magnitude of rounding may turn it.
    const tolerance = optimizer === "AdaGrad" ? 100 * FLOAT : FLOAT;
    assertAllClose(
      chunked!.parameters.subarray(0, end),
      whole!.parameters.subarray(0, end),
      tolerance,
    );
  }
  split.dispose();
});

testBackends("no tensor is leaked", async (backend) => {
  const models = [1, 2, 3].map((seed) => initialise(SIZES, seed));
  const atStart = tf.memory().numTensors;
  for (const deviceMemory of [60_000, 2 ** 30]) {
    await withEngine(backend, async (engine) => {
      for (const optimizer of OPTIMIZER_NAMES) {
        // All rows are a batch, which the small memory cuts into chunks; epochs differ.
        const members = makeMembers(optimizer, [0.01, 0.01])
          .map((member, epochs) => ({ ...member, epochs }));
        await engine.evaluate(SIZES, models, { split: "train", gradient: false });
        const before = tf.memory().numTensors;
        const stack = await engine.createStack(stackOptions(optimizer, 1000), members);
        // What epochs have in common is made by the first one.
        await stack.trainEpoch();
        const after = tf.memory().numTensors;
        await stack.trainEpoch();
        assertEquals(tf.memory().numTensors, after, "after an epoch");
        await stack.save();
        assertEquals(tf.memory().numTensors, after, "after save()");
        stack.dispose();
        assertEquals(tf.memory().numTensors, before, "after dispose()");
      }
      // The test split is uploaded when it is first asked for.
      await engine.evaluate(SIZES, models, { split: "test", gradient: false });
      const before = tf.memory().numTensors;
      await engine.evaluate(SIZES, models, { split: "test", gradient: true });
      assertEquals(tf.memory().numTensors, before, "after evaluate()");
      const rays = [{ direction: 1, scaling: "tensor", steps: [1, -1] }] as const;
      await engine.perturbedLosses(SIZES, models, { seed: 1, rays, frozen: true });
      assertEquals(tf.memory().numTensors, before, "after perturbedLosses()");
      await engine.gradients(SIZES, models);
      assertEquals(tf.memory().numTensors, before, "after gradients()");
      await hessianProducts(engine, SIZES, models, [models, [], models]);
      assertEquals(tf.memory().numTensors, before, "after openHessian()");
    }, { deviceMemory });
  }
  assertEquals(tf.memory().numTensors, atStart, "after close()");
});

testBackends("the engine says what images a network must take", async (backend) => {
  await withEngine(backend, async (engine) => {
    await assertRejects(
      () => engine.evaluate([5, 3], [initialise([5, 3], 0)], { split: "test", gradient: false }),
      RangeError,
      "Cannot run a network on these images as its first layer must have 21 inputs: " +
        "current value is 5",
    );
    await assertRejects(
      () => engine.evaluate([21, 2], [initialise([21, 2], 0)], { split: "test", gradient: false }),
      RangeError,
      "Cannot run a network on these images as its last layer must have ",
    );
  });
}, ["cpu"]);
