/**
 * What the TensorFlow.js engine computes on a whole split (evaluations, losses along rays, gradients,
 * products with the Hessian) against float64 loops and PyTorch.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { PerturbOptions, Ray, SharedFloats } from "~/lib/engine/engine.ts";
import { openDevice } from "~/lib/engine/tensorflow/device.ts";
import { perturbedLossesAt } from "~/lib/engine/tensorflow/rays.ts";
import { uploadSplit } from "~/lib/engine/tensorflow/split.ts";
import { countParameters, initialise, layoutLayers } from "~/lib/model.ts";
import { fillNormal, openStream } from "~/lib/random.ts";
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { dataset as curvatureData, pytorch } from "~/tests/fixtures/curvature_network.ts";
import { hessianProducts } from "~/tests/fixtures/hessian_products.ts";
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

/** Biases of a trained network's size, so that every scaling moves them. */
const models = [4, 5, 6].map((seed) => initialise(SIZES, seed));
const data = referenceSplit(SMALL.train);

/** Two directions, one of them with rays of all scalings, in mixed order. */
const RAYS: readonly Ray[] = [
  { direction: 3, scaling: "global", steps: [2, -2, 0] },
  { direction: 0, scaling: "filter", steps: [0.5] },
  { direction: 3, scaling: "tensor", steps: [-0.4, 0] },
  { direction: 3, scaling: "filter", steps: [0.4, 0.8] },
];
const OPTIONS: PerturbOptions = { seed: 11, rays: RAYS, frozen: true };

/** Largest absolute value. */
function size(values: ArrayLike<number>): number {
  return Math.max(...Array.from(values, Math.abs));
}

/** Normal vectors, two for the first model, none for the second, three for the third. */
const vectors = [2, 0, 3].map((count, model) =>
  Array.from({ length: count }, (_, index): SharedFloats => {
    const vector = share(new Float32Array(countParameters(SIZES)));
    fillNormal(vector, openStream(model, index));
    return vector;
  })
);

// --- float64 ---

testBackends("evaluate() and gradients() agree with float64", async (backend) => {
  await withEngine(backend, async (engine) => {
    for (const split of ["train", "test"] as const) {
      const evaluations = await engine.evaluate(SIZES, models, { split, gradient: true });
      const gradients = split === "train" ? await engine.gradients(SIZES, models) : [];
      for (const [index, { loss, accuracy, gradientNorm }] of evaluations.entries()) {
        const reference = referencePass(SIZES, models[index]!, referenceSplit(SMALL[split]));
        assertAlmostEquals(loss, reference.loss, FLOAT);
        assertAlmostEquals(accuracy, reference.accuracy, 1e-15);
        assertAlmostEquals(gradientNorm, Math.hypot(...reference.gradient), FLOAT);
        if (split === "test") continue;
        const { loss: again, gradient } = gradients[index]!;
        assertAlmostEquals(again, reference.loss, FLOAT);
        assertAllClose(gradient, reference.gradient, FLOAT);
        // The normalisation takes the last biases away: exactly 0.
        const lastBias = layoutLayers(SIZES).at(-1)!.bias;
        assertEquals(gradient.slice(lastBias), new Float32Array(SIZES.at(-1)!));
      }
    }
  });
});

testBackends(
  "perturbedLosses() agrees with float64, every scaling, also frozen",
  async (backend) => {
    await withEngine(backend, async (engine) => {
      const found = await engine.perturbedLosses(SIZES, models, OPTIONS);
      for (const [index, model] of models.entries()) {
        const { loss, statistics } = referencePass(SIZES, model, data);
        const points = RAYS.map(({ steps, ...ray }) =>
          steps.map((step) => {
            const moved = referencePoint(SIZES, model, { ...ray, seed: OPTIONS.seed, step });
            return referencePointLosses(SIZES, moved, { data, statistics });
          })
        );
        const { losses, accuracies, frozen } = found[index]!;
        assertAlmostEquals(found[index]!.loss, loss, FLOAT);
        assertEquals(accuracies, points.map((ray) => ray.map(({ accuracy }) => accuracy)));
        assertAllClose(losses.flat(), points.flat().map((point) => point.loss), FLOAT);
        // Frozen logits are not held to unit variance: their losses grow, and with them the rounding.
        const kept = points.flat().map((point) => point.frozen);
        assertAllClose(frozen.flat(), kept, FLOAT * Math.max(1, ...kept));
      }
    });
  },
);

/**
 * (g(w + h v) - g(w - h v)) / 2 h in float64. With h = 1e-6 and |v_i| of about 1, third derivatives
 * of up to 1e4 and roundings of 1e-16 / h leave about 1e-8; no unit's sign changes that close by.
 */
function differenceOfGradients(model: Float32Array, vector: Float32Array): Float64Array {
  const step = 1e-6;
  const gradientAt = (sign: number): Float64Array =>
    referencePass(SIZES, Float64Array.from(model, (w, i) => w + sign * step * vector[i]!), data)
      .gradient;
  const below = gradientAt(-1);
  return gradientAt(1).map((g, i) => (g - below[i]!) / (2 * step));
}

testBackends("openHessian() agrees with differences of float64 gradients", async (backend) => {
  const before = models.map(share);
  await withEngine(backend, async (engine) => {
    const products = await hessianProducts(engine, SIZES, models, vectors);
    assertEquals(products.map(({ length }) => length), [2, 0, 3]);
    for (const [index, model] of models.entries()) {
      for (const [place, vector] of vectors[index]!.entries()) {
        const expected = differenceOfGradients(model, vector);
        assert(size(expected) > 0.1);
        assertAllClose(products[index]![place]!, expected, 10 * FLOAT * (1 + size(expected)));
      }
    }
    assertEquals(models, before);
  });
});

// --- What must not change a number ---

testBackends("chunks and groups round only; a step of 0 is exactly the loss", async (backend) => {
  const results: number[][] = [];
  // The second memory takes one model, two vectors and a few rows at a time.
  for (const deviceMemory of [2 ** 30, 60_000]) {
    await withEngine(backend, async (engine) => {
      const plain = await engine.evaluate(SIZES, models, { split: "train", gradient: false });
      const evaluations = await engine.evaluate(SIZES, models, { split: "train", gradient: true });
      const found = await engine.perturbedLosses(SIZES, models, OPTIONS);
      for (const [index, { loss, losses, accuracies, frozen }] of found.entries()) {
        assertEquals(loss, plain[index]!.loss);
        assertEquals(accuracies[0]![2], plain[index]!.accuracy);
        for (const  of of[losses, frozen]) assertEquals([of[0]![2], of[2]![1]], [loss, loss]);
      }
      const products = await hessianProducts(engine, SIZES, models, vectors);
      results.push([
        ...evaluations.flatMap((each) => [each.loss, each.accuracy, each.gradientNorm]),
        ...found.flatMap(({ losses, frozen }) => [losses, frozen].flat(2)),
        ...(await engine.gradients(SIZES, models)).flatMap(({ gradient }) => [...gradient]),
        ...products.flat().flatMap((product) => [...product]),
      ]);
    }, { deviceMemory });
  }
  assertAllClose(results[1]!, results[0]!, 10 * FLOAT * (1 + size(results[0]!)));
});

testBackends("rays of a direction do not see each other, to the bit", async (backend) => {
  await withEngine(backend, async (engine) => {
    const together = await engine.perturbedLosses(SIZES, models, OPTIONS);
    for (const [index, ray] of RAYS.entries()) {
      const alone = await engine.perturbedLosses(SIZES, models, { seed: 11, rays: [ray] });
      assertEquals(
        alone.map(({ losses, frozen }) => [losses[0], frozen]),
        together.map(({ losses }) => [losses[index], []]),
      );
    }
    const none = await engine.perturbedLosses(SIZES, models, { seed: 11, rays: [] });
    assertEquals(none.map(({ loss }) => loss), together.map(({ loss }) => loss));
  });
}, ["cpu"]);

testBackends("a layer's scale changes relative losses by rounding alone", async (backend) => {
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
}, ["cpu"]);

testBackends("work on a split reports progress and aborts with the reason", async (backend) => {
  await withEngine(backend, async (engine) => {
    const seen: number[][] = [];
    const rays = RAYS.slice(0, 2);
    const onProgress = (done: number, total: number): void => void seen.push([done, total]);
    await engine.perturbedLosses(SIZES, models, { seed: 1, rays, onProgress });
    assertEquals(seen, [[3, 12], [6, 12], [9, 12], [12, 12]]);
    const before = tf.memory().numTensors;
    const controller = new AbortController();
    const signal = AbortSignal.abort(new Error("enough"));
    for (
      const work of [
        () =>
          engine.perturbedLosses(SIZES, models, {
            ...{ seed: 1, rays, frozen: true, signal: controller.signal },
            onProgress: () => controller.abort(new Error("enough")),
          }),
        () => engine.gradients(SIZES, models, { signal }),
        () => hessianProducts(engine, SIZES, models, vectors, { signal }),
      ]
    ) {
      await assertRejects(work, Error, "enough");
      assertEquals(tf.memory().numTensors, before);
    }
  });
});

// --- PyTorch ---

testBackends("gradients() and openHessian() give PyTorch's numbers", async (backend) => {
  await withEngine(backend, async (engine) => {
    const model = share(pytorch.parameters);
    const [found] = await engine.gradients(pytorch.sizes, [model]);
    assertAlmostEquals(found!.loss, pytorch.loss, FLOAT);
    assertAllClose(found!.gradient, pytorch.gradient, FLOAT);
    const asked = [pytorch.vectors.map(share)];
    const [products] = await hessianProducts(engine, pytorch.sizes, [model], asked);
    for (const [index, expected] of pytorch.products.entries()) {
      // Float32 through a dozen operations on numbers of the product's size.
      assertAllClose(products![index]!, expected, 10 * FLOAT * (1 + size(expected)));
    }
  }, { dataset: curvatureData });
});

const fixtureData = makeDataset(makeSplit(fixture.pixels.flat(), fixture.labels));

testBackends("evaluate() and perturbedLossesAt() give PyTorch's numbers", async (backend) => {
  const { sizes, init, runs, radius, direction } = fixture;
  const finals = runs.map(({ finalParameters }) => share(flatten(finalParameters)));
  await withEngine(backend, async (engine) => {
    const [first, ...found] = await engine.evaluate(sizes, [share(flatten(init)), ...finals], {
      ...{ split: "train", gradient: true },
    });
    assertAlmostEquals(first!.loss, runs[0]!.lossAtInit, FLOAT);
    // PyTorch's float32 gradient is 3.2e-5 off the float64 one: logits of little variance.
    const norm = Math.hypot(...flatten(runs[0]!.fullGradientAtInit));
    assertAlmostEquals(first!.gradientNorm, norm, 5e-5);
    for (const [index, { finalLoss, finalAccuracy }] of runs.entries()) {
      assertAlmostEquals(found[index]!.loss, finalLoss, FLOAT);
      assertAlmostEquals(found[index]!.accuracy, finalAccuracy, FLOAT);
    }
  }, { dataset: fixtureData });
  const device = await openDevice(backend);
  const split = uploadSplit(device, fixtureData.train);
  const rows = { split, from: 0, to: split.size, chunk: 100, pace: () => Promise.resolve() };
  const around = await perturbedLossesAt({ device, sizes, ...rows }, finals, {
    draw: () => ({
      normal: Float32Array.from(direction),
      inverseNorm: 1 / Math.hypot(...direction),
    }),
    rays: [{ direction: 0, scaling: "global", steps: [radius] }],
  });
  assertAllClose(
    around.flatMap(({ losses }) => losses.flat()),
    runs.map((run) => run.perturbedLoss),
    FLOAT,
  );
  split.dispose();
});
