/**
 * The optimizer's step on one layer of a stack whose members may have seen different numbers of them.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Operations, ParameterUpdate, Updated } from "~/lib/engine/tensorflow/operations.ts";
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
    return value && updateMembers(operations, optimizer, {
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

/** All members at once where their numbers of updates agree, else one by one. */
function updateMembers(
  operations: Operations,
  optimizer: Optimizer,
  { t, ...parameter }: Omit<ParameterUpdate, "t"> & { readonly t: readonly number[] },
): Updated {
  if (t.every((each) => each === t[0])) {
    return operations.update(optimizer, { ...parameter, t: t[0]! });
  }
  const { weight, gradient, slots, learningRate } = parameter;
  const cut = (tensor: tf.Tensor): tf.Tensor[] => tf.split(tensor, t.length);
  const [weights, gradients, rates] = [weight, gradient, learningRate].map(cut);
  const slotsByMember = slots.map(cut);
  const members = t.map((each, e) =>
    operations.update(optimizer, {
      weight: weights![e]!,
      gradient: gradients![e]!,
      slots: slotsByMember.map((parts) => parts[e]!),
      learningRate: rates![e]!,
      t: each,
    })
  );
  const updated = {
    weight: tf.concat(members.map(({ weight }) => weight)),
    slots: slots.map((_, slot) => tf.concat(members.map(({ slots }) => slots[slot]!))),
  };
  tf.dispose([weight, gradient, ...slots]);
  return updated;
}
