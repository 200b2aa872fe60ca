/**
 * Losses along rays of the TensorFlow.js engine, and evaluations, against float64, PyTorch and the
 * CPU engine.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { createCpuEngine } from "~/lib/engine/cpu/cpu_engine.ts";
import type { PerturbedLosses, PerturbOptions, Ray } from "~/lib/engine/engine.ts";
import { openDevice } from "~/lib/engine/tensorflow/device.ts";
import { perturbedLossesAt } from "~/lib/engine/tensorflow/rays.ts";
import { uploadSplit } from "~/lib/engine/tensorflow/split.ts";
import { initialise, layoutLayers } from "~/lib/model.ts";
import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { fixture, flatten } from "~/tests/fixtures/pytorch_fixture.ts";
import { referencePass } from "~/tests/fixtures/reference_network.ts";
import { referencePoint, referencePointLosses } from "~/tests/fixtures/reference_rays.ts";
import {
  assertAllClose,
  FLOAT,
  SIZES,
  SMALL,
  testBackends,
  withEngine,
} from "~/tests/fixtures/tensorflow_fixture.ts";
import { makeDataset, makeSplit, referenceSplit, share } from "~/tests/fixtures/tiny_dataset.ts";

const fixtureData = makeDataset(makeSplit(fixture.pixels.flat(), fixture.labels));
/** Biases of a trained network's size, so that every scaling moves them. */
const models = [8, 9, 10].map((seed) => initialise(SIZES, seed));
const data = referenceSplit(SMALL.train);

/** Two directions, one of them with rays of all scalings, in mixed order. */
const RAYS: readonly Ray[] = [
  { direction: 3, scaling: "global", steps: [2, -2, 0] },
  { direction: 0, scaling: "filter", steps: [0.5] },
  { direction: 3, scaling: "tensor", steps: [-0.4, 0] },
  { direction: 3, scaling: "filter", steps: [0.4, 0.8] },
];
const OPTIONS: PerturbOptions = { seed: 11, rays: RAYS, frozen: true };

type Losses = Omit<PerturbedLosses, "accuracies">;

/** All numbers of some losses, one after the other. */
function flattenLosses(found: readonly Losses[]): number[] {
  return found.flatMap(({ loss, losses, frozen }) => [loss, ...losses.flat(), ...frozen.flat()]);
}

function referenceLosses(): Losses[] {
  return models.map((model) => {
    const { loss, statistics } = referencePass(SIZES, model, data);
    const points = RAYS.map(({ steps, ...ray }) =>
      steps.map((step) =>
        referencePointLosses(
          SIZES,
          referencePoint(SIZES, model, { ...ray, seed: OPTIONS.seed, step }),
          { data, statistics },
        )
      )
    );
    return {
      loss,
      losses: points.map((ray) => ray.map((point) => point.loss)),
      frozen: points.map((ray) => ray.map((point) => point.frozen)),
    };
  });
}

testBackends(
  "perturbedLosses() agrees with float64 for every scaling, also frozen",
  async (backend) => {
    const expected = referenceLosses();
    await withEngine(backend, async (engine) => {
      const found = await engine.perturbedLosses(SIZES, models, OPTIONS);
      // Frozen logits are not held to unit variance: their losses grow, and with them the rounding.
      const numbers = flattenLosses(expected);
      assertAllClose(flattenLosses(found), numbers, FLOAT * Math.max(1, ...numbers));
      assertEquals(found.map(({ losses }) => losses.map(({ length }) => length)), [
        [3, 1, 2, 2],
        [3, 1, 2, 2],
        [3, 1, 2, 2],
      ]);
    });
  },
);

testBackends("perturbedLosses() agrees with the CPU engine", async (backend) => {
  const cpu = await createCpuEngine({ dataset: SMALL, threads: 1 });
  const expected = await cpu.perturbedLosses(SIZES, models, OPTIONS).finally(() => cpu.close());
  await withEngine(backend, async (engine) => {
    const found = await engine.perturbedLosses(SIZES, models, OPTIONS);
    const numbers = flattenLosses(expected);
    assertAllClose(flattenLosses(found), numbers, FLOAT * Math.max(1, ...numbers));
    const accuraciesOf = (all: readonly PerturbedLosses[]): unknown =>
      all.map(({ accuracies }) => accuracies);
    assertEquals(accuraciesOf(found), accuraciesOf(expected));
  });
});

testBackends("a step of 0 is exactly the loss, which is evaluate()'s", async (backend) => {
  // The second memory takes one model and a few rows at a time.
  for (const deviceMemory of [2 ** 30, 60_000]) {
    await withEngine(backend, async (engine) => {
      const evaluations = await engine.evaluate(SIZES, models, { split: "train", gradient: false });
      const found = await engine.perturbedLosses(SIZES, models, OPTIONS);
      for (const [index, { loss, losses, accuracies, frozen }] of found.entries()) {
        assertEquals(loss, evaluations[index]!.loss);
        assertEquals(accuracies[0]![2], evaluations[index]!.accuracy);
        assertEquals([losses[0]![2], losses[2]![1]], [loss, loss]);
        assertEquals([frozen[0]![2], frozen[2]![1]], [loss, loss]);
      }
    }, { deviceMemory });
  }
});

testBackends("rays of a direction do not see each other, to the bit", async (backend) => {
  await withEngine(backend, async (engine) => {
    const together = await engine.perturbedLosses(SIZES, models, OPTIONS);
    for (const [index, ray] of RAYS.entries()) {
      const alone = await engine.perturbedLosses(SIZES, models, { seed: 11, rays: [ray] });
      assertEquals(
        alone.map(({ losses }) => losses[0]),
        together.map(({ losses }) => losses[index]),
      );
      assertEquals(alone.map(({ frozen }) => frozen), models.map(() => []));
    }
    const none = await engine.perturbedLosses(SIZES, models, { seed: 11, rays: [] });
    assertEquals(none.map(({ loss }) => loss), together.map(({ loss }) => loss));
  });
}, ["cpu"]);

testBackends("chunks of rows and groups of models change nothing but rounding", async (backend) => {
  const results: number[][] = [];
  for (const deviceMemory of [2 ** 30, 60_000]) {
    await withEngine(backend, async (engine) => {
      const evaluations = await engine.evaluate(SIZES, models, { split: "train", gradient: true });
      const losses = await engine.perturbedLosses(SIZES, models, OPTIONS);
      results.push([
        ...evaluations.flatMap((
          { loss, accuracy, gradientNorm },
        ) => [loss, accuracy, gradientNorm]),
        ...flattenLosses(losses),
      ]);
    }, { deviceMemory });
  }
  assertAllClose(results[1]!, results[0]!, FLOAT * Math.max(1, ...results[0]!));
}, ["cpu"]);

testBackends(
  "a layer's scale changes tensor- and filter-wise losses by rounding alone",
  async (backend) => {
    // ReLU passes a factor on: the first layer times c and the second's weights over c are the same
    // function, to the bit where c is a power of two.
    const c = 8;
    const [model] = models as [typeof models[0]];
    const rescaled = share(model);
    const [first, second] = layoutLayers(SIZES);
    for (let i = first!.weight; i < second!.weight; i++) rescaled[i]! *= c;
    for (let i = second!.weight; i < second!.bias; i++) rescaled[i]! /= c;
    await withEngine(backend, async (engine) => {
      const rays = RAYS.filter(({ scaling }) => scaling !== "global");
      const found = await engine.perturbedLosses(SIZES, [model, rescaled], { seed: 11, rays });
      const [before, after] = found.map((each) => [each.loss, ...each.losses.flat()]);
      assertAllClose(after!, before!, FLOAT);
    });
  },
  ["cpu"],
);

testBackends("perturbedLosses() reports progress and aborts with the reason", async (backend) => {
  await withEngine(backend, async (engine) => {
    const seen: number[][] = [];
    const rays = RAYS.slice(0, 2);
    const onProgress = (done: number, total: number): void => void seen.push([done, total]);
    await engine.perturbedLosses(SIZES, models, { seed: 1, rays, onProgress });
    assertEquals(seen, [[3, 12], [6, 12], [9, 12], [12, 12]]);
    const before = tf.memory().numTensors;
    const controller = new AbortController();
    await assertRejects(
      () =>
        engine.perturbedLosses(SIZES, models, {
          ...{ seed: 1, rays, frozen: true, signal: controller.signal },
          onProgress: () => controller.abort(new Error("enough")),
        }),
      Error,
      "enough",
    );
    assertEquals(tf.memory().numTensors, before);
  });
}, ["cpu"]);

// --- PyTorch ---

testBackends("perturbedLossesAt() gives PyTorch's loss", async (backend) => {
  const device = await openDevice(backend);
  const split = uploadSplit(device, fixtureData.train);
  const direction = {
    normal: Float32Array.from(fixture.direction),
    inverseNorm: 1 / Math.hypot(...fixture.direction),
  };
  for (const { finalParameters, perturbedLoss } of fixture.runs) {
    const rows = { split, from: 0, to: split.size, chunk: 100, pace: () => Promise.resolve() };
    const work = { device, sizes: fixture.sizes, ...rows };
    const [found] = await perturbedLossesAt(work, [share(flatten(finalParameters))], {
      draw: () => direction,
      rays: [{ direction: 0, scaling: "global", steps: [fixture.radius] }],
    });
    assertAllClose(found!.losses.flat(), [perturbedLoss], FLOAT);
  }
  split.dispose();
});

/** PyTorch's float32 gradient here is 3.2e-5 off the float64 one: logits of little variance. */
const PYTORCH = 5e-5;

testBackends("evaluate() gives PyTorch's losses, accuracies and gradient norm", async (backend) => {
  await withEngine(backend, async (engine) => {
    const found = await engine.evaluate(
      fixture.sizes,
      [fixture.init, ...fixture.runs.map(({ finalParameters }) => finalParameters)].map((each) =>
        share(flatten(each))
      ),
      { split: "train", gradient: true },
    );
    const [first, ...finals] = found;
    assertAlmostEquals(first!.loss, fixture.runs[0]!.lossAtInit, FLOAT);
    const norm = Math.hypot(...flatten(fixture.runs[0]!.fullGradientAtInit));
    assertAlmostEquals(first!.gradientNorm, norm, PYTORCH);
    for (const [index, { finalLoss, finalAccuracy }] of fixture.runs.entries()) {
      assertAlmostEquals(finals[index]!.loss, finalLoss, FLOAT);
      assertAlmostEquals(finals[index]!.accuracy, finalAccuracy, FLOAT);
    }
  }, { dataset: fixtureData });
});

testBackends("evaluate() agrees with float64 on both splits", async (backend) => {
  await withEngine(backend, async (engine) => {
    for (const split of ["train", "test"] as const) {
      const evaluations = await engine.evaluate(SIZES, models, { split, gradient: true });
      for (const [index, { loss, accuracy, gradientNorm }] of evaluations.entries()) {
        const reference = referencePass(SIZES, models[index]!, referenceSplit(SMALL[split]));
        assertAlmostEquals(loss, reference.loss, FLOAT);
        assertAlmostEquals(accuracy, reference.accuracy, 1e-15);
        assertAlmostEquals(gradientNorm, Math.hypot(...reference.gradient), FLOAT);
      }
    }
  });
});
