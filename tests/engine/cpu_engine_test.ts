/**
 * The CPU engine, on every matrix library: what must not matter, what it runs on, and how it ends.
 *
 * @module
 */
import { planTiles } from "~/lib/engine/cpu/perturbed_losses.ts";
import { initialise, MLP_1 } from "~/lib/model.ts";
import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { testLibraries, withEngine } from "~/tests/fixtures/engine_cpu_fixture.ts";
import { RAYS } from "~/tests/fixtures/reference_rays.ts";
import {
  drawVectors,
  hessianProducts,
  randomDataset,
  WHOLE,
} from "~/tests/fixtures/tiny_dataset.ts";

/** Two pieces of four blocks of 512 rows, the last one short. */
const TALL = [6, 7, 5, 4];
const ROWS = 2600;

const models = [1, 2, 3].map((seed) => initialise(TALL, seed));
const vectors = models.map((_, seed) => drawVectors(TALL, 5 - 2 * seed, seed));

testLibraries("the same bits on any number of threads and bytes", async (library) => {
  const dataset = randomDataset(TALL, ROWS);
  const results: unknown[][] = [];
  // Room for all, for some vectors and points, for fewer, and for nothing.
  for (const memory of [1.5e9, 1.2e6, 3e5, 1]) {
    for (const threads of [1, 3]) {
      await withEngine({ dataset, library, threads, memory }, async (engine) => {
        results.push([
          await engine.perturbedLosses(TALL, models, { seed: 3, rays: RAYS, frozen: true }),
          await hessianProducts(engine, TALL, models, vectors),
          await engine.evaluate(TALL, models, WHOLE),
          await engine.evaluate(TALL, models, { split: "train", gradient: "norm" }),
          await engine.evaluate(TALL, models, { split: "test" }),
        ]);
        if (memory > 1 || threads > 1) return;
        const products = await hessianProducts(engine, TALL, [models[0]!], [[vectors[0]![4]!]]);
        const together = results[0]![1] as unknown[][];
        assertEquals(products, [[together[0]![4]]], "alone");
      });
    }
  }
  for (const result of results) assertEquals(result, results[0]!);
});

testLibraries("the same bits after a larger network moved memory", async (library) => {
  const sizes = [9, 17, 4];
  const dataset = randomDataset(sizes, 90);
  await withEngine({ dataset, library }, async (engine) => {
    const options = { split: "train", gradient: "norm" } as const;
    const model = initialise(sizes, 1);
    const before = await engine.evaluate(sizes, [model], options);
    const wide = [9, 3000, 4];
    await engine.evaluate(wide, [initialise(wide, 1)], options);
    assertEquals(await engine.evaluate(sizes, [model], options), before);
  });
});

testLibraries("the engine says what ran", async (library) => {
  const dataset = randomDataset([5, 3], 30);
  await withEngine({ dataset, library, threads: 2 }, async (engine) => {
    assertEquals(engine.info.name, "cpu");
    assertMatch(
      engine.info.library,
      ({ blas: /^(?!onnx)/, onednn: /^oneDNN \d/, onnxruntime: /^onnxruntime-node \d/ })[library],
    );
    const stack = { sizes: [5, 3], batchSize: 1, optimizer: "SGD" };
    assertEquals([engine.concurrency, engine.stackSize(stack)], [2, 1]);
    const options = { split: "train" } as const;
    assertEquals((await engine.evaluate([5, 4], [initialise([5, 4], 0)], options)).length, 1);
  });
});

testLibraries("a point's losses are finite where a part of the network is 0", async (library) => {
  // A layer's biases, and one of its rows: there is nothing to scale a step with, so none is taken.
  const sizes = [9, 17, 4];
  const dataset = randomDataset(sizes, 40);
  const model = initialise(sizes, 1);
  model.fill(0, 9 * 16, 9 * 17 + 17);
  const rays = (["tensor", "filter"] as const).map((scaling) => ({
    direction: 0,
    scaling,
    steps: [1],
  }));
  await withEngine({ dataset, library }, async (engine) => {
    const [found] = await engine.perturbedLosses(sizes, [model], { seed: 1, rays, frozen: true });
    assert([...found!.losses, ...found!.frozen].flat().every(Number.isFinite));
  });
});

Deno.test("planTiles() fits the sampler into its memory with the fewest products", () => {
  const work = { threads: 2, rows: { train: 50_000, test: 0 }, bytes: 1.5e9 };
  const plan = (models: number, points = 1, bytes = 1.5e9): ReturnType<typeof planTiles> =>
    planTiles({ ...work, bytes }, MLP_1, { models, directions: 50, points });
  // With room for 102 MB a model, its first layer is computed once; else again for every tile.
  assertEquals(plan(3), { models: 3, directions: 3, kept: true, lanes: 2 });
  assertEquals(plan(18), { models: 18, directions: 25, kept: false, lanes: 1 });
  assertEquals(plan(18, 10, 1), { models: 1, directions: 1, kept: false, lanes: 1 });
  for (const [points, models] of [[1, 1000], [10, 108], [100, 18]] as const) {
    const tile = plan(models, points);
    assertLess(4 * 50_000 * 10 * tile.lanes * tile.models * tile.directions * points, 1.5e9);
  }
});
