/**
 * What every engine computes alike: the numbers of PyTorch and of float64 loops, members of a stack
 * that do not see each other, and refusals.
 *
 * @module
 */
import type { PerturbOptions } from "~/lib/engine/engine.ts";
import { initialise, type LayerSizes, layoutLayers } from "~/lib/model.ts";
import { allocateState } from "~/lib/optimizer.ts";
import { assertAlmostEquals, assertEquals, assertLess, assertRejects } from "@std/assert";
import { dataset as curvatureData, pytorch } from "~/tests/fixtures/curvature_network.ts";
import { testEngines } from "~/tests/fixtures/every_engine.ts";
import {
  drawVectors,
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
import { fixture, flatten } from "~/tests/fixtures/pytorch_fixture.ts";
import {
  type ReferenceData,
  referenceForward,
  referencePass,
} from "~/tests/fixtures/reference_network.ts";
import { RAYS, stepOf } from "~/tests/fixtures/reference_rays.ts";
import { floatTolerance, furthest, once } from "~/tests/fixtures/reference_training.ts";
import { FLOAT } from "~/tests/fixtures/tensorflow_fixture.ts";

/** One layer, odd sizes beyond a SIMD vector, and two blocks of 512 rows. */
const SHAPES: [LayerSizes, rows: number][] = [[[5, 3], 40], [[21, 37, 10, 3], 70], [
  [6, 7, 5, 4],
  600,
]];
const SIZES = [9, 17, 8, 4];

const largest = (values: ArrayLike<number>): number => Math.max(...Array.from(values, Math.abs));

/** A network and a vector that its Hessian is multiplied by. */
interface Product {
  readonly model: ArrayLike<number>;
  readonly vector: ArrayLike<number>;
}

/**
 * (g(w + h v) - g(w - h v)) / 2h in float64: h^2 / 6 times third derivatives along v, which are below
 * 1e4 here, and roundings of 1e-15 / h, both below 1e-8 at h = 1e-6. A row whose unit changes sign
 * within the step would add its whole second derivative: none does.
 */
function differenceOfGradients(
  sizes: LayerSizes,
  data: ReferenceData,
  { model, vector }: Product,
): Float64Array {
  const h = 1e-6;
  const at = (sign: number): Float64Array =>
    referencePass(sizes, Float64Array.from(model, (w, i) => w + sign * h * vector[i]!), data)
      .gradient;
  const below = at(-1);
  return at(1).map((g, i) => (g - below[i]!) / (2 * h));
}

/** What float32 may make of H v: that of w's rounding, and of v's, which H v is linear in. */
function productTolerance(
  sizes: LayerSizes,
  data: ReferenceData,
  { model, vector }: Product,
): number {
  return 2e-8 + floatTolerance((round) =>
    differenceOfGradients(sizes, data, {
      model: Float64Array.from(model, round),
      vector: Float64Array.from(vector, round),
    })
  );
}

testEngines("evaluate() and openHessian() follow float64", async (open, slack) => {
  for (const [sizes, rows] of SHAPES) {
    const dataset = randomDataset(sizes, rows);
    const models = [1, 2, 3].map((seed) => initialise(sizes, seed));
    const before = models.map((model) => model.slice());
    // More vectors than go through a piece together, none, and one.
    const vectors = [drawVectors(sizes, 5, 1), [], drawVectors(sizes, 1, 2)];
    const lastBias = layoutLayers(sizes).at(-1)!.bias;
    const zeros = new Float32Array(sizes.at(-1)!);
    await open(dataset, async (engine) => {
      const gradients = await engine.evaluate(sizes, models, WHOLE);
      const products = await hessianProducts(engine, sizes, models, vectors);
      assertEquals(products.map(({ length }) => length), [5, 0, 1]);
      for (const split of ["train", "test"] as const) {
        const data = referenceSplit(dataset[split]);
        const found = await engine.evaluate(sizes, models, { split, gradient: "norm" });
        const without = await engine.evaluate(sizes, models, { split });
        for (const [m, model] of models.entries()) {
          const { loss, accuracy, gradientNorm } = found[m]!;
          const [exact, losses, norms, gradientsOff] = once(`${sizes} ${split} ${m}`, () => {
            const pass = (round: (w: number) => number): ReturnType<typeof referencePass> =>
              referencePass(sizes, Float64Array.from(model, round), data);
            return [
              pass((w) => w),
              floatTolerance((round) => [pass(round).loss]),
              floatTolerance((round) => [Math.hypot(...pass(round).gradient)]),
              floatTolerance((round) => pass(round).gradient),
            ] as const;
          });
          assertAlmostEquals(loss, exact.loss, losses + slack);
          assertAlmostEquals(accuracy, exact.accuracy, 1e-15);
          assertAlmostEquals(gradientNorm, Math.hypot(...exact.gradient), norms + slack);
          assertAlmostEquals(without[m]!.loss, loss, slack);
          assertEquals([without[m]!.accuracy, without[m]!.gradientNorm], [accuracy, NaN]);
          if (split === "test") continue;
          const { loss: own, gradient } = gradients[m]!;
          assertAlmostEquals(own, loss, slack);
          assertLess(furthest(gradient, exact.gradient), gradientsOff + slack);
          assertEquals(new Float32Array(gradient.subarray(lastBias)), zeros);
          for (const [index, vector] of vectors[m]!.entries()) {
            const [expected, limit] = once(
              `${sizes} ${m} ${index}`,
              () =>
                [differenceOfGradients, productTolerance].map((compute) =>
                  compute(sizes, data, { model, vector })
                ) as [Float64Array, number],
            );
            assertLess(limit, 1e-3 * largest(expected));
            const product = products[m]![index]!;
            assertLess(furthest(product, expected), limit + 10 * slack * (1 + largest(expected)));
            assertEquals(new Float32Array(product.subarray(lastBias)), zeros);
          }
        }
      }
    });
    assertEquals(models.map((model) => model.slice()), before);
  }
});

testEngines("perturbedLosses() is the loss at every point, frozen or not", async (open, slack) => {
  for (const [sizes, rows] of SHAPES) {
    const dataset = randomDataset(sizes, rows);
    const data = referenceSplit(dataset.train);
    const models = [1, 2].map((seed) => initialise(sizes, seed));
    await open(dataset, async (engine) => {
      const found = await engine.perturbedLosses(sizes, models, {
        ...{ seed: 9, rays: RAYS, frozen: true },
      });
      const bare = await engine.perturbedLosses(sizes, models, { seed: 9, rays: [] });
      assertEquals(await engine.perturbedLosses(sizes, [], { seed: 9, rays: RAYS }), []);
      // Rays do not see each other, to the bit, in whatever order their steps are.
      for (const [index, { steps, ...ray }] of RAYS.entries()) {
        const rays = [{ ...ray, steps: steps.toReversed() }];
        const alone = await engine.perturbedLosses(sizes, models, { seed: 9, rays });
        assertEquals(
          alone.map(({ loss, losses, frozen }) => ({ loss, frozen, own: losses[0]!.toReversed() })),
          found.map(({ loss, losses }) => ({ loss, frozen: [], own: [...losses[index]!] })),
        );
      }
      for (const [m, model] of models.entries()) {
        const exact = referenceForward(sizes, model, data);
        const { loss, losses, accuracies, frozen } = found[m]!;
        const noise = floatTolerance((round) => [
          referenceForward(sizes, Float64Array.from(model, round), data).loss,
        ]);
        assertAlmostEquals(loss, exact.loss, noise + slack);
        assertEquals([bare[m]!.losses, bare[m]!.frozen], [[], []]);
        assertAlmostEquals(bare[m]!.loss, loss, slack);
        for (const [ray, { direction, scaling, steps }] of RAYS.entries()) {
          for (const [index, step] of steps.entries()) {
            const name = `${sizes} ${scaling} ${step}`;
            const [own, kept] = [losses[ray]![index]!, frozen[ray]![index]!];
            if (step === 0) {
              assertEquals([own, kept], [loss, loss]);
              continue;
            }
            const [expected, tolerance] = once(`${name} ${m} ${direction}`, () => {
              const along = stepOf(sizes, model, { direction, scaling }, 9);
              const moved = Float64Array.from(model, (w, i) => w + step * along[i]!);
              const at = (point: Float64Array) => ({
                ...referenceForward(sizes, point, data),
                frozen: referenceForward(sizes, point, data, exact.statistics).loss,
              });
              const off = floatTolerance((round) => {
                const { loss, frozen } = at(moved.map(round));
                return [loss, frozen];
              });
              return [at(moved), off] as const;
            });
            // Far from the model's loss, so that no mix-up passes.
            assertLess(1e-4, Math.abs(expected.loss - exact.loss), name);
            assertLess(tolerance, 1e-4, name);
            assertAlmostEquals(own, expected.loss, tolerance + slack, name);
            // Frozen logits are not held to unit variance: losses grow, and the rounding with them.
            const wide = slack * Math.max(1, expected.frozen);
            assertAlmostEquals(kept, expected.frozen, tolerance + wide, name);
            assertAlmostEquals(accuracies[ray]![index]!, expected.accuracy, 1e-15, name);
          }
        }
        // The same point of two rays.
        assertEquals(losses[3]![0], losses[0]![1]);
      }
    });
  }
});

testEngines("perturbedLosses() reports progress, and aborts on the way", async (open) => {
  const sizes = [6, 7, 5, 4];
  const models = [initialise(sizes, 1)];
  const rays = RAYS.slice(0, 2);
  // On the CPU 20 blocks of rows, in four pieces for the model and for its points.
  await open(randomDataset(sizes, 20 * 512), async (engine) => {
    const ask = (options: Partial<PerturbOptions> = {}): Promise<unknown> =>
      engine.perturbedLosses(sizes, models, { seed: 1, rays, ...options });
    const seen: [number, number][] = [];
    const expected = await ask({ onProgress: (...each) => seen.push(each) });
    const [, total] = seen[0]!;
    assertEquals(seen.at(-1), [total, total]);
    for (const [index, [done, all]] of seen.entries()) {
      assertEquals(all, total);
      assertLess(seen[index - 1]?.[0] ?? 0, done + 1);
    }
    const controller = new AbortController();
    const { signal } = controller;
    const reason = new Error("enough");
    let reports = 0;
    const onProgress = (): unknown => ++reports === 3 && controller.abort(reason);
    assertEquals(await assertRejects(() => ask({ onProgress, signal })), reason);
    // What is in progress may end, a piece a thread; the rest is not begun, and the engine goes on.
    assertLess(reports, Math.min(6, seen.length));
    assertEquals(await ask(), expected);
  });
});

// --- PyTorch ---

const fixtureData = makeDataset(makeSplit(fixture.pixels.flat(), fixture.labels));

Deno.test("PyTorch's losses, gradients and losses at a distance are the float64 reference's", () => {
  const { sizes, init, runs, direction, radius } = fixture;
  const rows = referenceSplit(fixtureData.train);
  const { loss, gradient } = referencePass(sizes, flatten(init), rows);
  // An ulp of 1.4 is 1.2e-7, and PyTorch sums 40 rows.
  assertAlmostEquals(loss, fixture.lossAtInit, 5e-7);
  // In biases whose gradient is exactly 0 the normalisation magnifies rounding by 1 / sigma.
  assertLess(furthest(flatten(fixture.fullGradientAtInit), gradient), 4e-5);
  const step = radius / Math.hypot(...direction);
  for (const { finalParameters, finalLoss, finalAccuracy, perturbedLoss } of runs) {
    const w = flatten(finalParameters);
    const pass = referencePass(sizes, w, rows);
    assertAlmostEquals(pass.loss, finalLoss, 5e-7);
    assertAlmostEquals(pass.accuracy, finalAccuracy, 1e-7);
    const moved = referencePass(sizes, w.map((value, i) => value + step * direction[i]!), rows);
    assertAlmostEquals(moved.loss, perturbedLoss, 1e-6);
  }
});

Deno.test("the float64 reference's gradient is that of central differences of its loss", () => {
  const { sizes, init } = fixture;
  const w = Float64Array.from(flatten(init));
  const rows = referenceSplit(fixtureData.train);
  // Truncation is h^2/6 L''' < 1e-9 for L''' < 1e3, rounding 1e-16 L / h = 1e-10; rows within h of a
  // ReLU's kink add less than h times a gradient.
  const h = 1e-6;
  const expected = w.map((value, i) => {
    const loss = (x: number): number => referenceForward(sizes, w.with(i, x), rows).loss;
    return (loss(value + h) - loss(value - h)) / (2 * h);
  });
  const { gradient } = referencePass(sizes, w, rows);
  assertLess(furthest(gradient, expected), 1e-8);
  assertLess(1e-2, largest(gradient));
});

testEngines(
  "evaluate(), trainEpoch() and openHessian() give PyTorch's numbers",
  async (open) => {
    const { sizes, init, runs, batch: batchSize, epochs } = fixture;
    const finals = runs.map(({ finalParameters }) => share(flatten(finalParameters)));
    await open(fixtureData, async (engine) => {
      const options = { split: "train", gradient: "norm" } as const;
      const [first, ...last] = await engine.evaluate(
        sizes,
        [share(flatten(init)), ...finals],
        options,
      );
      assertAlmostEquals(first!.loss, fixture.lossAtInit, FLOAT);
      // PyTorch's own float32 gradient is as far off.
      assertAlmostEquals(
        first!.gradientNorm,
        Math.hypot(...flatten(fixture.fullGradientAtInit)),
        5e-5,
      );
      for (const [index, { finalLoss, finalAccuracy }] of runs.entries()) {
        assertAlmostEquals(last[index]!.loss, finalLoss, FLOAT);
        assertAlmostEquals(last[index]!.accuracy, finalAccuracy, FLOAT);
      }
      for (const { optimizer, learningRate, epochLosses } of runs) {
        const [parameters, { length }] = [share(flatten(init)), flatten(init)];
        const member = {
          learningRate,
          parameters,
          state: allocateState(optimizer, length),
          epochs: 0,
        };
        const options = { sizes, batchSize, optimizer };
        const { losses } = await train(engine, options, { members: [member], epochs });
        // Nine updates take 0.3 off the loss. AdaGrad's first is of length lr wherever rounding makes a
        // gradient of 0 anything else.
        const tolerance = optimizer === "SGD" ? 1e-4 : 1e-3;
        assertLess(furthest(losses.flat(), epochLosses), tolerance, optimizer);
      }
    });
    await open(curvatureData, async (engine) => {
      const model = share(pytorch.parameters);
      const [found] = await engine.evaluate(pytorch.sizes, [model], WHOLE);
      assertAlmostEquals(found!.loss, pytorch.loss, FLOAT);
      assertLess(furthest(found!.gradient, pytorch.gradient), FLOAT);
      const asked = [pytorch.vectors.map(share)];
      const [products] = await hessianProducts(engine, pytorch.sizes, [model], asked);
      for (const [index, expected] of pytorch.products.entries()) {
        // Float32 through a dozen operations on numbers of the product's size.
        assertLess(furthest(products![index]!, expected), 10 * FLOAT * (1 + largest(expected)));
      }
    });
  },
);

// --- Refusals ---

testEngines("what is wrong is refused, an abort has its reason", async (open) => {
  const start = "Cannot run a network on these images as its ";
  await open(randomDataset(SIZES, 70), async (engine) => {
    const refuse = async (ask: () => Promise<unknown>, message: string): Promise<void> => {
      await assertRejects(ask, RangeError, message);
    };
    const cases = [
      [[5, 4], "first layer must have 9 inputs: current value is 5"],
      [[9, 2], "last layer must have 4 outputs or more: current value is 2"],
    ] as const;
    for (const [sizes, message] of cases) {
      const models = [initialise(sizes, 0)];
      const member = makeMember(sizes, { seed: 0, learningRate: 0.1, optimizer: "SGD" });
      for (
        const ask of [
          () => engine.evaluate(sizes, models, { split: "test" }),
          () => engine.perturbedLosses(sizes, models, { seed: 1, rays: [] }),
          () => hessianProducts(engine, sizes, models, [[]]),
          () => engine.createStack({ sizes, batchSize: 1, optimizer: "SGD" }, [member]),
        ]
      ) await refuse(ask, start + message);
    }
    const adam = makeMember(SIZES, { seed: 0, learningRate: 0.1, optimizer: "Adam" });
    await refuse(
      () => engine.createStack({ sizes: SIZES, batchSize: 16, optimizer: "Lion" }, [adam]),
      "Cannot use optimizer Lion as it must be AdaGrad or ",
    );
    await refuse(
      () => engine.createStack({ sizes: SIZES, batchSize: 16, optimizer: "AdaGrad" }, [adam]),
      "Cannot train a network of sizes 9,17,8,4 as it must have 350 parameters and 350 numbers of " +
        "state: it has 350 and 700",
    );
    const models = [initialise(SIZES, 1)];
    await refuse(
      () => hessianProducts(engine, SIZES, models, [[share([1, 2])]]),
      "Cannot multiply by the Hessian as a vector must have 350 numbers: current number is 2",
    );
    const short = [models[0]!, share(models[0]!.subarray(1))];
    for (
      const ask of [
        () => engine.evaluate(SIZES, short, WHOLE),
        () => engine.perturbedLosses(SIZES, short, { seed: 1, rays: [] }),
        () => hessianProducts(engine, SIZES, short.slice(1), [[]]),
      ]
    ) {
      const wanted = "as it must have 350 parameters: current number is 349";
      await refuse(ask, `Cannot run a network of sizes 9,17,8,4 ${wanted}`);
    }
    const signal = AbortSignal.abort(new Error("enough"));
    for (
      const ask of [
        () => engine.evaluate(SIZES, models, { ...WHOLE, signal }),
        () => hessianProducts(engine, SIZES, models, [drawVectors(SIZES, 1, 0)], signal),
        () => engine.perturbedLosses(SIZES, models, { seed: 1, rays: RAYS, signal }),
      ]
    ) await assertRejects(ask, Error, "enough");
  });
});
