/**
 * Images/s of the TensorFlow.js engine's training, summed over the members of a stack, on random
 * images: `deno run tests/bench/tensorflow_stack.ts --stacks 1,12,84 --batches 32,128,1024 --images
 * 50000`. Other options: --backend, --optimizers, --repeats of an epoch whose median is shown, --memory
 * of the device in GiB, --json. tests/bench/pytorch_stack.py does the same work in PyTorch.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { splitList } from "~/lib/domain.ts";
import { TENSORFLOW_BACKENDS } from "~/lib/engine/tensorflow/backends.ts";
import { createTensorFlowEngine } from "~/lib/engine/tensorflow/tensorflow_engine.ts";
import { MLP_1 } from "~/lib/model.ts";
import { makeMember, randomDataset } from "~/tests/fixtures/tiny_dataset.ts";

const text = (value: string): { type: "string"; default: string } => ({
  type: "string",
  default: value,
});
const { values } = parseArgs({
  options: {
    ...{ backend: text("webgpu"), stacks: text("1,12"), batches: text("128") },
    ...{ optimizers: text("SGD"), images: text("1024"), repeats: text("3"), memory: text("4") },
    json: { type: "boolean", default: false },
  },
});
const images = Number(values.images);
const numbers = (list: string): number[] => list.split(",").map(Number);
const engine = await createTensorFlowEngine(
  TENSORFLOW_BACKENDS.find((name) => name === values.backend),
  { dataset: randomDataset(MLP_1, images), memory: Number(values.memory) * 2 ** 30 },
);
console.error(`${engine.info.library}, ${images} images an epoch`);
const measurements: object[] = [];
for (const optimizer of splitList(values.optimizers)) {
  for (const batchSize of numbers(values.batches)) {
    for (const stack of numbers(values.stacks)) {
      const members = Array.from(
        { length: stack },
        (_, seed) => makeMember(MLP_1, { seed, learningRate: 1e-3, optimizer }),
      );
      const training = await engine.createStack({ sizes: MLP_1, batchSize, optimizer }, members);
      // The first epoch compiles the kernels.
      await training.trainEpoch();
      const rates: number[] = [];
      for (let repeat = 0; repeat < Number(values.repeats); repeat++) {
        const start = performance.now();
        await training.trainEpoch();
        rates.push(stack * images / ((performance.now() - start) / 1000));
      }
      training.dispose();
      rates.sort((a, b) => a - b);
      // Summed over the members: median, and the slowest and the fastest epoch.
      const [imagesPerSecond, range] = [rates[rates.length >> 1]!, [rates[0]!, rates.at(-1)!]];
      measurements.push({ optimizer, stack, batchSize, imagesPerSecond, range });
      const [rate, low, high] = [imagesPerSecond, ...range].map((each) =>
        Math.round(each).toLocaleString("en")
      );
      console.error(
        `${optimizer} batch ${batchSize} stack ${stack}: ${rate} images/s (${low}..${high})`,
      );
    }
  }
}
await engine.close();
if (values.json) {
  console.log(JSON.stringify({ library: engine.info.library, images, measurements }));
}
