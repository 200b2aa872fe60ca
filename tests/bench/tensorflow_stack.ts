/**
 * Images/s of the TensorFlow.js engine's training, summed over the members of a stack, on random
 * images: `deno run tests/bench/tensorflow_stack.ts --stacks 1,12,84 --batches 32,128,1024 --images
 * 50000`. tests/bench/pytorch_stack.py does the same work in PyTorch.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { Dataset, Split } from "~/lib/dataset.ts";
import type { Engine, StackOptions } from "~/lib/engine/engine.ts";
import { TENSORFLOW_BACKENDS } from "~/lib/engine/tensorflow/device.ts";
import { createTensorFlowEngine } from "~/lib/engine/tensorflow/tensorflow_engine.ts";
import { countParameters, initialise, MLP_1 } from "~/lib/model.ts";
import { splitList } from "~/lib/domain.ts";
import { allocateState } from "~/lib/optimizer.ts";
import { openStream } from "~/lib/random.ts";

const HELP = `Usage: deno run tests/bench/tensorflow_stack.ts [options]
  --backend NAME      ${TENSORFLOW_BACKENDS.join(", ")}; default webgpu
  --stacks LIST       members of a stack; default 1,12
  --batches LIST      images a batch; default 128
  --optimizers LIST   default SGD
  --images N          training images; default 1024, 50000 for numbers that count on a GPU
  --repeats N         timed epochs, of which the median is shown; default 3
  --memory GIB        device memory to use; default 4
  --json              one JSON document on stdout`;

/** One measurement. */
interface Measurement {
  readonly optimizer: string;
  readonly stack: number;
  readonly batchSize: number;
  /** Images/s summed over the members: median, and the slowest and the fastest epoch. */
  readonly imagesPerSecond: number;
  readonly range: readonly [number, number];
}

function randomSplit(size: number): Split {
  const pixels = new Uint8Array(new SharedArrayBuffer(size * MLP_1[0]!));
  const labels = new Uint8Array(new SharedArrayBuffer(size));
  const stream = openStream(0, 0);
  for (let i = 0; i < pixels.length; i++) pixels[i] = stream.next() & 255;
  for (let i = 0; i < size; i++) labels[i] = (stream.next() >>> 0) % MLP_1.at(-1)!;
  return { pixels, labels, size };
}

async function measure(
  engine: Engine,
  { members, images, repeats, ...options }: StackOptions & {
    readonly members: number;
    readonly images: number;
    readonly repeats: number;
  },
): Promise<Measurement> {
  const { optimizer, batchSize } = options;
  const stack = await engine.createStack(
    options,
    Array.from({ length: members }, (_, seed) => ({
      learningRate: 1e-3,
      parameters: initialise(MLP_1, seed),
      state: allocateState(optimizer, countParameters(MLP_1)),
      epochs: 0,
    })),
  );
  // The first epoch compiles the kernels.
  await stack.trainEpoch();
  const rates: number[] = [];
  for (let repeat = 0; repeat < repeats; repeat++) {
    const start = performance.now();
    await stack.trainEpoch();
    rates.push(members * images / ((performance.now() - start) / 1000));
  }
  stack.dispose();
  rates.sort((a, b) => a - b);
  return {
    optimizer,
    stack: members,
    batchSize,
    imagesPerSecond: rates[rates.length >> 1]!,
    range: [rates[0]!, rates.at(-1)!],
  };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      backend: { type: "string", default: "webgpu" },
      stacks: { type: "string", default: "1,12" },
      batches: { type: "string", default: "128" },
      optimizers: { type: "string", default: "SGD" },
      images: { type: "string", default: "1024" },
      repeats: { type: "string", default: "3" },
      memory: { type: "string", default: "4" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const backend = TENSORFLOW_BACKENDS.find((name) => name === values.backend);
  const images = Number(values.images);
  const numbers = (list: string): number[] => list.split(",").map(Number);
  const train = randomSplit(images);
  const dataset: Dataset = { name: "random", classes: [], train, test: train, md5: {} };
  const engine = await createTensorFlowEngine(backend, {
    dataset,
    deviceMemory: Number(values.memory) * 2 ** 30,
  });
  console.error(`${engine.info.library}, ${images} images an epoch`);
  const measurements: Measurement[] = [];
  for (const optimizer of splitList(values.optimizers)) {
    for (const batchSize of numbers(values.batches)) {
      for (const members of numbers(values.stacks)) {
        const result = await measure(engine, {
          ...{ sizes: MLP_1, batchSize, optimizer },
          ...{ members, images, repeats: Number(values.repeats) },
        });
        measurements.push(result);
        const [low, high] = result.range.map((rate) => Math.round(rate).toLocaleString("en"));
        console.error(
          `${optimizer} batch ${batchSize} stack ${members}: ` +
            `${Math.round(result.imagesPerSecond).toLocaleString("en")} images/s (${low}..${high})`,
        );
      }
    }
  }
  await engine.close();
  if (values.json) {
    console.log(JSON.stringify({
      library: engine.info.library,
      images,
      measurements,
    }));
  }
}

await main();
