/**
 * Training and sampling one network by hand.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { UsageError } from "~/lib/domain.ts";
import { sampleSharpness } from "~/lib/measure.ts";
import { allocateState } from "~/lib/optimizer.ts";
import { initialise } from "~/lib/model.ts";
import { learn } from "~/lib/trainer.ts";
import { withEngine } from "~/tests/fixtures/engine_cpu_fixture.ts";
import { randomDataset } from "~/tests/fixtures/tiny_dataset.ts";

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
    const parameters = initialise(SIZES, 3);
    const state = allocateState("SGD", parameters.length);
    const member = { learningRate: 0.1, parameters, state, epochs: 0 };
    const stack = await engine.createStack({ ...options, optimizer: "SGD" }, [member]);
    const losses = [];
    for (let epoch = 0; epoch < 3; epoch++) losses.push(...await stack.trainEpoch());
    await stack.save();
    stack.dispose();
    assertEquals(network.epochLosses, losses);
    assertEquals(seen, losses.flatMap((loss, epoch) => [epoch + 1, loss]));
    assertEquals(network.parameters, parameters);
    assertEquals(network.ended, "stopped");

    const { loss, samples, mean } = await sampleSharpness(engine, network, { directions: 4 });
    const [evaluation] = await engine.evaluate(SIZES, [parameters], {
      split: "train",
      gradient: false,
    });
    assert(Math.abs(loss - evaluation!.loss) < 1e-5);
    assertEquals(samples.length, 4);
    assert(Math.abs(mean - samples.reduce((sum, sample) => sum + sample, 0) / 4) < 1e-12);
    const none = await sampleSharpness(engine, network, { directions: 2, radius: 0 });
    assertEquals(none.samples, [0, 0]);
  });
});

Deno.test("learn() and sampleSharpness() refuse what is out of its domain", async () => {
  const dataset = randomDataset(SIZES, 40);
  await withEngine({ dataset, library: "onnxruntime" }, async (engine) => {
    const options = { learningRate: 0.1, batchSize: 8, sizes: SIZES };
    await assertRejects(() => learn(engine, { ...options, stop: "never" }), UsageError);
    await assertRejects(
      () => learn(engine, { ...options, learningRate: -1, stop: "epochs:1" }),
      UsageError,
      "learning rate must be a number > 0: current value is -1",
    );
    const network = { sizes: SIZES, parameters: initialise(SIZES, 0) };
    await assertRejects(() => sampleSharpness(engine, network, { directions: 0 }), UsageError);
  });
});
