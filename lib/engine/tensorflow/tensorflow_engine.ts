/**
 * The TensorFlow.js engine: whole stacks of networks in tensors, on any GPU.
 *
 * Backends: "tfjs-node-gpu" (CUDA), "webgpu" (any vendor, through Deno's own WebGPU), "tfjs-node"
 * (CPU), and "cpu", TensorFlow.js's own loops, which are there for tests.
 *
 * @module
 */
import { type Direction, drawDirection } from "~/lib/engine/direction.ts";
import type { Engine, EngineOptions, Evaluation, Stack } from "~/lib/engine/engine.ts";
import { openDevice, type TensorFlowBackend } from "~/lib/engine/tensorflow/device.ts";
import { evaluateLayers } from "~/lib/engine/tensorflow/evaluation.ts";
import { type Budget, fitMembers, planSplit } from "~/lib/engine/tensorflow/memory.ts";
import { disposeLayers, uploadLayers } from "~/lib/engine/tensorflow/parameters.ts";
import { perturbedLossesAt } from "~/lib/engine/tensorflow/perturbed_losses.ts";
import { type SplitTensors, uploadSplit } from "~/lib/engine/tensorflow/split.ts";
import { createTensorStack } from "~/lib/engine/tensorflow/stack.ts";
import { countParameters, type LayerSizes } from "~/lib/model.ts";

export { TENSORFLOW_BACKENDS, type TensorFlowBackend } from "~/lib/engine/tensorflow/device.ts";
export { findRealGpu } from "~/lib/engine/tensorflow/real_gpu.ts";

/** What the engine is made from. */
export interface TensorFlowOptions extends EngineOptions {
  /**
   * Bytes that the engine may use on the device, images included; more makes larger stacks and
   * fewer chunks. Default: 4 GiB, which graphics cards of the last ten years have.
   */
  readonly memory?: number;
}

const DEFAULT_MEMORY = 4 * 2 ** 30;

/**
 * Creates the engine and uploads the training images.
 *
 * @param backend Demands this backend; default: the first that is there of tfjs-node-gpu, webgpu and
 * tfjs-node.
 * @throws {Error} If the backend is not there; the message says how to get it.
 */
export async function createTensorFlowEngine(
  backend: TensorFlowBackend | undefined,
  { dataset, memory = DEFAULT_MEMORY }: TensorFlowOptions,
): Promise<Engine> {
  const device = await openDevice(backend);
  const { tensorBytes } = device;
  const train = uploadSplit(device, dataset.train);
  let test: SplitTensors | undefined;
  const images = device.operations.bytesPerPixel *
    (dataset.train.pixels.length + dataset.test.pixels.length);
  // Where the images alone take nearly all, a quarter is still needed to get anywhere.
  const budget: Budget = { bytes: Math.max(memory - images, memory / 4), tensorBytes };

  function splitOf(name: "train" | "test"): SplitTensors {
    if (name === "train") return train;
    return test ??= uploadSplit(device, dataset.test);
  }

  function* groupsOf<T>(items: readonly T[], size: number): Generator<T[]> {
    for (let first = 0; first < items.length; first += size) {
      yield items.slice(first, first + size);
    }
  }

  return {
    info: { name: "tensorflow", library: device.library },
    concurrency: 1,
    stackSize(options): number {
      return fitMembers(options, Math.min(options.batchSize, train.size), budget);
    },
    // deno-lint-ignore require-await
    async createStack(options, members): Promise<Stack> {
      checkSizes(options.sizes, train.inputs);
      return createTensorStack(device, train, { ...options, members, budget });
    },
    async evaluate(sizes, models, { split: name, gradient }): Promise<Evaluation[]> {
      const split = splitOf(name);
      checkSizes(sizes, split.inputs);
      const plan = planSplit(sizes, models.length, split.size, budget);
      const evaluations: Evaluation[] = [];
      for (const group of groupsOf(models, plan.members)) {
        const layers = device.tidy(() => uploadLayers(sizes, group));
        try {
          evaluations.push(
            ...await evaluateLayers(device, layers, {
              split,
              from: 0,
              to: split.size,
              chunk: plan.rows,
              gradient,
            }),
          );
        } finally {
          disposeLayers(layers);
          device.trim();
        }
      }
      return evaluations;
    },
    async perturbedLosses(
      sizes,
      models,
      { seed, directions, radius, onProgress, signal },
    ): Promise<number[][]> {
      checkSizes(sizes, train.inputs);
      const plan = planSplit(sizes, models.length, train.size, budget);
      const total = models.length * directions.length;
      let done = 0;
      const losses: number[][] = [];
      for (const group of groupsOf(models, plan.members)) {
        losses.push(
          ...await perturbedLossesAt(device, {
            sizes,
            models: group,
            directions: drawDirections(seed, directions, countParameters(sizes)),
            radius,
            rows: { split: train, from: 0, to: train.size, chunk: plan.rows },
            onDirection(): void {
              done += group.length;
              onProgress?.(done, total);
            },
            signal,
          }),
        );
      }
      return losses;
    },
    close(): Promise<void> {
      train.dispose();
      test?.dispose();
      test = undefined;
      device.trim();
      return Promise.resolve();
    },
  };
}

/** Directions one by one in one vector, which the next one overwrites. */
function* drawDirections(
  seed: number,
  directions: readonly (number | null)[],
  parameterCount: number,
): Generator<Direction> {
  const normal = new Float32Array(parameterCount);
  for (const k of directions) yield drawDirection(normal, seed, k);
}

function checkSizes(sizes: LayerSizes, inputs: number): void {
  if (sizes[0] !== inputs) {
    throw new RangeError(
      `Cannot run a network on these images as its first layer must have ${inputs} inputs: ` +
        `current value is ${sizes[0]}`,
    );
  }
}
