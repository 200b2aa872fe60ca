/**
 * Gradients and products of the Hessian of the TensorFlow.js engine, against PyTorch's autograd in
 * float64 and against differences of float64 gradients.
 *
 * @module
 */
import type { SharedFloats } from "~/lib/engine/engine.ts";
import { countParameters, initialise, layoutLayers } from "~/lib/model.ts";
import { fillNormal, openStream } from "~/lib/random.ts";
import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { hessianProducts } from "~/tests/fixtures/hessian_products.ts";
import { referencePass } from "~/tests/fixtures/reference_network.ts";
import {
  assertAllClose,
  FLOAT,
  SIZES,
  SMALL,
  testBackends,
  withEngine,
} from "~/tests/fixtures/tensorflow_fixture.ts";
import { makeDataset, makeSplit, referenceSplit, share } from "~/tests/fixtures/tiny_dataset.ts";

/** What tests/fixtures/make_pytorch_curvature.py writes. */
interface CurvatureFixture {
  readonly sizes: number[];
  readonly pixels: number[][];
  readonly labels: number[];
  readonly parameters: number[];
  readonly loss: number;
  readonly gradient: number[];
  readonly vectors: number[][];
  readonly products: number[][];
}

const fixture: CurvatureFixture = JSON.parse(
  Deno.readTextFileSync(new URL("../fixtures/pytorch_curvature.json", import.meta.url)),
);
const fixtureData = makeDataset(makeSplit(fixture.pixels.flat(), fixture.labels));

/** Largest absolute value. */
function size(values: ArrayLike<number>): number {
  return Math.max(...Array.from(values, Math.abs));
}

testBackends("gradients() gives PyTorch's loss and gradient", async (backend) => {
  await withEngine(backend, async (engine) => {
    const [found] = await engine.gradients(fixture.sizes, [share(fixture.parameters)]);
    assertAlmostEquals(found!.loss, fixture.loss, FLOAT);
    assertAllClose(found!.gradient, fixture.gradient, FLOAT);
  }, { dataset: fixtureData });
});

testBackends("openHessian() gives PyTorch's products", async (backend) => {
  await withEngine(backend, async (engine) => {
    const model = share(fixture.parameters);
    const vectors = fixture.vectors.map(share);
    const [products] = await hessianProducts(engine, fixture.sizes, [model], [vectors]);
    for (const [index, product] of products!.entries()) {
      // Float32 through a dozen operations on numbers of the product's size.
      const expected = fixture.products[index]!;
      assertAllClose(product, expected, 10 * FLOAT * (1 + size(expected)));
    }
  }, { dataset: fixtureData });
});

const models = [4, 5, 6].map((seed) => initialise(SIZES, seed));
const lastBias = layoutLayers(SIZES).at(-1)!.bias;

/** Normal vectors, K of them. */
function drawVectors(count: number, seed: number): SharedFloats[] {
  return Array.from({ length: count }, (_, index) => {
    const vector = share(new Float32Array(countParameters(SIZES)));
    fillNormal(vector, openStream(seed, index));
    return vector;
  });
}

/**
 * (g(w + h v) - g(w - h v)) / 2 h in float64. With h = 1e-6 and |v_i| of about 1, third derivatives
 * of up to 1e4 and roundings of 1e-16 / h leave about 1e-8; no unit's sign changes that close by.
 */
function differenceOfGradients(model: Float32Array, vector: Float32Array): Float64Array {
  const data = referenceSplit(SMALL.train);
  const step = 1e-6;
  const gradientAt = (sign: number): Float64Array =>
    referencePass(SIZES, Float64Array.from(model, (w, i) => w + sign * step * vector[i]!), data)
      .gradient;
  const below = gradientAt(-1);
  return gradientAt(1).map((g, i) => (g - below[i]!) / (2 * step));
}

testBackends("gradients() agrees with float64, the last biases' is 0", async (backend) => {
  await withEngine(backend, async (engine) => {
    const found = await engine.gradients(SIZES, models);
    for (const [index, { loss, gradient }] of found.entries()) {
      const expected = referencePass(SIZES, models[index]!, referenceSplit(SMALL.train));
      assertAlmostEquals(loss, expected.loss, FLOAT);
      assertAllClose(gradient, expected.gradient, FLOAT);
      assertEquals(gradient.slice(lastBias), new Float32Array(SIZES.at(-1)!));
    }
  });
});

testBackends("openHessian() agrees with differences of float64 gradients", async (backend) => {
  const vectors = [drawVectors(2, 1), [], drawVectors(3, 2)];
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

testBackends("openHessian() is linear and symmetric", async (backend) => {
  const [u, v] = drawVectors(2, 3) as [SharedFloats, SharedFloats];
  const sum = share(u.map((each, i) => 2 * each - v[i]!));
  const dot = (a: Float32Array, b: Float32Array): number => a.reduce((s, x, i) => s + x * b[i]!, 0);
  await withEngine(backend, async (engine) => {
    const [[ofU, ofV, ofSum]] = await hessianProducts(engine, SIZES, [models[0]!], [[
      u,
      v,
      sum,
    ]]) as [[SharedFloats, SharedFloats, SharedFloats]];
    const scale = 1 + size(ofU) + size(ofV);
    assertAllClose(ofSum, ofU.map((each, i) => 2 * each - ofV[i]!), 10 * FLOAT * scale);
    // P products of numbers of size 1 and H v, whose roundings add up as a random walk.
    const tolerance = 10 * FLOAT * scale * Math.sqrt(u.length);
    assertAlmostEquals(dot(u, ofV), dot(v, ofU), tolerance);
  });
});

testBackends(
  "chunks of rows and groups of vectors change nothing but rounding",
  async (backend) => {
    const vectors = models.map((_, index) => drawVectors(4, index));
    const results: number[][] = [];
    // The second memory holds a few rows and two vectors at a time.
    for (const deviceMemory of [2 ** 30, 60_000]) {
      await withEngine(backend, async (engine) => {
        const gradients = await engine.gradients(SIZES, models);
        const products = await hessianProducts(engine, SIZES, models, vectors);
        results.push([
          ...gradients.flatMap(({ loss, gradient }) => [loss, ...gradient]),
          ...products.flat().flatMap((product) => [...product]),
        ]);
      }, { deviceMemory });
    }
    assertAllClose(results[1]!, results[0]!, 10 * FLOAT * (1 + size(results[0]!)));
  },
  ["cpu"],
);

testBackends(
  "gradients() and openHessian() abort with the signal's reason",
  async (backend) => {
    await withEngine(backend, async (engine) => {
      const signal = AbortSignal.abort(new Error("enough"));
      await assertRejects(() => engine.gradients(SIZES, models, { signal }), Error, "enough");
      const vectors = models.map(() => drawVectors(1, 0));
      await assertRejects(
        () => hessianProducts(engine, SIZES, models, vectors, { signal }),
        Error,
        "enough",
      );
    });
  },
);
