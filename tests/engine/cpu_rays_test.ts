/**
 * Losses along rays on the CPU engine, on every matrix library: float64's numbers, and what must not
 * matter.
 *
 * @module
 */
import { groupRays, mostPoints, planTiles } from "~/lib/engine/cpu/perturbed_losses.ts";
import type { PerturbedLosses, Ray } from "~/lib/engine/engine.ts";
import { initialise, MLP_1 } from "~/lib/model/layout.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
  assertLessOrEqual,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { testLibraries, withEngine } from "~/tests/fixtures/engine_cpu_fixture.ts";
import { referenceForward } from "~/tests/fixtures/reference_network.ts";
import { referencePoint, referencePointLosses } from "~/tests/fixtures/reference_rays.ts";
import { floatTolerance } from "~/tests/fixtures/reference_training.ts";
import { randomDataset, referenceSplit } from "~/tests/fixtures/tiny_dataset.ts";

/** Three blocks of rows at 1,100. */
const TALL = [6, 7, 5, 4];

/** All scalings, steps of either sign and 0, directions shared and not, one asked for twice. */
const RAYS: readonly Ray[] = [
  { direction: 4, scaling: "global", steps: [2, -1] },
  { direction: 0, scaling: "tensor", steps: [0.5, 0, -0.5] },
  { direction: 4, scaling: "filter", steps: [0.5, -0.4] },
  { direction: 4, scaling: "global", steps: [-1] },
  { direction: 2, scaling: "global", steps: [] },
  { direction: 7, scaling: "tensor", steps: [-0.6] },
];

testLibraries("perturbedLosses() is the loss at every point, frozen or not", async (library) => {
  for (const [sizes, rows] of [[[5, 3], 40], [[9, 17, 4], 60], [TALL, 600]] as const) {
    const dataset = randomDataset(sizes, rows);
    const data = referenceSplit(dataset.train);
    const models = [1, 2].map((seed) => initialise(sizes, seed));
    const before = models.map((model) => model.slice());
    await withEngine({ dataset, library, threads: 2 }, async (engine) => {
      const ask = { seed: 9, rays: RAYS, frozen: true };
      const found = await engine.perturbedLosses(sizes, models, ask);
      for (const [m, model] of models.entries()) {
        const exact = referenceForward(sizes, model, data);
        const { loss, losses, frozen } = found[m]!;
        const noisy = (round: (w: number) => number): number[] => [
          referenceForward(sizes, Float64Array.from(model, round), data).loss,
        ];
        assertAlmostEquals(loss, exact.loss, floatTolerance(noisy));
        for (const [ray, { direction, scaling, steps }] of RAYS.entries()) {
          for (const [index, step] of steps.entries()) {
            const name = `${sizes} ${scaling} ${step}`;
            const [own, kept] = [losses[ray]![index]!, frozen[ray]![index]!];
            if (step === 0) {
              assertEquals([own, kept], [loss, loss]);
              continue;
            }
            const moved = referencePoint(sizes, model, { seed: 9, direction, scaling, step });
            const at = (point: Float64Array): [number, number] => {
              const { statistics } = exact;
              const { loss, frozen } = referencePointLosses(sizes, point, { data, statistics });
              return [loss, frozen];
            };
            const expected = at(moved);
            // Far from the model's loss, so that no mix-up passes.
            assertGreater(Math.abs(expected[0] - exact.loss), 1e-4, name);
            const tolerance = floatTolerance((round) => at(moved.map(round))) + 1e-7;
            assertLess(tolerance, 1e-4, name);
            assertAlmostEquals(own, expected[0], tolerance, name);
            assertAlmostEquals(kept, expected[1], tolerance, name);
          }
        }
        // The same point of two rays.
        assertEquals(losses[3]![0], losses[0]![1]);
      }
    });
    assertEquals(models.map((model) => model.slice()), before);
  }
});

testLibraries(
  "perturbedLosses() without rays is L(w) alone, near evaluate()'s",
  async (library) => {
    const dataset = randomDataset(TALL, 1100);
    const data = referenceSplit(dataset.train);
    const models = [1, 2].map((seed) => initialise(TALL, seed));
    await withEngine({ dataset, library }, async (engine) => {
      const found = await engine.perturbedLosses(TALL, models, { seed: 1, rays: [] });
      const evaluated = await engine.evaluate(TALL, models, { split: "train", gradient: false });
      for (const [m, { loss, losses, frozen }] of found.entries()) {
        assertEquals([losses, frozen], [[], []]);
        // The first layer's products are taken the other way round, and other libraries add up in
        // another order: both are float32 passes of the same network.
        const tolerance = floatTolerance((round) => [
          referenceForward(TALL, Float64Array.from(models[m]!, round), data).loss,
        ]);
        assertLess(tolerance, 1e-5);
        assertAlmostEquals(loss, evaluated[m]!.loss, 2 * tolerance);
      }
      assertEquals(await engine.perturbedLosses(TALL, [], { seed: 1, rays: RAYS }), []);
    });
  },
);

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

testLibraries(
  "perturbedLosses() gives the same bits for any chunk and threads",
  async (library) => {
    const dataset = randomDataset(TALL, 1100);
    const models = [1, 2, 3, 4, 5].map((seed) => initialise(TALL, seed));
    const ask = { seed: 3, rays: RAYS, frozen: true };
    const results: PerturbedLosses[][] = [];
    for (const threads of [1, 3]) {
      // Room for all points, for few, and for less than one.
      for (const samplerBytes of [1.5e9, 1.2e6, 4e5, 1]) {
        await withEngine({ dataset, library, threads, samplerBytes }, async (engine) => {
          results.push(await engine.perturbedLosses(TALL, models, ask));
        });
      }
    }
    for (const result of results) assertEquals(result, results[0]!);
    // Alone, in another order, and without what else was asked for.
    await withEngine({ dataset, library }, async (engine) => {
      for (const [m, model] of models.entries()) {
        for (const ray of [5, 2, 0]) {
          const rays = [{ ...RAYS[ray]!, steps: RAYS[ray]!.steps.toReversed() }];
          const [alone] = await engine.perturbedLosses(TALL, [model], { seed: 3, rays });
          const { loss, losses, accuracies } = results[0]![m]!;
          const own = [losses, accuracies].map((all) => [all[ray]!.toReversed()]);
          assertEquals(alone, { loss, losses: own[0]!, accuracies: own[1]!, frozen: [] });
        }
      }
    });
  },
);

Deno.test("groupRays() has the model first, every point once, and no group beyond its bound", () => {
  for (const [most, sizes] of [[10, [1, 4, 2, 1]], [2, [1, 2, 2, 2, 1]]] as const) {
    const groups = groupRays(RAYS, most);
    assertEquals(groups.map(({ points }) => points.length), [...sizes]);
    assertEquals(groups[0], {
      direction: null,
      points: [{ scaling: "global", step: 0, targets: [{ ray: 1, index: 1 }] }],
    });
    const targets = groups.flatMap(({ points }) => points.flatMap((point) => point.targets));
    const asked = RAYS.flatMap(({ steps }, ray) => steps.map((_, index) => ({ ray, index })));
    const order = (all: { ray: number; index: number }[]): string[] =>
      all.map(({ ray, index }) => `${ray} ${index}`).toSorted();
    assertEquals(order(targets), order(asked));
  }
});

Deno.test("planTiles() fits the sampler into its memory with the fewest products", () => {
  const work = { threads: 2, rows: 50_000, bytes: 1.5e9 };
  const plan = (models: number, points = 1, bytes = 1.5e9): ReturnType<typeof planTiles> =>
    planTiles({ ...work, bytes }, MLP_1, { models, directions: 50, points });
  // With room for 102 MB a model, its first layer is computed once; else again for every tile.
  assertEquals(plan(3), { models: 3, directions: 3, kept: true, lanes: 2 });
  assertEquals(plan(18), { models: 18, directions: 25, kept: false, lanes: 1 });
  assertEquals(plan(18, 10, 1), { models: 1, directions: 1, kept: false, lanes: 1 });
  assertEquals(mostPoints({ ...work, bytes: 1 }, MLP_1), 1);
  for (const points of [1, 10, 100]) {
    assertLessOrEqual(points, mostPoints(work, MLP_1));
    for (const models of [1, 18, 108, 1000]) {
      const tile = plan(models, points);
      const pairs = tile.lanes * tile.models * tile.directions;
      assertLess(4 * 50_000 * 10 * pairs * points, 1.5e9);
      assertGreater(pairs, 0);
    }
  }
});

testLibraries("perturbedLosses() reports progress that rises to the end", async (library) => {
  const dataset = randomDataset(TALL, 1100);
  const models = [1, 2, 3].map((seed) => initialise(TALL, seed));
  const seen: [number, number][] = [];
  await withEngine(
    { dataset, library, threads: 2, samplerBytes: 6e5 },
    (engine) =>
      engine.perturbedLosses(TALL, models, {
        seed: 1,
        rays: RAYS,
        onProgress: (done, total) => void seen.push([done, total]),
      }),
  );
  // Of three models the model itself and the seven points that differ.
  assertEquals(seen.at(-1), [24, 24]);
  for (const [index, [done, total]] of seen.entries()) {
    assertEquals(total, 24);
    assertGreater(done + 1, seen[index - 1]?.[0] ?? 0);
  }
});

testLibraries(
  "perturbedLosses() aborts between blocks, with the reason; the engine lives on",
  async (library) => {
    // 20 blocks of rows, all in one group of points.
    const dataset = randomDataset(TALL, 20 * 512);
    const models = [initialise(TALL, 1)];
    await withEngine({ dataset, library, threads: 2 }, async (engine) => {
      const options = { seed: 1, rays: RAYS };
      const expected = await engine.perturbedLosses(TALL, models, options);
      const controller = new AbortController();
      const reason = new Error("enough");
      let blocks = 0;
      const error = await assertRejects(() =>
        engine.perturbedLosses(TALL, models, {
          ...options,
          signal: controller.signal,
          onProgress: () => ++blocks === 3 && controller.abort(reason),
        })
      );
      assertStrictEquals(error, reason);
      assertEquals(await engine.perturbedLosses(TALL, models, options), expected);
      // The blocks in progress may end, one a thread; the others were never begun.
      assertLessOrEqual(blocks, 5);
    });
  },
);
