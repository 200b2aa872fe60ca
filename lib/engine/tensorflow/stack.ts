/**
 * Question 1 in tensors: E networks trained in lock-step.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Member, Stack, StackOptions } from "~/lib/engine/engine.ts";
import { type Device, keepPace } from "~/lib/engine/tensorflow/device.ts";
import { type Budget, fitBatch, rowBytes } from "~/lib/engine/tensorflow/memory.ts";
import type { LossRecord } from "~/lib/engine/tensorflow/operations.ts";
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
import { updateLayer } from "~/lib/engine/tensorflow/stack_update.ts";
import { countParameters } from "~/lib/model.ts";
import { openOptimizer } from "~/lib/optimizer.ts";

/**
 * Uploads a stack.
 *
 * With plain SGD the learning rates go into the gradient in the logits, so that a layer's gradient is
 * subtracted from its weights as it is made. Every other optimizer needs the gradient itself.
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
  const optimizer = openOptimizer(options.optimizer);
  // Its canonical text: neither momentum nor anything else is set.
  const isPlain = optimizer.text === "SGD";
  const batchSize = Math.min(options.batchSize, train.size);
  const batches = Math.ceil(train.size / batchSize);
  const P = countParameters(sizes);
  const labels = train.labels(sizes.at(-1)!);
  let active = members.map((member) => ({ ...member, updates: member.epochs * batches }));
  let layers = upload(active.map(({ parameters }) => parameters));
  let slots = optimizer.slots.map((_, slot) => upload(statesOf(slot)));
  let rates = uploadRates();

  /** A slot of every member's state, shape [E] of [P]. */
  function statesOf(slot: number): Float32Array[] {
    return active.map(({ state }) => state.subarray(slot * P, (slot + 1) * P));
  }

  function upload(vectors: readonly Float32Array[]): LayerTensors[] {
    return device.tidy(() => uploadLayers(sizes, vectors));
  }

  function uploadRates(): tf.Tensor {
    const values = active.map(({ learningRate }) => learningRate);
    return device.tidy(() => tf.tensor3d(values, [values.length, 1, 1]));
  }

  /** The optimizer's update of one layer; uses the gradient up. */
  function update(index: number, gradient: LayerTensors): void {
    const updated = updateLayer(operations, optimizer, {
      layer: layers[index]!,
      gradient,
      slots: slots.map((each) => each[index]!),
      learningRate: rates,
      t: active.map(({ updates }) => updates + 1),
    });
    layers[index] = updated.layer;
    for (const [slot, each] of slots.entries()) each[index] = updated.slots[slot]!;
  }

  function trainBatch(range: Range, record: LossRecord, index: number): void {
    const input = train.rows(range);
    const outputs = forwardPass(operations, layers, input);
    const batch = { labels, start: range.from, record, index };
    const delta = operations.logitsDelta(outputs.at(-1)!, batch, isPlain ? rates : undefined);
    backwardPass(operations, layers, {
      input,
      outputs,
      delta,
      visit(index, input, delta): void {
        const { weight, bias } = layers[index]!;
        if (isPlain) {
          layers[index] = keepLayer({
            weight: operations.addWeightGradient(weight, -1, delta, input),
            bias: bias && operations.addBiasGradient(bias, -1, delta),
          });
        } else {
          update(index, {
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
    const scale = isPlain ? rates : undefined;
    const gradients = await gradientOf(device, layers, { ...rows, record, index, scale });
    device.tidy(() => {
      for (const [index, gradient] of gradients.entries()) {
        if (!isPlain) {
          update(index, gradient);
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
          for (const member of active) member.updates++;
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
      for (const [slot, layers] of slots.entries()) {
        await downloadLayers(device, sizes, { layers, vectors: statesOf(slot) });
      }
      device.trim();
    },
    retain(keep): void {
      const places = active.flatMap((_, place) => keep[place] ? [place] : []);
      if (places.length === active.length) return;
      const before = [layers, ...slots];
      const select = (all: LayerTensors[]): LayerTensors[] =>
        places.length === 0 ? [] : device.tidy(() => selectMembers(all, places));
      active = places.map((place) => active[place]!);
      layers = select(layers);
      slots = slots.map(select);
      before.forEach(disposeLayers);
      rates.dispose();
      rates = uploadRates();
      device.trim();
    },
    dispose(): void {
      [layers, ...slots].forEach(disposeLayers);
      rates.dispose();
      device.trim();
    },
  };
}
