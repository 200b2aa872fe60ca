/**
 * An optimizer's step with its own definition in TensorFlow.js's public operations.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { ParameterUpdate, Updated } from "~/lib/engine/tensorflow/operations.ts";
import type { Optimizer } from "~/lib/optimizer.ts";

/** Steps and frees what the step used up; what a step returns as it was is kept. */
export function stepTensors(optimizer: Optimizer, parameter: ParameterUpdate): Updated {
  const { weight, gradient, slots } = parameter;
  let updated!: Updated;
  tf.tidy(() => {
    updated = optimizer.tensorStep(tf, parameter);
    return [updated.weight, ...updated.slots];
  });
  const kept = [updated.weight, ...updated.slots];
  tf.dispose([weight, gradient, ...slots].filter((tensor) => !kept.includes(tensor)));
  return updated;
}
