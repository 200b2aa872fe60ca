/** Training and sampling one network by hand; losses of an epoch's batches. @module */
import { UsageError } from "~/lib/domain.ts";
import { sampleSharpness } from "~/lib/measure.ts";
import { lossByAge } from "~/lib/reproduce.ts";
import { learn } from "~/lib/trainer.ts";
import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { LIBRARY, withEngine } from "~/tests/fixtures/engine_cpu_fixture.ts";
import { referenceForward, referenceRows } from "~/tests/fixtures/reference_network.ts";
import { makeMember, randomDataset, referenceSplit, train } from "~/tests/fixtures/tiny_dataset.ts";

const SIZES = [12, 6, 10];

Deno.test("learn() trains as the engine does, epoch by epoch, to its stop", async () => {
  const dataset = randomDataset(SIZES, 40);
  await withEngine({ dataset, library: "onnxruntime" }, async (engine) => {
    const seen: number[] = [];
    const options = { learningRate: 0.1, batchSize: 8, seed: 3, sizes: SIZES };
    const network = await learn(engine, {
      ...options,
      stop: "epochs:3",
      onEpoch: (epoch, loss) => seen.push(epoch, loss),
    });
    const member = makeMember(SIZES, { ...options, optimizer: "SGD" });
    const stack = { ...options, optimizer: "SGD" };
    const { losses, members } = await train(engine, stack, { members: [member], epochs: 3 });
    assertEquals(network.epochLosses, losses.flat());
    assertEquals(seen, losses.flatMap(([loss], epoch) => [epoch + 1, loss!]));
    assertEquals([network.parameters, network.ended], [members[0]!.parameters, "stopped"]);

    // The epoch that diverges is told of as its own, too.
    const told: [number, number][] = [];
    const wild = { ...options, learningRate: 1e38, stop: "epochs:9" };
    const { epochLosses, ended } = await learn(engine, {
      ...wild,
      onEpoch: (epoch, loss) => told.push([epoch, loss]),
    });
    assertEquals(told, [...epochLosses, NaN].map((loss, i) => [i + 1, loss]));
    assertEquals(ended, "diverged");

    const { loss, samples, mean } = await sampleSharpness(engine, network, { directions: 4 });
    const split = { split: "train" } as const;
    const [evaluation] = await engine.evaluate(SIZES, [network.parameters], split);
    assertAlmostEquals(loss, evaluation!.loss, 1e-5);
    assertEquals(samples.length, 4);
    assertAlmostEquals(mean, samples.reduce((sum, sample) => sum + sample, 0) / 4, 1e-12);
    const none = await sampleSharpness(engine, network, { directions: 2, radius: 0 });
    assertEquals(none.samples, [0, 0]);

    const cases = [
      [{ stop: "never" }, "Cannot use stop never"],
      [
        { learningRate: -1 },
        "Cannot train as learning rate must be a number > 0: current value is -1",
      ],
      [{ batchSize: 0 }, "Cannot train as batch size must be an integer in 1..1000000"],
      [{ maxEpochs: 1.5 }, "Cannot train as max epochs must be an integer in 0..1000000"],
    ] as const;
    for (const [wrong, message] of cases) {
      const learning = (): Promise<unknown> =>
        learn(engine, { ...options, stop: "epochs:1", ...wrong });
      await assertRejects(learning, UsageError, message);
    }
    await assertRejects(() => sampleSharpness(engine, network, { directions: 0 }), UsageError);
  });
});

Deno.test("lossByAge() is the mean of batch losses at fixed weights, the oldest part first", async () => {
  const sizes = [6, 8, 4];
  const dataset = randomDataset(sizes, 50);
  const { parameters } = makeMember(sizes, { seed: 0, learningRate: 1, optimizer: "SGD" });
  const before = [...parameters];
  const data = referenceSplit(dataset.train);
  // 8 batches of 7 rows, the last of 1: in 3 parts 3, 3 and 2 of them.
  const batch = Array.from({ length: 8 }, (_, index) => {
    const rows = referenceRows(data, 7 * index, Math.min(50, 7 * index + 7));
    return referenceForward(sizes, before, rows).loss;
  });
  const mean = (values: number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
  const asked = { batchSize: 7, library: LIBRARY };
  const found = await lossByAge(dataset, { sizes, parameters }, {
    ...asked,
    parts: 3,
  });
  assertEquals(found.map(({ age }) => age), [6.5, 3.5, 1]);
  for (const [index, { loss }] of found.entries()) {
    // float32 rounds a logit of order 1 by 6e-8, and normalising divides by its deviation, > 0.1.
    assertAlmostEquals(loss, mean(batch.slice(3 * index, 3 * index + 3)), 1e-5);
  }
  assertEquals([...parameters], before);
  const all = await lossByAge(dataset, { sizes, parameters }, {
    ...asked,
    batchSize: 30,
    parts: 9,
  });
  assertEquals(all.length, 2);
});
