/**
 * Stacks of the TensorFlow.js engine against PyTorch and float64 training by the optimizers' own
 * definitions, and what must not change them: neighbours, saves, drops, chunks.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Engine, Member, StackOptions } from "~/lib/engine/engine.ts";
import { openDevice } from "~/lib/engine/tensorflow/device.ts";
import { fitBatch } from "~/lib/engine/tensorflow/memory.ts";
import { uploadSplit } from "~/lib/engine/tensorflow/split.ts";
import { createTensorStack } from "~/lib/engine/tensorflow/stack.ts";
import { initialise, layoutLayers } from "~/lib/model.ts";
import { OPTIMIZER_NAMES } from "~/lib/optimizer.ts";
import { openStream } from "~/lib/random.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { hessianProducts } from "~/tests/fixtures/hessian_products.ts";
import type { ReferenceData } from "~/tests/fixtures/reference_network.ts";
import {
  furthest,
  type ReferenceRun,
  trainingTolerance,
  trainReference,
} from "~/tests/fixtures/reference_training.ts";
import {
  assertAllClose,
  FLOAT,
  SIZES,
  SMALL,
  testBackends,
  withEngine,
} from "~/tests/fixtures/tensorflow_fixture.ts";
import {
  makeDataset,
  makeMember,
  makeSplit,
  referenceSplit,
  share,
  train,
} from "~/tests/fixtures/tiny_dataset.ts";

/** Every optimizer with a learning rate that moves the network but leaves it smooth. */
const RATES: Readonly<Record<string, number>> = {
  ...Object.fromEntries(OPTIMIZER_NAMES.map((name) => [name, 0.002])),
  "SGD": 0.05,
  "SGD(momentum=0.9)": 0.02,
  "SGD(momentum=0.9,nesterov=true)": 0.02,
  "AdaGrad": 0.01,
};

/**
 * A seed whose network has no unit that is on in all rows of a batch of 35: such a unit's bias has a
 * gradient that is rounding alone, which AdaGrad and its like turn into full steps.
 */
const SOUND_SEED = 4;

// --- float64 and PyTorch ---

/** Whether steps are proportional to gradients, so that a rounding error stays one. */
function isSmooth({ optimizer }: Pick<ReferenceRun, "optimizer">): boolean {
  return optimizer.startsWith("SGD");
}

/**
 * Picks the parameters whose gradient is never rounding alone: that of a unit's bias is where the
 * unit is on in all rows of a batch, as the normalisation removes its effect. Rules that divide by
 * the gradient's size move such a parameter by the full learning rate, in any direction.
 */
function soundPlaces(run: ReferenceRun, data: ReferenceData): (of: ArrayLike<number>) => number[] {
  const isNoise = Array.from(run.parameters, () => false);
  trainReference(run, data, {
    disturb: (gradient) => gradient.forEach((g, i) => isNoise[i] ||= Math.abs(g) < 1e-6),
  });
  const places = [...isNoise.keys()].filter((i) => isSmooth(run) || !isNoise[i]);
  assert(places.length > isNoise.length / 2);
  return (values) => places.map((i) => values[i]!);
}

/** How far from float64 a run may end. */
type Tolerance = Readonly<Record<"losses" | "parameters", number>>;

/** Trains one network and compares it with float64, or with what is given. */
async function assertTrains(
  engine: Engine,
  run: ReferenceRun,
  { data, expected = trainReference(run, data), tolerance = trainingTolerance(run, data) }: {
    readonly data: ReferenceData;
    readonly expected?: { losses: ArrayLike<number>; parameters: ArrayLike<number> };
    readonly tolerance?: Tolerance;
  },
): Promise<void> {
  const { sizes, batchSize, optimizer, learningRate, epochs, before = 0 } = run;
  const start = { ...makeMember(sizes, { seed: 0, learningRate, optimizer }), epochs: before };
  start.parameters.set(run.parameters);
  if (run.state) start.state.set(run.state);
  const options = { sizes, batchSize, optimizer };
  const { losses, members } = await train(engine, options, { members: [start], epochs });
  assertAllClose(losses.flat(), expected.losses, tolerance.losses);
  const at = soundPlaces(run, data);
  assertAllClose(at(members[0]!.parameters), at(expected.parameters), tolerance.parameters);
}

/** What tests/fixtures/make_pytorch_optimizers.py writes. */
interface OptimizersFixture extends Omit<ReferenceRun, "optimizer" | "learningRate"> {
  readonly pixels: number[][];
  readonly labels: number[];
  readonly runs: {
    readonly optimizer: string;
    readonly learningRate: number;
    readonly epochLosses: number[];
    readonly finalParameters: number[];
  }[];
}

const fixture: OptimizersFixture = JSON.parse(
  Deno.readTextFileSync(new URL("../fixtures/pytorch_optimizers.json", import.meta.url)),
);
const fixtureData = makeDataset(makeSplit(fixture.pixels.flat(), fixture.labels));

/**
 * Three times what noise of 1e-7 in gradients does, the rounding of float32 sums of numbers of size
 * 1: in batches of 16 rows units are often on in all of them (see `soundPlaces`), and whatever
 * divides by a gradient's size then steps at random. It leaves losses loose (0.01 nats); the
 * definitions' own tests below, without such units, are tight.
 */
function noiseTolerance(run: ReferenceRun, data: ReferenceData): Tolerance {
  const exact = trainReference(run, data);
  const at = soundPlaces(run, data);
  const noisy = [1, 2, 3].map((seed) => {
    const stream = openStream(seed, 0);
    const disturb = (gradient: Float64Array): void =>
      gradient.forEach((_, i) => gradient[i]! += 1e-7 * stream.next() / 2 ** 31);
    const { losses, parameters } = trainReference(run, data, { disturb });
    return [furthest(losses, exact.losses), furthest(at(parameters), at(exact.parameters))];
  });
  const worst = (part: 0 | 1): number => 3 * Math.max(...noisy.map((each) => each[part]!));
  return { losses: worst(0), parameters: worst(1) };
}

/** A run of an optimizer that this version has. */
const isKnown = ({ optimizer }: { optimizer: string }): boolean =>
  OPTIMIZER_NAMES.includes(optimizer.split("(")[0]!);

testBackends("trainEpoch() and save() reproduce PyTorch's optimizers", async (backend) => {
  await withEngine(backend, async (engine) => {
    const data = referenceSplit(fixtureData.train);
    for (const { epochLosses, finalParameters, ...own } of fixture.runs.filter(isKnown)) {
      const run = { ...fixture, ...own };
      await assertTrains(engine, run, {
        data,
        expected: { losses: epochLosses, parameters: finalParameters },
        tolerance: isSmooth(run) ? trainingTolerance(run, data) : noiseTolerance(run, data),
      });
    }
  }, { dataset: fixtureData });
});

testBackends("trainEpoch() is the optimizer's definition, batch by batch", async (backend) => {
  const data = referenceSplit(SMALL.train);
  await withEngine(backend, async (engine) => {
    for (const [optimizer, learningRate] of Object.entries(RATES)) {
      const { parameters } = makeMember(SIZES, { seed: SOUND_SEED, learningRate, optimizer });
      // 70 rows: the last batch has 30.
      const run = { sizes: SIZES, optimizer, learningRate, batchSize: 40, parameters };
      await assertTrains(engine, { ...run, epochs: 2 }, { data });
      // From where another run was: its state counts, and the number of its updates.
      const middle = trainReference({ ...run, epochs: 3 }, data);
      const { state } = middle;
      const later = { ...run, parameters: share(middle.parameters), state: share(state) };
      await assertTrains(engine, { ...later, before: 3, epochs: 1 }, { data });
    }
  });
});

// --- To the bit ---

/** Without state, with a kernel of its own on WebGPU, and without one. */
const OPTIMIZERS = ["SGD", "AdaGrad", "SGD(momentum=0.9)"];

const stackOptions = (optimizer: string, batchSize = 35): StackOptions => ({
  sizes: SIZES,
  batchSize,
  optimizer,
});

function makeMembers(optimizer: string, rates: readonly number[], firstSeed = 0): Member[] {
  return rates.map((learningRate, index) =>
    makeMember(SIZES, { seed: firstSeed + index, learningRate, optimizer })
  );
}

testBackends(
  "members of any age share a stack to the bit; the last biases stay",
  async (backend) => {
    const { bias } = layoutLayers(SIZES).at(-1)!;
    await withEngine(backend, async (engine) => {
      for (const optimizer of OPTIMIZER_NAMES) {
        const options = stackOptions(optimizer);
        const rate = RATES[optimizer]!;
        const [first, ...young] = makeMembers(optimizer, [rate, 3 * rate, rate / 2]);
        const { members: [old] } = await train(engine, options, { members: [first!], epochs: 1 });
        const mixed = [old!, ...young];
        const together = await train(engine, options, { members: mixed, epochs: 2 });
        for (const [index, member] of mixed.entries()) {
          const alone = await train(engine, options, { members: [member], epochs: 2 });
          assertEquals(alone.losses.flat(), together.losses.map((losses) => losses[index]!));
          assertEquals(alone.members[0], together.members[index]);
          // The normalisation takes these biases away: nothing moves them.
          const { parameters } = together.members[index]!;
          assertEquals(parameters.subarray(bias), member.parameters.subarray(bias));
        }
      }
    });
  },
);

testBackends("a member that diverges leaves the others as they are", async (backend) => {
  await withEngine(backend, async (engine) => {
    const [wild, tame] = makeMembers("SGD", [1e30, 0.05]);
    const work = { members: [wild!, tame!, wild!], epochs: 3 };
    const together = await train(engine, stackOptions("SGD"), work);
    const alone = await train(engine, stackOptions("SGD"), { members: [tame!], epochs: 3 });
    assert(!Number.isFinite(together.losses[2]![0]));
    assertEquals(together.losses.map((losses) => losses[1]!), alone.losses.flat());
    assertEquals(together.members[1]!.parameters, alone.members[0]!.parameters);
  });
});

testBackends("saves, new stacks and drops change nothing, to the bit", async (backend) => {
  await withEngine(backend, async (engine) => {
    for (const optimizer of OPTIMIZERS) {
      const options = stackOptions(optimizer);
      const start = makeMembers(optimizer, [0.1, 0.01, 0.03]);
      const through = await train(engine, options, { members: start, epochs: 3 });
      const { members } = await train(engine, options, { members: start, epochs: 1 });
      const before = share(members[1]!.parameters);
      const stack = await engine.createStack(options, members);
      stack.retain([true, false, true]);
      assertEquals(stack.size, 2);
      assertEquals(await stack.trainEpoch(), through.losses[1]!.toSpliced(1, 1));
      // A save in between changes nothing, and the second one reads anew.
      await stack.save();
      stack.retain([false, true]);
      assertEquals(await stack.trainEpoch(), [through.losses[2]![2]!]);
      await stack.save();
      const { parameters, state } = through.members[2]!;
      assertEquals([members[2]!.parameters, members[2]!.state], [parameters, state]);
      assertEquals(members[1]!.parameters, before);
      stack.retain([false]);
      assertEquals(stack.size, 0);
      stack.dispose();
    }
  });
});

testBackends("chunks change nothing but rounding", async (backend) => {
  const device = await openDevice(backend);
  // Blocks of 4000 bytes: the images are spread over several tensors, which batches straddle.
  const split = uploadSplit({ ...device, tensorBytes: 4000 }, SMALL.train);
  const tight = { bytes: 0, tensorBytes: 11 * 4 * SIZES[0]! };
  const roomy = { bytes: 2 ** 30, tensorBytes: 2 ** 30 };
  const end = layoutLayers(SIZES).at(-1)!.bias;
  for (const optimizer of OPTIMIZERS) {
    const options = stackOptions(optimizer);
    assertEquals(fitBatch(options, 1, tight), 1);
    assert(fitBatch(options, 1, roomy) > 35);
    const results = [];
    for (const budget of [tight, roomy]) {
      const members = makeMembers(optimizer, [0.01], SOUND_SEED);
      const stack = createTensorStack(device, split, { ...options, members, budget });
      const losses = [await stack.trainEpoch(), await stack.trainEpoch()].flat();
      await stack.save();
      stack.dispose();
      results.push({ losses, parameters: members[0]!.parameters.subarray(0, end) });
    }
    const [chunked, whole] = results;
    assertAllClose(chunked!.losses, whole!.losses, FLOAT);
    // AdaGrad's first steps are the sign of the gradient: a magnitude of rounding may turn it.
    const tolerance = optimizer === "AdaGrad" ? 100 * FLOAT : FLOAT;
    assertAllClose(chunked!.parameters, whole!.parameters, tolerance);
  }
  split.dispose();
});

// --- Tensors and refusals ---

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
      const rays = [{ direction: 1, scaling: "tensor", steps: [1, -1] }] as const;
      const work = {
        evaluate: () => engine.evaluate(SIZES, models, { split: "test", gradient: true }),
        perturbedLosses: () =>
          engine.perturbedLosses(SIZES, models, { seed: 1, rays, frozen: true }),
        gradients: () => engine.gradients(SIZES, models),
        openHessian: () => hessianProducts(engine, SIZES, models, [models, [], models]),
      };
      for (const [name, run] of Object.entries(work)) {
        await run();
        assertEquals(tf.memory().numTensors, before, name);
      }
    }, { deviceMemory });
  }
  assertEquals(tf.memory().numTensors, atStart, "after close()");
});

testBackends("the engine says what images a network must take", async (backend) => {
  const start = "Cannot run a network on these images as its ";
  await withEngine(backend, async (engine) => {
    for (
      const [sizes, message] of [
        [[5, 3], "first layer must have 21 inputs: current value is 5"],
        [[21, 2], "last layer must have "],
      ] as const
    ) {
      await assertRejects(
        () => engine.evaluate(sizes, [initialise(sizes, 0)], { split: "test", gradient: false }),
        RangeError,
        start + message,
      );
    }
  });
}, ["cpu"]);
