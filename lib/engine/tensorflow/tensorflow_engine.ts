/**
 * The TensorFlow.js engine: whole stacks of networks in tensors, on any GPU.
 *
 * Backends: "tfjs-node-gpu" (CUDA), "webgpu" (any vendor, through Deno's own WebGPU), "tfjs-node"
 * (CPU), and "cpu", TensorFlow.js's own loops, which are there for tests.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { UsageError } from "~/lib/domain.ts";
import { checkedEngine } from "~/lib/engine/checks.ts";
import type {
  Engine,
  EngineOptions,
  Evaluation,
  PerturbedLosses,
  Stack,
} from "~/lib/engine/engine.ts";
import type { TensorFlowBackend } from "~/lib/engine/tensorflow/backends.ts";
import { keepPace, openDevice } from "~/lib/engine/tensorflow/device.ts";
import { multiplyHessian } from "~/lib/engine/tensorflow/hessian.ts";
import { type Budget, fitMembers, planSplit, rowBytes } from "~/lib/engine/tensorflow/memory.ts";
import {
  type ChunkedPass,
  evaluateModels,
  type SplitTensors,
  uploadSplit,
} from "~/lib/engine/tensorflow/pass.ts";
import { perturbedLossesAt } from "~/lib/engine/tensorflow/rays.ts";
import { createTensorStack } from "~/lib/engine/tensorflow/stack.ts";
import type { SharedFloats } from "~/lib/model.ts";

/**
 * Creates the engine and uploads the training images.
 *
 * @param backend Demands this backend; default: the first that is there of tfjs-node-gpu, webgpu and
 * tfjs-node.
 * @throws {Error} If the backend is not there; the message says how to get it.
 */
export async function createTensorFlowEngine(
  backend: TensorFlowBackend | undefined,
  { dataset, memory = 4 * 2 ** 30 }: EngineOptions,
): Promise<Engine> {
  const device = await openDevice(backend);
  const { tensorBytes } = device;
  const train = uploadSplit(device, dataset.train);
  let test: SplitTensors | undefined;
  const images = device.operations.bytesPerPixel *
    (dataset.train.pixels.length + dataset.test.pixels.length);
  // Where the images alone take nearly all, a quarter is still needed to get anywhere.
  const budget: Budget = { bytes: Math.max(memory - images, memory / 4), tensorBytes };

  /** Takes as many vectors at once as memory allows through a whole split: models, or tangents. */
  async function inGroups<T>(
    vectors: readonly SharedFloats[],
    { sizes, split = train, tangents = false, signal }:
      & Pick<ChunkedPass, "sizes" | "signal">
      & { readonly split?: SplitTensors; readonly tangents?: boolean },
    answer: (work: ChunkedPass, group: readonly SharedFloats[]) => Promise<T[]>,
  ): Promise<T[]> {
    const options = { models: vectors.length, rows: split.size, tangents };
    const { members, rows: chunk } = planSplit(sizes, options, budget);
    const pace = keepPace(device, (tangents ? 3 : 1) * members * chunk * rowBytes(sizes));
    const work = { device, sizes, split, chunk, pace, signal };
    const answers: T[] = [];
    for (let first = 0; first < vectors.length; first += members) {
      answers.push(...await answer(work, vectors.slice(first, first + members)));
    }
    return answers;
  }

  return checkedEngine(dataset, {
    info: { name: "tensorflow", library: device.library },
    concurrency: 1,
    stackSize: (options) => fitMembers(options, Math.min(options.batchSize, train.size), budget),
    createStack(options, members): Promise<Stack> {
      if (members.every(({ shuffle }) => shuffle === undefined)) {
        return Promise.resolve(createTensorStack(device, train, { ...options, members }));
      }
      throw new UsageError(
        "Cannot train in shuffled order as the tensorflow engine keeps file order: use the CPU's, " +
          "--engine cpu",
      );
    },
    evaluate(sizes, models, { split: name, gradient, signal }): Promise<Evaluation[]> {
      const split = name === "train" ? train : test ??= uploadSplit(device, dataset.test);
      return inGroups(
        models,
        { sizes, split, signal },
        (work, some) => evaluateModels(work, some, gradient),
      );
    },
    perturbedLosses(sizes, models, options): Promise<PerturbedLosses[]> {
      const { rays, onProgress, signal } = options;
      const total = models.length * rays.reduce((sum, { steps }) => sum + steps.length, 0);
      let done = 0;
      return inGroups(models, { sizes, signal }, (work, some) => {
        const onPoint = (): void => onProgress?.(done += some.length, total);
        return perturbedLossesAt(work, some, options, onPoint);
      });
    },
    openHessian: (sizes, model, signal) =>
      Promise.resolve({
        multiply: (vectors) =>
          inGroups(vectors, { sizes, tangents: true, signal }, (work, some) =>
            multiplyHessian(work, model, some)),
      }),
    close(): Promise<void> {
      tf.dispose([train, test].map((split) => split && [split.images, split.labels]));
      device.trim();
      return Promise.resolve();
    },
  });
}
