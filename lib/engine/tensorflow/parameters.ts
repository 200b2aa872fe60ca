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
  return layoutLayers(sizes).map(({ inputs, outputs, weight, bias }, index) => ({
    weight: tf.tensor3d(gatherParts(vectors, weight, inputs * outputs), [E, outputs, inputs]),
    bias: index === sizes.length - 2
      ? undefined
      : tf.tensor3d(gatherParts(vectors, bias, outputs), [E, 1, outputs]),
  }));
}

/** Reads tensors that `uploadLayers` made back into their vectors. */
export async function downloadLayers(
  device: Device,
  sizes: LayerSizes,
  { layers, vectors }: {
    readonly layers: readonly LayerTensors[];
    readonly vectors: readonly Float32Array[];
  },
): Promise<void> {
  for (const [index, { weight, bias, inputs, outputs }] of layoutLayers(sizes).entries()) {
    const layer = layers[index]!;
    scatterParts(vectors, weight, inputs * outputs, await readCopy(device, layer.weight));
    if (layer.bias) scatterParts(vectors, bias, outputs, await readCopy(device, layer.bias));
  }
}

/** Copies of the members at `places`; call inside `tidy`. */
export function selectMembers(layers: readonly LayerTensors[], places: number[]): LayerTensors[] {
  const indices = tf.tensor1d(places, "int32");
  return layers.map(({ weight, bias }) => ({
    weight: tf.gather(weight, indices),
    bias: bias && tf.gather(bias, indices),
  }));
}

/** Keeps a layer beyond the end of `tidy`. */
export function keepLayer({ weight, bias }: LayerTensors): LayerTensors {
  return { weight: tf.keep(weight), bias: bias && tf.keep(bias) };
}

/** Frees layers. */
export function disposeLayers(layers: readonly LayerTensors[]): void {
  for (const { weight, bias } of layers) {
    weight.dispose();
    bias?.dispose();
  }
}

/**
 * Reads a tensor by way of a copy: TensorFlow.js keeps what it has read and would return the same
 * after the tensor was written in place. Times 1 keeps every bit, plus 0 would lose the sign of -0.
 */
async function readCopy(device: Device, tensor: tf.Tensor): Promise<Float32Array> {
  const copy = device.tidy(() => tf.mul(tensor, 1));
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
