/**
 * Flat parameters of E networks as tensors, and back.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Device } from "~/lib/engine/tensorflow/device.ts";
import { type LayerSizes, layoutLayers } from "~/lib/model.ts";

/**
 * One layer of E networks: weights [E, out, in], biases [E, 1, out].
 *
 * The last layer's biases stay out: the normalisation of the logits removes them, so that they
 * change nothing and their gradient is 0.
 */
export type LayerTensors = {
  readonly weight: tf.Tensor;
  readonly bias: tf.Tensor | undefined;
};

/** Uploads E flat vectors, shape [P] each; call inside `tidy`. */
export function uploadLayers(sizes: LayerSizes, vectors: readonly Float32Array[]): LayerTensors[] {
  const E = vectors.length;
  const gather = (from: number, length: number): Float32Array => {
    const all = new Float32Array(E * length);
    vectors.forEach((vector, e) => all.set(vector.subarray(from, from + length), e * length));
    return all;
  };
  return layoutLayers(sizes).map(({ inputs, outputs, weight, bias }, index) => ({
    weight: tf.tensor3d(gather(weight, inputs * outputs), [E, outputs, inputs]),
    bias: index === sizes.length - 2
      ? undefined
      : tf.tensor3d(gather(bias, outputs), [E, 1, outputs]),
  }));
}

/** Reads tensors that `uploadLayers` made back into their vectors. */
export async function downloadLayers(
  device: Device,
  sizes: LayerSizes,
  layers: readonly LayerTensors[],
  vectors: readonly Float32Array[],
): Promise<void> {
  async function scatter(tensor: tf.Tensor, from: number): Promise<void> {
    const all = await device.read(tensor);
    const length = all.length / vectors.length;
    vectors.forEach((vector, e) => vector.set(all.subarray(e * length, (e + 1) * length), from));
  }
  for (const [index, { weight, bias }] of layoutLayers(sizes).entries()) {
    const layer = layers[index]!;
    await scatter(layer.weight, weight);
    if (layer.bias) await scatter(layer.bias, bias);
  }
}

/** Does the same with a layer's weights and biases. */
export function mapLayer(
  { weight, bias }: LayerTensors,
  map: (tensor: tf.Tensor) => tf.Tensor,
): LayerTensors {
  return { weight: map(weight), bias: bias && map(bias) };
}
