/**
 * Flat parameters of E networks as tensors, and back.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type LayerSizes, layoutLayers } from "~/lib/model.ts";

/** One layer of E networks: weights [E, out, in], biases [E, 1, out]. */
export type LayerTensors = {
  readonly weight: tf.Tensor;
  readonly bias: tf.Tensor;
};

/** Uploads E flat vectors, shape [P] each; call inside `tidy`. */
export function uploadLayers(sizes: LayerSizes, vectors: readonly Float32Array[]): LayerTensors[] {
  const E = vectors.length;
  return layoutLayers(sizes).map(({ inputs, outputs, weight, bias }) => ({
    weight: tf.tensor3d(gatherParts(vectors, weight, inputs * outputs), [E, outputs, inputs]),
    bias: tf.tensor3d(gatherParts(vectors, bias, outputs), [E, 1, outputs]),
  }));
}

/** Reads tensors as `uploadLayers` makes them into flat vectors, shape [P] each. */
export async function downloadLayers(
  sizes: LayerSizes,
  layers: readonly LayerTensors[],
  vectors: readonly Float32Array[],
): Promise<void> {
  for (const [index, { weight, bias, inputs, outputs }] of layoutLayers(sizes).entries()) {
    const layer = layers[index]!;
    scatterParts(vectors, weight, inputs * outputs, await readCopy(layer.weight));
    scatterParts(vectors, bias, outputs, await readCopy(layer.bias));
  }
}

/** The members at `places` of a tensor whose first dimension is E. */
export function retainMembers(tensor: tf.Tensor, places: readonly number[]): tf.Tensor {
  return tf.tidy(() => tf.gather(tensor, tf.tensor1d([...places], "int32")));
}

/** Frees layers. */
export function disposeLayers(layers: readonly LayerTensors[]): void {
  for (const { weight, bias } of layers) tf.dispose([weight, bias]);
}

/**
 * Reads a tensor by way of a copy: TensorFlow.js keeps what it has read and would return the same
 * after the tensor was written in place. Times 1 keeps every bit, plus 0 would lose the sign of -0.
 */
async function readCopy(tensor: tf.Tensor): Promise<Float32Array> {
  const copy = tf.mul(tensor, 1);
  try {
    return await copy.data<"float32">();
  } finally {
    copy.dispose();
  }
}

function gatherParts(vectors: readonly Float32Array[], from: number, length: number): Float32Array {
  const all = new Float32Array(vectors.length * length);
  vectors.forEach((vector, e) => all.set(vector.subarray(from, from + length), e * length));
  return all;
}

function scatterParts(
  vectors: readonly Float32Array[],
  from: number,
  length: number,
  all: Float32Array,
): void {
  vectors.forEach((vector, e) => vector.set(all.subarray(e * length, (e + 1) * length), from));
}
