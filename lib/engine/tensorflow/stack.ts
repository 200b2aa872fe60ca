/**
 * Question 1 in tensors: E networks trained in lock-step.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Member, Stack, StackOptions } from "~/lib/engine/engine.ts";
import { type Device, keepPace } from "~/lib/engine/tensorflow/device.ts";
import { type Budget, fitBatch, rowBytes } from "~/lib/engine/tensorflow/memory.ts";
import type { LossRecord, Operations } from "~/lib/engine/tensorflow/operations.ts";
import {
  disposeLayers,
  downloadLayers,
  keepLayer,
  type LayerTensors,
  selectMembers,
  uploadLayers,
} from "~/lib/engine/tensorflow/parameters.ts";
import { backwardPass, forwardPass, gradientOf } from "~/lib/engine/tensorflow/pass.ts";
import type { Range, SplitTensors } from "~/lib/engine/tensorflow/split.ts";

type AdagradResult = ReturnType<Operations["adagrad"]>;

/**
 * Uploads a stack.
 *
 * With SGD the learning rates go into the gradient in the logits, so that a layer's gradient is
 * subtracted from its weights as it is made. AdaGrad needs the gradient itself.
 *
 * @param train Images; they stay the caller's.
 */
export function createTensorStack(
  device: Device,
  train: SplitTensors,
  { members, budget, ...options }: StackOptions & {
    readonly members: readonly Member[];
    readonly budget: Budget;
  },
): Stack {
  const { sizes } = options;
  const { operations } = device;
  const isSgd = options.optimizer === "SGD";
  const batchSize = Math.min(options.batchSize, train.size);
  const labels = train.labels(sizes.at(-1)!);
  let active = [...members];
  let layers = upload(active.map(({ parameters }) => parameters));
  let accumulators = isSgd ? [] : upload(active.map(({ state }) => state));
  let rates = uploadRates();

  function upload(vectors: readonly Float32Array[]): LayerTensors[] {
    return device.tidy(() => uploadLayers(sizes, vectors));
  }

  function uploadRates(): tf.Tensor {
    return device.tidy(() => tf.tensor1d(active.map(({ learningRate }) => learningRate)));
  }

  /** AdaGrad's update of one layer; uses the gradient up. */
  function adagrad(index: number, gradient: LayerTensors): void {
    const update = (part: "weight" | "bias"): AdagradResult | undefined => {
      const [value, sums, g] = [layers[index]![part], accumulators[index]![part], gradient[part]];
      return value && sums && g && operations.adagrad(value, sums, g, rates);
    };
    const [weight, bias] = [update("weight")!, update("bias")];
    layers[index] = keepLayer({ weight: weight.weight, bias: bias?.weight });
    accumulators[index] = keepLayer({ weight: weight.accumulator, bias: bias?.accumulator });
    disposeLayers([gradient]);
  }

  function trainBatch(range: Range, record: LossRecord, index: number): void {
    const input = train.rows(range);
    const outputs = forwardPass(operations, layers, input);
    const batch = { labels, start: range.from, record, index };
    const delta = operations.logitsDelta(outputs.at(-1)!, batch, isSgd ? rates : undefined);
    backwardPass(operations, layers, {
      input,
      outputs,
      delta,
      visit(index, input, delta): void {
        const { weight, bias } = layers[index]!;
        if (isSgd) {
          layers[index] = keepLayer({
            weight: operations.addWeightGradient(weight, -1, delta, input),
            bias: bias && operations.addBiasGradient(bias, -1, delta),
          });
        } else {
          adagrad(index, {
            weight: operations.addWeightGradient(undefined, 1, delta, input),
            bias: bias && operations.addBiasGradient(undefined, 1, delta),
          });
        }
      },
    });
  }

  /** A batch that does not fit, or does not lie in one block of images. */
  async function trainInChunks(
    range: Range,
    { chunk, record, index }: {
      readonly chunk: number;
      readonly record: LossRecord;
      readonly index: number;
    },
  ): Promise<void> {
    const rows = { split: train, ...range, chunk };
    const scale = isSgd ? rates : undefined;
    const gradients = await gradientOf(device, layers, { ...rows, record, index, scale });
    device.tidy(() => {
      for (const [index, gradient] of gradients.entries()) {
        if (!isSgd) {
          adagrad(index, gradient);
          continue;
        }
        const { weight, bias } = layers[index]!;
        layers[index] = keepLayer({
          weight: operations.subtract(weight, gradient.weight),
          bias: bias && operations.subtract(bias, gradient.bias!),
        });
        disposeLayers([gradient]);
      }
    });
  }

  return {
    get size(): number {
      return active.length;
    },
    async trainEpoch(): Promise<number[]> {
      const batches = Math.ceil(train.size / batchSize);
      const chunk = fitBatch(options, active.length, budget);
      const record = device.tidy(() => operations.openRecord(active.length, batches));
      const pace = keepPace(device, active.length * batchSize * rowBytes(sizes));
      try {
        for (let index = 0; index < batches; index++) {
          const from = index * batchSize;
          const range = { from, to: Math.min(from + batchSize, train.size) };
          if (train.chunks(range, chunk).length > 1) {
            await trainInChunks(range, { chunk, record, index });
          } else {
            device.tidy(() => trainBatch(range, record, index));
          }
          await pace();
        }
        const { losses } = await record.read();
        device.check();
        return losses.map((each) => each.reduce((sum, loss) => sum + loss, 0) / batches);
      } finally {
        record.dispose();
      }
    },
    async save(): Promise<void> {
      const parameters = active.map(({ parameters }) => parameters);
      await downloadLayers(device, sizes, { layers, vectors: parameters });
      if (!isSgd) {
        const states = active.map(({ state }) => state);
        await downloadLayers(device, sizes, { layers: accumulators, vectors: states });
      }
      device.trim();
    },
    retain(keep): void {
      const places = active.flatMap((_, place) => keep[place] ? [place] : []);
      if (places.length === active.length) return;
      const before = [...layers, ...accumulators];
      active = places.map((place) => active[place]!);
      if (active.length === 0) {
        layers = accumulators = [];
      } else {
        layers = device.tidy(() => selectMembers(layers, places));
        accumulators = device.tidy(() => selectMembers(accumulators, places));
      }
      disposeLayers(before);
      rates.dispose();
      rates = uploadRates();
      device.trim();
    },
    dispose(): void {
      disposeLayers([...layers, ...accumulators]);
      rates.dispose();
      device.trim();
    },
  };
}
