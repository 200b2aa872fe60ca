/**
 * Training and sampling one network by hand.
 *
 * @module
 */
import { assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { UsageError } from "~/lib/domain.ts";
import { sampleSharpness } from "~/lib/measure.ts";
import { learn } from "~/lib/trainer.ts";
import { withEngine } from "~/tests/fixtures/engine_cpu_fixture.ts";
import { makeMember, randomDataset, train } from "~/tests/fixtures/tiny_dataset.ts";

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

    const { loss, samples, mean } = await sampleSharpness(engine, network, { directions: 4 });
    const split = { split: "train", gradient: false } as const;
    const [evaluation] = await engine.evaluate(SIZES, [network.parameters], split);
    assertAlmostEquals(loss, evaluation!.loss, 1e-5);
    assertEquals(samples.length, 4);
    assertAlmostEquals(mean, samples.reduce((sum, sample) => sum + sample, 0) / 4, 1e-12);
    const none = await sampleSharpness(engine, network, { directions: 2, radius: 0 });
    assertEquals(none.samples, [0, 0]);

    await assertRejects(() => learn(engine, { ...options, stop: "never" }), UsageError);
    await assertRejects(
      () => learn(engine, { ...options, learningRate: -1, stop: "epochs:1" }),
      UsageError,
      "learning rate must be a number > 0: current value is -1",
    );
    await assertRejects(() => sampleSharpness(engine, network, { directions: 0 }), UsageError);
  });
});
