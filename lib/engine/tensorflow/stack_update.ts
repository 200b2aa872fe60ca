/**
 * The optimizer's step on one layer of a stack whose members may have seen different numbers of them.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Operations, Updated } from "~/lib/engine/tensorflow/operations.ts";
import { keepLayer, type LayerTensors } from "~/lib/engine/tensorflow/parameters.ts";
import type { Optimizer } from "~/lib/optimizer.ts";

/** A layer before its update; all but the learning rates are used up. */
export interface LayerUpdate {
  readonly layer: LayerTensors;
  readonly gradient: LayerTensors;
  /** One a slot. */
  readonly slots: readonly LayerTensors[];
  /** Shape [E, 1, 1]. */
  readonly learningRate: tf.Tensor;
  /** Which update this is for each member, 1 for the first. */
  readonly t: readonly number[];
}

/** Updates a layer; what is returned is kept beyond the end of `tidy`. */
export function updateLayer(
  operations: Operations,
  optimizer: Optimizer,
  { layer, gradient, slots, learningRate, t }: LayerUpdate,
): { readonly layer: LayerTensors; readonly slots: LayerTensors[] } {
  const update = (part: "weight" | "bias"): Updated | undefined => {
    const value = layer[part];
    return value && operations.update(optimizer, {
      weight: value,
      gradient: gradient[part]!,
      slots: slots.map((slot) => slot[part]!),
      learningRate,
      t,
    });
  };
  const [weight, bias] = [update("weight")!, update("bias")];
  return {
    layer: keepLayer({ weight: weight.weight, bias: bias?.weight }),
    slots: slots.map((_, slot) =>
      keepLayer({ weight: weight.slots[slot]!, bias: bias?.slots[slot] })
    ),
  };
}
