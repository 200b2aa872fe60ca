/**
 * Layers forwards and backwards with their derivatives along K vectors beside them.
 *
 * A network's own tensors have 1 in the place of K, so that its products are made once for all
 * vectors. Derivatives are marked by a dash: W' is the vector's part, h' = dh/dv.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  type ImageRows,
  isImages,
  type LayerInput,
  type Operations,
} from "~/lib/engine/tensorflow/operations.ts";
import type { LayerTensors } from "~/lib/engine/tensorflow/parameters.ts";

/** A network, [1, ...], and K vectors of its shape, [K, ...]. */
export interface TangentNetwork {
  readonly layers: readonly LayerTensors[];
  readonly tangents: readonly LayerTensors[];
}

/** What a layer gives: [1, B, out], and its derivatives, [K, B, out]. */
export interface Dual {
  readonly output: tf.Tensor;
  readonly tangent: tf.Tensor;
}

/** h = relu(x W^T + b) and h' = [h > 0] (x' W^T + x W'^T + b') of every layer; no ReLU on the last. */
export function forwardTangents(
  operations: Operations,
  { layers, tangents }: TangentNetwork,
  images: ImageRows,
): Dual[] {
  const outputs: Dual[] = [];
  for (const [index, { weight, bias }] of layers.entries()) {
    const below = outputs.at(-1);
    const input = below?.output ?? images;
    const along = tangents[index]!;
    const output = plus(multiply(operations, input, weight), bias);
    const direct = plus(multiply(operations, input, along.weight), along.bias);
    const tangent = below ? tf.add(multiply(operations, below.tangent, weight), direct) : direct;
    if (index === layers.length - 1) {
      outputs.push({ output, tangent });
    } else {
      // Not relu(), which loses NaN on some of WebGPU's drivers.
      const isOn = tf.step(output);
      outputs.push({ output: tf.mul(output, isOn), tangent: tf.mul(tangent, isOn) });
    }
  }
  return outputs;
}

/**
 * Adds a chunk's part of H v to `total`: D'^T x + D^T x' for weights, the rows' sum of D' for biases,
 * with D = [h > 0] (D W) and D' = [h > 0] (D' W + D W') from layer to layer.
 *
 * @param chunk `delta` [1, B, C] and its `tangent` [K, B, C] are those of the logits.
 */
export function backwardTangents(
  operations: Operations,
  { layers, tangents }: TangentNetwork,
  chunk: {
    readonly input: ImageRows;
    readonly outputs: readonly Dual[];
    readonly delta: tf.Tensor;
    readonly tangent: tf.Tensor;
    /** By layer; written. */
    readonly total: LayerTensors[];
  },
): void {
  const { input, outputs, total } = chunk;
  let { delta, tangent } = chunk;
  for (let index = layers.length - 1; index >= 0; index--) {
    const { weight, bias } = layers[index]!;
    const sum = total[index];
    const below = outputs[index - 1];
    const ofBias = bias && operations.addBiasGradient(sum?.bias, 1, tangent);
    if (below === undefined) {
      const ofWeight = operations.addWeightGradient(sum?.weight, 1, tangent, input);
      total[index] = { weight: ofWeight, bias: ofBias };
      return;
    }
    const part = tf.add(
      tf.matMul(tangent, below.output, true),
      tf.matMul(delta, below.tangent, true),
    );
    total[index] = { weight: sum ? tf.add(sum.weight, part) : part, bias: ofBias };
    sum?.weight.dispose();
    const isOn = tf.step(below.output);
    tangent = tf.mul(
      isOn,
      tf.add(tf.matMul(tangent, weight), tf.matMul(delta, tangents[index]!.weight)),
    );
    delta = tf.mul(isOn, tf.matMul(delta, weight));
  }
}

/** x W^T; the images' products are the device's own, as they may be packed. */
function multiply(operations: Operations, input: LayerInput, weight: tf.Tensor): tf.Tensor {
  return isImages(input)
    ? operations.linear(input, weight, { relu: false })
    : tf.matMul(input, weight, false, true);
}

function plus(x: tf.Tensor, bias: tf.Tensor | undefined): tf.Tensor {
  return bias ? tf.add(x, bias) : x;
}
