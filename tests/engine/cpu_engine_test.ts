/**
 * The CPU engine, on every matrix library: evaluation, what it runs on, and what it refuses.
 *
 * @module
 */
import { createCpuEngine } from "~/lib/engine/cpu/cpu_engine.ts";
import type { Evaluation } from "~/lib/engine/engine.ts";
import { initialise } from "~/lib/model/layout.ts";
import { assert, assertAlmostEquals, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { hessianProducts } from "~/tests/fixtures/hessian_products.ts";
import { testLibraries, withEngine } from "~/tests/fixtures/engine_cpu_fixture.ts";
import { referencePass } from "~/tests/fixtures/reference_network.ts";
import { floatTolerance } from "~/tests/fixtures/reference_training.ts";
import { makeMember, randomDataset, referenceSplit } from "~/tests/fixtures/tiny_dataset.ts";

/** Three blocks of rows. */
const TALL = [6, 7, 5, 4];

testLibraries("evaluate() follows float64 on both splits", async (library) => {
  for (const [sizes, rows] of [[[5, 3], 40], [[21, 37, 10, 3], 60], [TALL, 1100]] as const) {
    const dataset = randomDataset(sizes, rows);
    const models = [1, 2].map((seed) => initialise(sizes, seed));
    await withEngine({ dataset, library, threads: 2 }, async (engine) => {
      for (const split of ["train", "test"] as const) {
        const data = referenceSplit(dataset[split]);
        const found = await engine.evaluate(sizes, models, { split, gradient: true });
        const without = await engine.evaluate(sizes, models, { split, gradient: false });
        for (const [index, { loss, accuracy, gradientNorm }] of found.entries()) {
          const exact = referencePass(sizes, models[index]!, data);
          const pass = (round: (w: number) => number): ReturnType<typeof referencePass> =>
            referencePass(sizes, Float64Array.from(models[index]!, round), data);
          assertAlmostEquals(loss, exact.loss, floatTolerance((round) => [pass(round).loss]));
          assertAlmostEquals(accuracy, exact.accuracy, 1e-15);
          assertAlmostEquals(
            gradientNorm,
            Math.hypot(...exact.gradient),
            floatTolerance((round) => [Math.hypot(...pass(round).gradient)]) + 1e-7,
          );
          // The same sum, added up in another order.
          assertAlmostEquals(without[index]!.loss, loss, 1e-14);
          assertEquals(without[index]!.accuracy, accuracy);
          assert(Number.isNaN(without[index]!.gradientNorm));
        }
      }
    });
  }
});

testLibraries(
  "an engine gives the same bits again after a larger network has moved its memory",
  async (library) => {
    const sizes = [9, 17, 4];
    const dataset = randomDataset(sizes, 90);
    await withEngine({ dataset, library }, async (engine) => {
      const options = { split: "train", gradient: true } as const;
      const model = initialise(sizes, 1);
      const before = await engine.evaluate(sizes, [model], options);
      const wide = [9, 3000, 4];
      await engine.evaluate(wide, [initialise(wide, 1)], options);
      assertEquals(await engine.evaluate(sizes, [model], options), before);
    });
  },
);

testLibraries("evaluate() gives the same bits on any number of threads", async (library) => {
  // Three pieces of 4 blocks, the last one short.
  const dataset = randomDataset(TALL, 5000);
  const models = [1, 2, 3].map((seed) => initialise(TALL, seed));
  const results: Evaluation[][][] = [];
  for (const [threads, samplerBytes] of [[1, 1.5e9], [3, 1.5e9], [2, 1]] as const) {
    await withEngine({ dataset, library, threads, samplerBytes }, async (engine) => {
      for (const split of ["train", "test"] as const) {
        results.push([
          await engine.evaluate(TALL, models, { split, gradient: true }),
          await engine.evaluate(TALL, models, { split, gradient: false }),
        ]);
      }
    });
  }
  assertEquals(results.slice(2, 4), results.slice(0, 2));
  assertEquals(results.slice(4), results.slice(0, 2));
});

Deno.test("createCpuEngine() takes 1..256 threads", async () => {
  const dataset = randomDataset([5, 3], 4);
  for (const threads of [0, -1, 1.5, NaN, 257, Infinity]) {
    const { message } = await assertRejects(
      () => createCpuEngine({ dataset, threads }),
      RangeError,
    );
    assertEquals(
      message,
      `Cannot start the CPU engine as threads must be an integer in 1..256: current value is ${threads}`,
    );
  }
});

testLibraries("the engine says what ran, and what networks its images take", async (library) => {
  const dataset = randomDataset([5, 3], 30);
  await withEngine({ dataset, library, threads: 2 }, async (engine) => {
    assertEquals(engine.info.name, "cpu");
    assertMatch(engine.info.library, library === "blas" ? /^(?!onnx)/ : /^onnxruntime-node \d/);
    assertEquals([
      engine.concurrency,
      engine.stackSize({ sizes: [5, 3], batchSize: 1, optimizer: "SGD" }),
    ], [
      2,
      1,
    ]);
    for (
      const [sizes, message] of [
        [
          [4, 3],
          "Cannot run a network on these images as its first layer must have 5 inputs: current value is 4",
        ],
        [
          [5, 2],
          "Cannot run a network on these images as its last layer must have 3 outputs or more: " +
          "current value is 2",
        ],
      ] as const
    ) {
      const models = [initialise(sizes, 0)];
      const member = makeMember(sizes, { seed: 0, learningRate: 0.1, optimizer: "SGD" });
      for (
        const ask of [
          () => engine.evaluate(sizes, models, { split: "test", gradient: false }),
          () => engine.perturbedLosses(sizes, models, { seed: 1, rays: [] }),
          () => engine.gradients(sizes, models),
          () => hessianProducts(engine, sizes, models, [[]]),
          () => engine.createStack({ sizes, batchSize: 1, optimizer: "SGD" }, [member]),
        ]
      ) {
        assertEquals(
          (await assertRejects(ask as () => Promise<unknown>, RangeError)).message,
          message,
        );
      }
    }
    // A class more than there are labels is a network like any other.
    const more = [5, 4];
    assertEquals(
      (await engine.evaluate(more, [initialise(more, 0)], { split: "train", gradient: false }))
        .length,
      1,
    );
  });
});
