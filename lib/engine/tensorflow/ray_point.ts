/**
 * A point on a ray through E models, as tensors.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { LayerTensors } from "~/lib/engine/tensorflow/parameters.ts";
import type { StepFactors } from "~/lib/engine/scaling.ts";
import { type LayerSizes, layoutLayers } from "~/lib/model.ts";

/** E models at w + step d. */
export interface MovedNetworks {
  /** What the first layer's product with the direction is multiplied with, [E, 1, out]. */
  readonly factor: tf.Tensor;
  /** The first layer's biases, [E, 1, out]. */
  readonly bias: tf.Tensor;
  /** The layers above the first. */
  readonly above: readonly LayerTensors[];
}

/** Where models are and in which direction they are moved. */
export interface Course {
  readonly sizes: LayerSizes;
  /** E flat vectors. */
  readonly models: readonly Float32Array[];
  /** The same on the device. */
  readonly layers: readonly LayerTensors[];
  /** g_k, flat. */
  readonly normal: Float32Array;
  /** The same on the device, [1, ...]. */
  readonly direction: readonly LayerTensors[];
  /** By model. */
  readonly factors: readonly StepFactors[];
}

/**
 * Moves models; call inside `tidy`. At step 0 every number is the model's own.
 *
 * Of the last layer's biases only the move is kept: statistics of the logits that are moved with
 * them remove it, frozen ones do not.
 */
export function moveNetworks(
  { sizes, models, layers, normal, direction, factors }: Course,
  step: number,
): MovedNetworks {
  let unit = 0;
  const moved = layoutLayers(sizes).map(({ outputs, bias }, index) => {
    const isLast = index === sizes.length - 2;
    const shape: [number, number, number] = [models.length, 1, outputs];
    const biases = models.flatMap((model, e) =>
      Array.from({ length: outputs }, (_, i) => {
        const move = step * factors[e]!.biases[index]! * normal[bias + i]!;
        return isLast ? move : model[bias + i]! + move;
      })
    );
    const rows = factors.flatMap(({ rows }) =>
      Array.from(rows.subarray(unit, unit + outputs), (factor) => step * factor)
    );
    unit += outputs;
    return { bias: tf.tensor3d(biases, shape), factor: tf.tensor3d(rows, shape) };
  });
  const [{ bias, factor }, ...rest] = moved as [typeof moved[0], ...typeof moved];
  return {
    bias,
    factor,
    above: rest.map(({ bias, factor }, index) => ({
      weight: tf.add(
        layers[index + 1]!.weight,
        tf.mul(direction[index + 1]!.weight, tf.transpose(factor, [0, 2, 1])),
      ),
      bias,
    })),
  };
}

/** The factors of a scaling that is the same for all parts of a network. */
export function sameFactors(sizes: LayerSizes, factor: number): StepFactors {
  const units = sizes.slice(1).reduce((sum, outputs) => sum + outputs, 0);
  return { rows: new Float64Array(units).fill(factor), biases: sizes.slice(1).map(() => factor) };
}
