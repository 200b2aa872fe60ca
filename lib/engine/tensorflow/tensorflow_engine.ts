/**
 * The TensorFlow.js engine: whole stacks of networks in tensors, on any GPU.
 *
 * Backends: "tfjs-node-gpu" (CUDA), "webgpu" (any vendor, through Deno's own WebGPU), "tfjs-node"
 * (CPU), and "cpu", TensorFlow.js's own loops, which are there for tests.
 *
 * @module
 */
import { drawDirection } from "~/lib/engine/direction.ts";
import type {
  Engine,
  Evaluation,
  Hessian,
  LossGradient,
  PerturbedLosses,
  SharedFloats,
  Stack,
} from "~/lib/engine/engine.ts";
import type { EngineOptions } from "~/lib/engine/engine_options.ts";
import { sizesCheck } from "~/lib/engine/check_sizes.ts";
import { checkVectors } from "~/lib/engine/check_vectors.ts";
import { gradientsAt, hessianProductsAt } from "~/lib/engine/tensorflow/curvature.ts";
import { evaluateLayers } from "~/lib/engine/tensorflow/evaluation.ts";
import {
  type Budget,
  fitMembers,
  planProducts,
  planSplit,
} from "~/lib/engine/tensorflow/memory.ts";
import {
  type DeviceOptions,
  openDevice,
  type TensorFlowBackend,
} from "~/lib/engine/tensorflow/open_device.ts";
import { disposeLayers, uploadLayers } from "~/lib/engine/tensorflow/parameters.ts";
import type { Rows } from "~/lib/engine/tensorflow/pass.ts";
import { perturbedLossesAt } from "~/lib/engine/tensorflow/perturbed_losses.ts";
import { type SplitTensors, uploadSplit } from "~/lib/engine/tensorflow/split.ts";
import { createTensorStack } from "~/lib/engine/tensorflow/stack.ts";
import { countParameters, type LayerSizes } from "~/lib/model.ts";

/** The device memory to use where nothing else is said: cards of the last ten years have it. */
export const DEFAULT_DEVICE_MEMORY = 4 * 2 ** 30;

/**
 * Creates the engine and uploads the training images.
 *
 * @param backend Demands this backend; default: the first that is there of tfjs-node-gpu, webgpu and
 * tfjs-node.
 * @throws {Error} If the backend is not there; the message says how to get it.
 */
export async function createTensorFlowEngine(
  backend: TensorFlowBackend | undefined,
  { dataset, deviceMemory = DEFAULT_DEVICE_MEMORY, ...options }: EngineOptions & DeviceOptions,
): Promise<Engine> {
  const device = await openDevice(backend, options);
  const { tensorBytes } = device;
  const train = uploadSplit(device, dataset.train);
  let test: SplitTensors | undefined;
  const check = sizesCheck(dataset);
  const images = device.operations.bytesPerPixel *
    (dataset.train.pixels.length + dataset.test.pixels.length);
  // Where the images alone take nearly all, a quarter is still needed to get anywhere.
  const budget: Budget = { bytes: Math.max(deviceMemory - images, deviceMemory / 4), tensorBytes };

  function splitOf(name: "train" | "test"): SplitTensors {
    if (name === "train") return train;
    return test ??= uploadSplit(device, dataset.test);
  }

  /** Takes as many models at once as memory allows through a whole split. */
  async function inGroups<T>(
    models: readonly SharedFloats[],
    { sizes, split = train }: { readonly sizes: LayerSizes; readonly split?: SplitTensors },
    work: (group: readonly SharedFloats[], rows: Rows) => Promise<T[]>,
  ): Promise<T[]> {
    check(sizes);
    const plan = planSplit(sizes, models.length, split.size, budget);
    const rows = { split, from: 0, to: split.size, chunk: plan.rows };
    const results: T[] = [];
    for (let first = 0; first < models.length; first += plan.members) {
      results.push(...await work(models.slice(first, first + plan.members), rows));
    }
    return results;
  }

  return {
    info: { name: "tensorflow", library: device.library },
    concurrency: 1,
    stackSize(options): number {
      return fitMembers(options, Math.min(options.batchSize, train.size), budget);
    },
    // deno-lint-ignore require-await
    async createStack(options, members): Promise<Stack> {
      check(options.sizes);
      return createTensorStack(device, train, { ...options, members, budget });
    },
    async evaluate(sizes, models, { split: name, gradient }): Promise<Evaluation[]> {
      const split = splitOf(name);
      return await inGroups(models, { sizes, split }, async (group, rows) => {
        const layers = device.tidy(() => uploadLayers(sizes, group));
        try {
          return await evaluateLayers(device, layers, { ...rows, gradient });
        } finally {
          disposeLayers(layers);
          device.trim();
        }
      });
    },
    async perturbedLosses(sizes, models, options): Promise<PerturbedLosses[]> {
      const { seed, rays, frozen = false, onProgress, signal } = options;
      const normal = new Float32Array(countParameters(sizes));
      const total = models.length * rays.reduce((sum, { steps }) => sum + steps.length, 0);
      let done = 0;
      return await inGroups(models, { sizes }, (group, rows) =>
        perturbedLossesAt(device, {
          ...{ sizes, models: group, rays, rows, frozen, signal },
          draw: (k) => drawDirection(normal, seed, k),
          onPoint: () => onProgress?.(done += group.length, total),
        }));
    },
    async gradients(sizes, models, { signal } = {}): Promise<LossGradient[]> {
      return await inGroups(
        models,
        { sizes },
        (group, rows) => gradientsAt(device, group, { sizes, rows, signal }),
      );
    },
    openHessian(sizes, model, { signal } = {}): Promise<Hessian> {
      async function multiply(vectors: readonly SharedFloats[]): Promise<SharedFloats[]> {
        checkVectors(sizes, vectors);
        const plan = planProducts(sizes, vectors.length, train.size, budget);
        const rows = { split: train, from: 0, to: train.size, chunk: plan.rows };
        const products: SharedFloats[] = [];
        for (let first = 0; first < vectors.length; first += plan.vectors) {
          const some = vectors.slice(first, first + plan.vectors);
          const work = { model, vectors: some };
          products.push(...await hessianProductsAt(device, work, { sizes, rows, signal }));
        }
        return products;
      }
      return Promise.try(() => {
        check(sizes);
        return { multiply };
      });
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
