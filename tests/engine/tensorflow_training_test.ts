/**
 * The TensorFlow.js engine on its CPU backend and on WebGPU, which here is Mesa's software Vulkan
 * where there is no GPU.
 *
 * Tolerances: a float32 sum of n terms of size s is off by about s sqrt(n) 6e-8; `FLOAT` leaves a
 * factor of 10 for the layers that pass it on.
 *
 * @module
 */
import { registerHooks } from "node:module";
import * as tf from "@tensorflow/tfjs-core";
import type { Dataset } from "~/lib/dataset.ts";
import { drawDirection } from "~/lib/engine/direction.ts";
import { createCpuEngine } from "~/lib/engine/cpu/cpu_engine.ts";
import type { Engine, StackOptions } from "~/lib/engine/engine.ts";
import { createTensorFlowEngine, findRealGpu } from "~/lib/engine/tensorflow/tensorflow_engine.ts";
import { openDevice } from "~/lib/engine/tensorflow/device.ts";
import { fitBatch, fitMembers, planSplit } from "~/lib/engine/tensorflow/memory.ts";
import { perturbedLossesAt } from "~/lib/engine/tensorflow/perturbed_losses.ts";
import { isSoftware, requestAdapter } from "~/lib/engine/tensorflow/real_gpu.ts";
import { uploadSplit } from "~/lib/engine/tensorflow/split.ts";
import { createTensorStack } from "~/lib/engine/tensorflow/stack.ts";
import { countParameters, initialise, type LayerSizes, layoutLayers } from "~/lib/model/layout.ts";
import { allocateState, type OptimizerName, OPTIMIZERS, optimizers } from "~/lib/optimizer/optimizer.ts";
import { openStream } from "~/lib/random.ts";
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { referenceData, referencePass, referenceRows } from "~/tests/fixtures/reference_network.ts";
import { makeMember, share, train } from "~/tests/fixtures/tiny_dataset.ts";

const FLOAT = 1e-6;

/**
 * PyTorch's float32 gradient at the fixture's start is 3.2e-5 off the float64 one of
 * tests/reference_network.ts, because logits of little variance magnify rounding: no two float32
 * programs can be expected to agree better there.
 */
const PYTORCH = 5e-5;

const hasAdapter = await requestAdapter() !== null;
if (!hasAdapter) {
  console.warn(
    "No WebGPU adapter: its tests are skipped (Debian: mesa-vulkan-drivers, libvulkan1)",
  );
}

/** A test on every backend that is there. */
function testBackends(
  name: string,
  run: (backend: "cpu" | "webgpu") => Promise<void>,
): void {
  for (const backend of ["cpu", "webgpu"] as const) {
    Deno.test({
      name: `${name} (${backend})`,
      ignore: backend === "webgpu" && !hasAdapter,
      fn: () => run(backend),
    });
  }
}

// Odd sizes: no dimension is a multiple of 4, some exceed a tile of 32.
const SIZES: LayerSizes = [21, 37, 10, 3];
const small = randomDataset(SIZES, 70);

function makeDataset(
  pixels: ArrayLike<number>,
  labels: ArrayLike<number>,
  width: number,
): Dataset {
  const bytes = (values: ArrayLike<number>): Uint8Array<SharedArrayBuffer> => {
    const shared = new Uint8Array(new SharedArrayBuffer(values.length));
    shared.set(values);
    return shared;
  };
  const train = { pixels: bytes(pixels), labels: bytes(labels), size: labels.length };
  // The test split is another one, so that a mix-up would show.
  const size = labels.length >> 1;
  const test = {
    pixels: train.pixels.subarray(0, size * width),
    labels: train.labels.subarray(0, size),
    size,
  };
  return { name: "random", classes: [], train, test, md5: {} };
}

function randomDataset(sizes: LayerSizes, rows: number): Dataset {
  const stream = openStream(1, 0);
  const draw = (below: number): number => (stream.next() >>> 0) % below;
  return makeDataset(
    Array.from({ length: rows * sizes[0]! }, () => draw(256)),
    Array.from({ length: rows }, () => draw(sizes.at(-1)!)),
    sizes[0]!,
  );
}

const stackOptions = (optimizer: OptimizerName, batchSize = 16): StackOptions => ({
  sizes: SIZES,
  batchSize,
  optimizer,
});

/** Runs with an engine and closes it. */
async function withEngine(
  backend: "cpu" | "webgpu",
  run: (engine: Engine) => Promise<void>,
  { dataset = small, memory }: { readonly dataset?: Dataset; readonly memory?: number } = {},
): Promise<void> {
  const engine = await createTensorFlowEngine(backend, { dataset, ...(memory && { memory }) });
  try {
    await run(engine);
  } finally {
    await engine.close();
  }
}

function assertAllClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  assertEquals(actual.length, expected.length);
  for (let i = 0; i < expected.length; i++) {
    assertAlmostEquals(actual[i]!, expected[i]!, tolerance, `at ${i}: ${actual[i]} ${expected[i]}`);
  }
}

// --- PyTorch ---

interface Fixture {
  readonly sizes: number[];
  readonly batch: number;
  readonly epochs: number;
  readonly pixels: number[][];
  readonly labels: number[];
  readonly init: Record<string, number[] | number[][]>;
  readonly direction: number[];
  readonly radius: number;
  readonly runs: {
    readonly optimizer: OptimizerName;
    readonly learningRate: number;
    readonly fullGradientAtInit: Fixture["init"];
    readonly lossAtInit: number;
    readonly epochLosses: number[];
    readonly finalParameters: Fixture["init"];
    readonly finalLoss: number;
    readonly finalAccuracy: number;
    readonly perturbedLoss: number;
  }[];
}

const fixture: Fixture = JSON.parse(
  Deno.readTextFileSync(new URL("../fixtures/pytorch_mlp.json", import.meta.url)),
);
const fixtureData = makeDataset(fixture.pixels.flat(), fixture.labels, fixture.sizes[0]!);

/** A state dictionary as a flat vector; its order is PyTorch's `parameters()`. */
function flatten(parameters: Fixture["init"]): number[] {
  return Object.values(parameters).flat(2);
}

testBackends("trainEpoch() takes PyTorch's gradient step", async (backend) => {
  await withEngine(backend, async (engine) => {
    const parameters = share(flatten(fixture.init));
    // One batch of all rows at learning rate 1: the step is the gradient.
    const options = { sizes: fixture.sizes, batchSize: 1000, optimizer: "SGD" } as const;
    const member = { learningRate: 1, parameters, state: share([]) };
    const { members } = await train(engine, options, { members: [member], epochs: 1 });
    const step = parameters.map((before, i) => before - members[0]!.parameters[i]!);
    assertAllClose(step, flatten(fixture.runs[0]!.fullGradientAtInit), PYTORCH);
  }, { dataset: fixtureData });
});

testBackends("evaluate() gives PyTorch's losses, accuracies and gradient norm", async (backend) => {
  await withEngine(backend, async (engine) => {
    const [sgd, adagrad] = fixture.runs;
    const models = [fixture.init, sgd!.finalParameters, adagrad!.finalParameters].map((each) =>
      share(flatten(each))
    );
    const [first, ...finals] = await engine.evaluate(fixture.sizes, models, {
      split: "train",
      gradient: true,
    });
    assertAlmostEquals(first!.loss, sgd!.lossAtInit, FLOAT);
    const norm = Math.hypot(...flatten(sgd!.fullGradientAtInit));
    assertAlmostEquals(first!.gradientNorm, norm, PYTORCH);
    for (const [index, { finalLoss, finalAccuracy }] of fixture.runs.entries()) {
      assertAlmostEquals(finals[index]!.loss, finalLoss, FLOAT);
      assertAlmostEquals(finals[index]!.accuracy, finalAccuracy, FLOAT);
    }
  }, { dataset: fixtureData });
});

testBackends("trainEpoch() and save() reproduce PyTorch's runs", async (backend) => {
  for (const run of fixture.runs) {
    await withEngine(backend, async (engine) => {
      const { sizes, batch: batchSize, epochs } = fixture;
      const { optimizer, learningRate } = run;
      const state = allocateState(optimizer, countParameters(sizes));
      const start = { learningRate, parameters: share(flatten(fixture.init)), state };
      const { losses, members } = await train(engine, { sizes, batchSize, optimizer }, {
        members: [start],
        epochs,
      });
      const expected = flatten(run.finalParameters);
      const { parameters } = members[0]!;
      if (optimizer === "SGD") {
        // The error of the gradient grows over the 9 steps.
        assertAllClose(losses.flat(), run.epochLosses, PYTORCH);
        assertAllClose(parameters, expected, 5 * PYTORCH);
        return;
      }
      assertAllClose(losses.flat(), run.epochLosses, FLOAT);
      // A gradient that is 0 but for rounding moves a parameter by the full learning rate: biases
      // whose effect the normalisation removes, the last ones among them. The others must agree.
      const isNoise = noiseOfAdagrad(run);
      const sound = expected.map((_, i) => i).filter((i) => !isNoise[i]);
      assert(sound.length > expected.length / 2);
      assertAllClose(sound.map((i) => parameters[i]!), sound.map((i) => expected[i]!), FLOAT);
    }, { dataset: fixtureData });
  }
});

/** Which parameters had a gradient of less than 1e-6 in any step of AdaGrad, in float64. */
function noiseOfAdagrad({ learningRate }: Fixture["runs"][number]): boolean[] {
  const { sizes, batch, epochs, labels } = fixture;
  const data = referenceData(fixture.pixels.flat(), labels, sizes[0]!);
  const weights = Float64Array.from(flatten(fixture.init));
  const sums = new Float64Array(weights.length);
  const isNoise = Array.from(weights, () => false);
  for (let epoch = 0; epoch < epochs; epoch++) {
    for (let from = 0; from < labels.length; from += batch) {
      const rows = referenceRows(data, from, Math.min(from + batch, labels.length));
      const { gradient } = referencePass(sizes, weights, rows);
      optimizers.AdaGrad.step(weights, gradient, sums, learningRate);
      gradient.forEach((g, i) => isNoise[i] ||= Math.abs(g) < 1e-6);
    }
  }
  return isNoise;
}

testBackends("perturbedLossesAt() gives PyTorch's loss", async (backend) => {
  const device = await openDevice(backend);
  const split = uploadSplit(device, fixtureData.train);
  const normal = Float32Array.from(fixture.direction);
  for (const { finalParameters, perturbedLoss } of fixture.runs) {
    const losses = await perturbedLossesAt(device, {
      sizes: fixture.sizes,
      models: [share(flatten(finalParameters))],
      directions: [{ normal, inverseNorm: 1 / Math.hypot(...fixture.direction) }],
      radius: fixture.radius,
      rows: { split, from: 0, to: split.size, chunk: 100 },
    });
    assertAllClose(losses.flat(), [perturbedLoss], FLOAT);
  }
  split.dispose();
});

// --- float64, automatic differentiation, the CPU engine ---

testBackends("trainEpoch() keeps the last partial batch", async (backend) => {
  const batchSize = 32;
  const start = makeMember(SIZES, { seed: 3, learningRate: 0.05, optimizer: "SGD" });
  const data = referenceData(small.train.pixels, small.train.labels, SIZES[0]!);
  const weights = Float64Array.from(start.parameters);
  const losses: number[] = [];
  for (let from = 0; from < small.train.size; from += batchSize) {
    const rows = referenceRows(data, from, Math.min(from + batchSize, small.train.size));
    const { loss, gradient } = referencePass(SIZES, weights, rows);
    losses.push(loss);
    for (let i = 0; i < weights.length; i++) weights[i]! -= start.learningRate * gradient[i]!;
  }
  assertEquals(losses.length, 3);
  await withEngine(backend, async (engine) => {
    const options = stackOptions("SGD", batchSize);
    const trained = await train(engine, options, { members: [start], epochs: 1 });
    assertAlmostEquals(trained.losses[0]![0]!, losses.reduce((a, b) => a + b) / 3, FLOAT);
    assertAllClose(trained.members[0]!.parameters, weights, FLOAT);
  });
});

testBackends("evaluate() agrees with float64 on both splits", async (backend) => {
  const models = [4, 5].map((seed) => initialise(SIZES, seed));
  await withEngine(backend, async (engine) => {
    for (const split of ["train", "test"] as const) {
      const evaluations = await engine.evaluate(SIZES, models, { split, gradient: true });
      const { pixels, labels } = small[split];
      const data = referenceData(pixels, labels, SIZES[0]!);
      for (const [index, { loss, accuracy, gradientNorm }] of evaluations.entries()) {
        const reference = referencePass(SIZES, models[index]!, data);
        assertAlmostEquals(loss, reference.loss, FLOAT);
        assertAlmostEquals(accuracy, reference.accuracy, 1e-15);
        assertAlmostEquals(gradientNorm, Math.hypot(...reference.gradient), FLOAT);
      }
    }
  });
});

/** TensorFlow.js's gradients are modules without file endings, which only bundlers resolve. */
async function registerGradients(): Promise<void> {
  const hooks = registerHooks({
    resolve(specifier, context, next): ReturnType<typeof next> {
      const isBare = /^\.\.?\//.test(specifier) && !/\.[cm]?[jt]s$/.test(specifier);
      return next(isBare ? `${specifier}.js` : specifier, context);
    },
  });
  try {
    await import("@tensorflow/tfjs-core/dist/register_all_gradients.js");
  } finally {
    hooks.deregister();
  }
}

testBackends("trainEpoch() follows the gradient of automatic differentiation", async (backend) => {
  await registerGradients();
  const start = makeMember(SIZES, { seed: 6, learningRate: 1, optimizer: "SGD" });
  await withEngine(backend, async (engine) => {
    const options = stackOptions("SGD", 1000);
    const { members } = await train(engine, options, { members: [start], epochs: 1 });
    const gradients = tf.tidy(() => {
      const { size, pixels, labels } = small.train;
      const x = tf.div(tf.tensor2d(Float32Array.from(pixels), [size, SIZES[0]!]), 255);
      const y = tf.oneHot(tf.tensor1d(Int32Array.from(labels), "int32"), SIZES.at(-1)!);
      const layers = layoutLayers(SIZES);
      const parts = layers.flatMap(({ weight, bias, inputs, outputs }) => [
        tf.tensor(start.parameters.slice(weight, bias), [outputs, inputs]),
        tf.tensor(start.parameters.slice(bias, bias + outputs), [outputs]),
      ]);
      const loss = (...parameters: tf.Tensor[]): tf.Scalar => {
        let h: tf.Tensor = x;
        for (let l = 0; l < layers.length; l++) {
          h = tf.add(tf.matMul(h, parameters[2 * l]!, false, true), parameters[2 * l + 1]!);
          if (l < layers.length - 1) h = tf.relu(h);
        }
        const { mean, variance } = tf.moments(h, 0);
        const normalised = tf.div(tf.sub(h, mean), tf.sqrt(tf.add(variance, 1e-5)));
        return tf.neg(tf.mean(tf.sum(tf.mul(y, tf.logSoftmax(normalised)), 1)));
      };
      return tf.grads(loss)(parts);
    });
    const expected = (await Promise.all(gradients.map((part) => part.data()))).flatMap((part) =>
      Array.from(part)
    );
    tf.dispose(gradients);
    const step = start.parameters.map((before, i) => before - members[0]!.parameters[i]!);
    // The last biases' gradient is 0; automatic differentiation finds rounding instead.
    const end = layoutLayers(SIZES).at(-1)!.bias;
    assertAllClose(step.subarray(0, end), expected.slice(0, end), FLOAT);
    assertAllClose(step.subarray(end), new Float32Array(SIZES.at(-1)!), 0);
  });
});

testBackends("trainEpoch() agrees with the CPU engine", async (backend) => {
  const cpu = await createCpuEngine({ dataset: small, threads: 1 });
  try {
    await withEngine(backend, async (engine) => {
      for (const optimizer of OPTIMIZERS) {
        const learningRate = optimizer === "SGD" ? 0.1 : 0.01;
        const members = [makeMember(SIZES, { seed: 7, learningRate, optimizer })];
        // 35 rows a batch: with fewer, AdaGrad meets gradients that are rounding alone.
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

testBackends("perturbedLosses() agrees with the CPU engine and with float64", async (backend) => {
  const models = [8, 9].map((seed) => initialise(SIZES, seed));
  const options = { seed: 11, directions: [3, null, 0], radius: 2 };
  const data = referenceData(small.train.pixels, small.train.labels, SIZES[0]!);
  const expected = models.map((model) =>
    options.directions.map((k) => {
      const { normal, inverseNorm } = drawDirection(new Float32Array(model.length), 11, k);
      const moved = Float64Array.from(model, (w, i) => w + 2 * inverseNorm * normal[i]!);
      return referencePass(SIZES, moved, data).loss;
    })
  );
  const cpu = await createCpuEngine({ dataset: small, threads: 1 });
  const onCpu = await cpu.perturbedLosses(SIZES, models, options);
  await cpu.close();
  await withEngine(backend, async (engine) => {
    const losses = await engine.perturbedLosses(SIZES, models, options);
    assertAllClose(losses.flat(), expected.flat(), FLOAT);
    assertAllClose(losses.flat(), onCpu.flat(), FLOAT);
  });
});

// --- Invariants ---

testBackends("a stack of 3 is 3 stacks of 1, to the bit", async (backend) => {
  await withEngine(backend, async (engine) => {
    for (const optimizer of OPTIMIZERS) {
      const members = [0.1, 0.01, 0.03].map((learningRate, seed) =>
        makeMember(SIZES, { seed, learningRate, optimizer })
      );
      const together = await train(engine, stackOptions(optimizer), { members, epochs: 2 });
      for (const [index, member] of members.entries()) {
        const alone = await train(engine, stackOptions(optimizer), {
          members: [member],
          epochs: 2,
        });
        assertEquals(alone.losses.flat(), together.losses.map((losses) => losses[index]!));
        assertEquals(alone.members[0]!.parameters, together.members[index]!.parameters);
        assertEquals(alone.members[0]!.state, together.members[index]!.state);
      }
    }
  });
});

testBackends("a member that diverges leaves the others as they are", async (backend) => {
  await withEngine(backend, async (engine) => {
    const [wild, tame] = [1e30, 0.05].map((learningRate) =>
      makeMember(SIZES, { seed: 1, learningRate, optimizer: "SGD" })
    );
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
      const start = [makeMember(SIZES, { seed: 2, learningRate: 0.02, optimizer })];
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
      const start = [0.1, 0.01, 0.03].map((learningRate, seed) =>
        makeMember(SIZES, { seed, learningRate, optimizer })
      );
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
});

testBackends("chunks change nothing but rounding", async (backend) => {
  const device = await openDevice(backend);
  // Blocks of 4000 bytes: the images are spread over several tensors, which batches straddle.
  const split = uploadSplit({ ...device, tensorBytes: 4000 }, small.train);
  const tight = { bytes: 0, tensorBytes: 11 * 4 * SIZES[0]! };
  const roomy = { bytes: 2 ** 30, tensorBytes: 2 ** 30 };
  for (const optimizer of OPTIMIZERS) {
    const options = stackOptions(optimizer, 35);
    assertEquals(fitBatch(options, 1, tight), 1);
    assert(fitBatch(options, 1, roomy) > 35);
    const results = [];
    for (const budget of [tight, roomy]) {
      const member = makeMember(SIZES, { seed: 4, learningRate: 0.01, optimizer });
      const stack = createTensorStack(device, split, { ...options, members: [member], budget });
      const losses = [await stack.trainEpoch(), await stack.trainEpoch()].flat();
      await stack.save();
      stack.dispose();
      results.push({ losses, parameters: member.parameters });
    }
    const [chunked, whole] = results;
    assertAllClose(chunked!.losses, whole!.losses, FLOAT);
    const end = layoutLayers(SIZES).at(-1)!.bias;
    // AdaGrad's first steps are the sign of the gradient: a magnitude of rounding may turn it.
    const tolerance = optimizer === "SGD" ? FLOAT : 100 * FLOAT;
    assertAllClose(
      chunked!.parameters.subarray(0, end),
      whole!.parameters.subarray(0, end),
      tolerance,
    );
  }
  split.dispose();
  const models = [5, 6, 7].map((seed) => initialise(SIZES, seed));
  const perturb = { seed: 1, directions: [0, 1, 2], radius: 3 };
  const results: number[][] = [];
  for (const memory of [60_000, 2 ** 30]) {
    await withEngine(backend, async (engine) => {
      const evaluations = await engine.evaluate(SIZES, models, { split: "train", gradient: true });
      const losses = await engine.perturbedLosses(SIZES, models, perturb);
      results.push(
        evaluations.flatMap(({ loss, accuracy, gradientNorm }) => [loss, accuracy, gradientNorm])
          .concat(losses.flat()),
      );
    }, { memory });
  }
  assertAllClose(results[0]!, results[1]!, FLOAT);
  const bytes = 60_000 - 4 * (small.train.pixels.length + small.test.pixels.length);
  const plan = planSplit(SIZES, 3, small.train.size, { bytes, tensorBytes: 2 ** 30 });
  assert(plan.members < 3 && plan.rows < small.train.size, JSON.stringify(plan));
});

testBackends("perturbedLosses() without a step gives evaluate()'s losses", async (backend) => {
  const models = [1, 2, 3].map((seed) => initialise(SIZES, seed));
  for (const memory of [60_000, 2 ** 30]) {
    await withEngine(backend, async (engine) => {
      const evaluations = await engine.evaluate(SIZES, models, { split: "train", gradient: false });
      for (const [directions, radius] of [[[0, 7], 0], [[null, null], 5]] as const) {
        const losses = await engine.perturbedLosses(SIZES, models, { seed: 1, directions, radius });
        assertEquals(losses, evaluations.map(({ loss }) => [loss, loss]));
      }
    }, { memory });
  }
});

testBackends("no tensor is leaked", async (backend) => {
  const models = [1, 2, 3].map((seed) => initialise(SIZES, seed));
  const atStart = tf.memory().numTensors;
  for (const memory of [60_000, 2 ** 30]) {
    await withEngine(backend, async (engine) => {
      for (const optimizer of OPTIMIZERS) {
        // All rows are a batch, which the small memory cuts into chunks.
        const members = [1, 2].map((seed) =>
          makeMember(SIZES, { seed, learningRate: 0.01, optimizer })
        );
        const stack = await engine.createStack(stackOptions(optimizer, 1000), members);
        const before = tf.memory().numTensors;
        await stack.trainEpoch();
        assertEquals(tf.memory().numTensors, before, "after an epoch");
        await stack.save();
        assertEquals(tf.memory().numTensors, before, "after save()");
        stack.dispose();
      }
      // The test split is uploaded when it is first asked for.
      await engine.evaluate(SIZES, models, { split: "test", gradient: false });
      const before = tf.memory().numTensors;
      await engine.evaluate(SIZES, models, { split: "test", gradient: true });
      await engine.evaluate(SIZES, models, { split: "train", gradient: true });
      assertEquals(tf.memory().numTensors, before, "after evaluate()");
      await engine.perturbedLosses(SIZES, models, { seed: 1, directions: [0, 1], radius: 1 });
      assertEquals(tf.memory().numTensors, before, "after perturbedLosses()");
    }, { memory });
  }
  assertEquals(tf.memory().numTensors, atStart, "after close()");
});

testBackends("perturbedLosses() reports progress and aborts with the reason", async (backend) => {
  await withEngine(backend, async (engine) => {
    const models = [1, 2].map((seed) => initialise(SIZES, seed));
    const options = { seed: 1, directions: [0, 1, 2], radius: 1 };
    const seen: number[][] = [];
    const onProgress = (done: number, total: number): void => void seen.push([done, total]);
    await engine.perturbedLosses(SIZES, models, { ...options, onProgress });
    assertEquals(seen, [[2, 6], [4, 6], [6, 6]]);
    const before = tf.memory().numTensors;
    const controller = new AbortController();
    const error = await assertRejects(() =>
      engine.perturbedLosses(SIZES, models, {
        ...options,
        signal: controller.signal,
        onProgress: () => controller.abort(new Error("enough")),
      })
    );
    assertEquals((error as Error).message, "enough");
    assertEquals(tf.memory().numTensors, before);
  });
});

testBackends("the engine says what images a network must take", async (backend) => {
  await withEngine(backend, async (engine) => {
    await assertRejects(
      () => engine.evaluate([5, 3], [initialise([5, 3], 0)], { split: "test", gradient: false }),
      RangeError,
      "Cannot run a network on these images as its first layer must have 21 inputs: " +
        "current value is 5",
    );
  });
});

// --- Memory, backends ---

Deno.test("fitMembers() and fitBatch() follow the bytes of a stack", () => {
  const options: StackOptions = { sizes: [100, 10, 2], batchSize: 8, optimizer: "AdaGrad" };
  // P = 1032; four vectors of P, and 8 rows of 2 (10 + 2) floats.
  const member = 4 * (4 * 1032 + 8 * 24);
  const budget = { bytes: 4 * 8 * 100 + 5 * member, tensorBytes: 2 ** 31 };
  assertEquals(fitMembers(options, 8, budget), 5);
  assertEquals(fitMembers(options, 8, { ...budget, bytes: budget.bytes - 1 }), 4);
  assertEquals(fitMembers({ ...options, optimizer: "SGD" }, 8, budget), 6);
  assertEquals(fitMembers(options, 8, { ...budget, bytes: 0 }), 1);
  // The largest tensor is the first layer's weights, 4000 bytes a member.
  assertEquals(fitMembers(options, 8, { ...budget, tensorBytes: 11999 }), 2);
  assertEquals(fitBatch(options, 5, budget), 8);
});

Deno.test("createTensorFlowEngine() says how to install tfjs-node-gpu", async () => {
  await assertRejects(
    () => createTensorFlowEngine("tfjs-node-gpu", { dataset: small }),
    Error,
    "Cannot use tfjs-node-gpu as it is not installed: run `deno task setup:gpu` to install it",
  );
});

Deno.test("findRealGpu() counts no software rasteriser and takes less than 0.3 s", async () => {
  const start = performance.now();
  const name = await findRealGpu();
  assert(performance.now() - start < 300);
  const adapter = await requestAdapter();
  assertEquals(name === undefined, adapter === null || isSoftware(adapter));
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
