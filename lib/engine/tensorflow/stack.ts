/**
 * Question 1 in tensors: E networks trained in lock-step.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Member, Stack, StackOptions } from "~/lib/engine/engine.ts";
import type { Device } from "~/lib/engine/tensorflow/device.ts";
import {
  type Batch,
  type CutBatch,
  type Epochs,
  openEpochs,
} from "~/lib/engine/tensorflow/epochs.ts";
import { type Budget, fitBatch, rowBytes } from "~/lib/engine/tensorflow/memory.ts";
import {
  disposeLayers,
  downloadLayers,
  keepLayer,
  type LayerTensors,
  selectMembers,
  uploadLayers,
} from "~/lib/engine/tensorflow/parameters.ts";
import { backwardPass, forwardPass, gradientOf } from "~/lib/engine/tensorflow/pass.ts";
import type { SplitTensors } from "~/lib/engine/tensorflow/split.ts";
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
  let active = members.map((member) => ({ ...member, updates: member.epochs * batches }));
  let layers = upload(active.map(({ parameters }) => parameters));
  let slots = optimizer.slots.map((_, slot) => upload(statesOf(slot)));
  let rates = uploadRates();
  let epochs: Epochs | undefined;

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

  function trainBatch({ input, labels }: Batch): void {
    const outputs = forwardPass(operations, layers, input);
    const delta = operations.logitsDelta(outputs.at(-1)!, labels, isPlain ? rates : undefined);
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

  async function trainInChunks({ record, index, ...range }: CutBatch): Promise<void> {
    const rows = { split: train, ...range };
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

  function closeEpochs(): void {
    epochs?.dispose();
    epochs = undefined;
  }

  return {
    get size(): number {
      return active.length;
    },
    async trainEpoch(): Promise<number[]> {
      epochs ??= openEpochs(device, train, {
        ...{ members: active.length, batchSize, classes: sizes.at(-1)!, optimizer },
        chunk: fitBatch(options, active.length, budget),
        bytes: active.length * batchSize * rowBytes(sizes),
        ...{ trainBatch, trainInChunks },
        onStep(): void {
          for (const member of active) member.updates++;
        },
      });
      return await epochs.train();
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
      closeEpochs();
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
      closeEpochs();
      [layers, ...slots].forEach(disposeLayers);
      rates.dispose();
      device.trim();
    },
  };
}
