/**
 * Gradients and products of the Hessian on the CPU engine, on every matrix library: PyTorch's
 * autograd, differences of float64 gradients, identities, and what must not matter.
 *
 * @module
 */
import type { SharedFloats } from "~/lib/engine/engine.ts";
import {
  countParameters,
  initialise,
  type LayerSizes,
  layoutLayers,
  NORMALISATION_EPSILON,
} from "~/lib/model/layout.ts";
import { fillNormal, openStream } from "~/lib/random.ts";
import {
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
  assertLessOrEqual,
  assertRejects,
} from "@std/assert";
import { hessianProducts } from "~/tests/fixtures/hessian_products.ts";
import { testLibraries, withEngine } from "~/tests/fixtures/engine_cpu_fixture.ts";
import { type ReferenceData, referencePass } from "~/tests/fixtures/reference_network.ts";
import { floatTolerance, furthest } from "~/tests/fixtures/reference_training.ts";
import {
  makeDataset,
  makeSplit,
  randomDataset,
  referenceSplit,
  share,
} from "~/tests/fixtures/tiny_dataset.ts";

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

const SIZES = [9, 17, 8, 4];
const dataset = randomDataset(SIZES, 600); // two blocks
const data = referenceSplit(dataset.train);

/** K normal vectors. */
function drawVectors(sizes: LayerSizes, K: number, seed: number): SharedFloats[] {
  return Array.from({ length: K }, (_, index) => {
    const vector = share(new Float32Array(countParameters(sizes)));
    fillNormal(vector, openStream(seed, index));
    return vector;
  });
}

function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);
}

function largest(values: ArrayLike<number>): number {
  return Math.max(...Array.from(values, Math.abs));
}

/**
 * (g(w + h v) - g(w - h v)) / 2h in float64: h^2 / 6 times third derivatives along v, which are below
 * 1e4 here, and roundings of 1e-15 / h, both below 1e-8 at h = 1e-6. A row whose unit changes sign
 * within the step would add its whole second derivative: none does.
 */
function differenceOfGradients(
  sizes: LayerSizes,
  data: ReferenceData,
  { model, vector }: { model: ArrayLike<number>; vector: ArrayLike<number> },
): Float64Array {
  const h = 1e-6;
  const at = (sign: number): Float64Array =>
    referencePass(sizes, Float64Array.from(model, (w, i) => w + sign * h * vector[i]!), data)
      .gradient;
  const below = at(-1);
  return at(1).map((g, i) => (g - below[i]!) / (2 * h));
}
const DIFFERENCES = 2e-8;

/** What float32 may make of H v: that of w's rounding, and of v's, which H v is linear in. */
function productTolerance(
  sizes: LayerSizes,
  data: ReferenceData,
  { model, vector }: { model: ArrayLike<number>; vector: ArrayLike<number> },
): number {
  return DIFFERENCES + floatTolerance((round) =>
    differenceOfGradients(sizes, data, {
      model: Float64Array.from(model, round),
      vector: Float64Array.from(vector, round),
    })
  );
}

testLibraries("gradients() and openHessian() give PyTorch's numbers", async (library) => {
  const { sizes, parameters, gradient, vectors, products } = fixture;
  const split = makeSplit(fixture.pixels.flat(), fixture.labels);
  const rows = referenceSplit(split);
  const tolerance = floatTolerance((round) =>
    referencePass(sizes, Float64Array.from(parameters, round), rows).gradient
  );
  assertLess(tolerance, 1e-5);
  await withEngine({ dataset: makeDataset(split), library }, async (engine) => {
    const model = share(parameters);
    const [found] = await engine.gradients(sizes, [model]);
    assertAlmostEquals(found!.loss, fixture.loss, tolerance);
    assertLessOrEqual(furthest(found!.gradient, gradient), tolerance);
    const [own] = await hessianProducts(engine, sizes, [model], [vectors.map(share)]);
    for (const [index, vector] of vectors.entries()) {
      const limit = productTolerance(sizes, rows, { model, vector });
      assertLess(limit, 1e-4 * largest(products[index]!));
      assertLessOrEqual(furthest(own![index]!, products[index]!), limit);
    }
  });
});

testLibraries("gradients() and openHessian() follow float64", async (library) => {
  const shapes = [[[5, 3], 40], [SIZES, 600], [[6, 7, 5, 4], 2100]] as const;
  for (const [sizes, rows] of shapes) {
    const dataset = randomDataset(sizes, rows);
    const data = referenceSplit(dataset.train);
    const models = [1, 2, 3].map((seed) => initialise(sizes, seed));
    const before = models.map((model) => model.slice());
    // More vectors than go through a piece together, none, and one.
    const vectors = [drawVectors(sizes, 5, 1), [], drawVectors(sizes, 1, 2)];
    const lastBias = layoutLayers(sizes).at(-1)!.bias;
    const zeros = new Float32Array(sizes.at(-1)!);
    await withEngine({ dataset, library, threads: 2 }, async (engine) => {
      const gradients = await engine.gradients(sizes, models);
      const products = await hessianProducts(engine, sizes, models, vectors);
      assertEquals(products.map(({ length }) => length), [5, 0, 1]);
      for (const [m, model] of models.entries()) {
        const exact = referencePass(sizes, model, data);
        const pass = (round: (w: number) => number): ReturnType<typeof referencePass> =>
          referencePass(sizes, Float64Array.from(model, round), data);
        const { loss, gradient } = gradients[m]!;
        assertAlmostEquals(loss, exact.loss, floatTolerance((round) => [pass(round).loss]));
        const tolerance = floatTolerance((round) => pass(round).gradient);
        assertLessOrEqual(furthest(gradient, exact.gradient), tolerance + 1e-7);
        assertEquals(new Float32Array(gradient.subarray(lastBias)), zeros);
        for (const [index, vector] of vectors[m]!.entries()) {
          const expected = differenceOfGradients(sizes, data, { model, vector });
          const limit = productTolerance(sizes, data, { model, vector });
          assertLess(limit, 1e-3 * largest(expected));
          assertLessOrEqual(furthest(products[m]![index]!, expected), limit);
          assertEquals(new Float32Array(products[m]![index]!.subarray(lastBias)), zeros);
        }
      }
    });
    assertEquals(models.map((model) => model.slice()), before);
  }
});

testLibraries("gradients() has evaluate()'s loss and norm", async (library) => {
  const model = initialise(SIZES, 3);
  await withEngine({ dataset, library }, async (engine) => {
    const options = { split: "train", gradient: true } as const;
    const [evaluated] = await engine.evaluate(SIZES, [model], options);
    const [found] = await engine.gradients(SIZES, [model]);
    assertEquals(found!.loss, evaluated!.loss);
    // The gradient is rounded to float32 after its norm was taken.
    const norm = Math.sqrt(dot(found!.gradient, found!.gradient));
    assertAlmostEquals(norm, evaluated!.gradientNorm, 2 ** -24 * norm);
  });
});

testLibraries("openHessian() is symmetric: u.Hv = v.Hu", async (library) => {
  const model = initialise(SIZES, 3);
  const [u, v] = drawVectors(SIZES, 2, 5) as [SharedFloats, SharedFloats];
  await withEngine({ dataset, library }, async (engine) => {
    const [[Hu, Hv]] = await hessianProducts(engine, SIZES, [model], [[u, v]]) as [
      [SharedFloats, SharedFloats],
    ];
    const limit = productTolerance(SIZES, data, { model, vector: u });
    // P errors of `limit` at most, of either sign, weighted by normal numbers.
    const tolerance = 2 * Math.sqrt(u.length) * limit;
    assertGreater(Math.abs(dot(u, Hv)), 100 * tolerance);
    assertAlmostEquals(dot(u, Hv), dot(v, Hu), tolerance);
  });
});

testLibraries(
  "a direction that changes nothing has H v = -g on its row, else 0",
  async (library) => {
    // The loss does not depend on the length of a last row w_k (but for epsilon): <w_k, g_k> = 0 for
    // every w, and its derivative is H v + g_k = 0 for v = w_k on the row and 0 elsewhere.
    const { weight, bias, inputs, outputs } = layoutLayers(SIZES).at(-1)!;
    const model = initialise(SIZES, 3);
    // Logits of a spread beside which epsilon is small.
    for (let i = weight; i < bias; i++) model[i]! *= 30;
    const { gradient, statistics } = referencePass(SIZES, model, data);
    const vectors = Array.from({ length: outputs }, (_, c) => {
      const vector = share(new Float32Array(model.length));
      const row = [weight + c * inputs, weight + (c + 1) * inputs] as const;
      vector.set(model.subarray(...row), row[0]);
      return vector;
    });
    // A step of the last biases changes nothing at all.
    const shift = share(new Float32Array(model.length));
    shift.fill(1, bias);
    await withEngine({ dataset, library }, async (engine) => {
      const [products] = await hessianProducts(engine, SIZES, [model], [[...vectors, shift]]);
      assertEquals(products!.pop(), share(new Float32Array(model.length)));
      for (const [c, vector] of vectors.entries()) {
        const expected = vector.map((w, i) => w === 0 ? 0 : -gradient[i]!);
        // Epsilon is the fraction eps inverse^2 of the variance; <w, g> and its derivatives are that
        // fraction of numbers of the gradients' size, with room for a factor of 20.
        const fraction = NORMALISATION_EPSILON * statistics.inverses[c]! ** 2;
        const limit = productTolerance(SIZES, data, { model, vector });
        const tolerance = limit + 20 * fraction * largest(gradient);
        assertLess(tolerance, 0.1 * largest(expected));
        assertLessOrEqual(furthest(products![c]!, expected), tolerance);
      }
    });
  },
);

testLibraries("curvature has the same bits on any number of threads and bytes", async (library) => {
  // Three pieces of four blocks, the last one short.
  const sizes = [6, 7, 5, 4];
  const dataset = randomDataset(sizes, 5000);
  const models = [1, 2].map((seed) => initialise(sizes, seed));
  const vectors = [drawVectors(sizes, 5, 1), drawVectors(sizes, 1, 2)];
  const results: unknown[] = [];
  // Room for all, for the hidden outputs but no vector's, and for nothing.
  for (const samplerBytes of [1.5e9, 3e5, 1]) {
    for (const threads of [1, 3]) {
      await withEngine({ dataset, library, threads, samplerBytes }, async (engine) => {
        results.push([
          await engine.gradients(sizes, models),
          await hessianProducts(engine, sizes, models, vectors),
        ]);
      });
    }
  }
  for (const result of results) assertEquals(result, results[0]);
  await withEngine({ dataset, library }, async (engine) => {
    const [alone] = await hessianProducts(engine, sizes, [models[0]!], [[vectors[0]![4]!]]);
    assertEquals(alone![0], (results[0] as [unknown, SharedFloats[][]])[1][0]![4]!);
  });
});

testLibraries("curvature of NaN weights is NaN, not an error", async (library) => {
  const model = initialise(SIZES, 1);
  model[5] = NaN;
  await withEngine({ dataset, library }, async (engine) => {
    const [found] = await engine.gradients(SIZES, [model]);
    assertEquals(found!.loss, NaN);
  });
});

testLibraries(
  "curvature aborts with the signal's reason, and refuses wrong vectors",
  async (library) => {
    const model = initialise(SIZES, 1);
    await withEngine({ dataset, library }, async (engine) => {
      const signal = AbortSignal.abort(new Error("enough"));
      const vectors = [drawVectors(SIZES, 1, 0)];
      await assertRejects(() => engine.gradients(SIZES, [model], { signal }), Error, "enough");
      await assertRejects(
        () => hessianProducts(engine, SIZES, [model], vectors, { signal }),
        Error,
        "enough",
      );
      await assertRejects(
        () => hessianProducts(engine, SIZES, [model], [[share([1, 2])]]),
        RangeError,
        "Cannot multiply by the Hessian as a vector must have 350 numbers: current number is 2",
      );
    });
  },
);
