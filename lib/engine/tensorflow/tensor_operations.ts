/**
 * The operations in TensorFlow.js's own API, for every backend that has no kernels of ours.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  type BatchLabels,
  isImages,
  type LayerInput,
  type Operations,
} from "~/lib/engine/tensorflow/operations.ts";
import { NORMALISATION_EPSILON } from "~/lib/model.ts";
import type { Optimizer, TensorStep, TensorUpdate } from "~/lib/optimizer.ts";

export const TENSOR_OPERATIONS: Operations = {
  bytesPerPixel: 4,
  uploadImages,
  linear: (input, weight, { bias, relu }) =>
    tf.tidy(() =>
      tf.fused.matMul({
        a: rowsOf(input),
        b: weight as tf.Tensor3D,
        transposeB: true,
        ...(bias && { bias }),
        activation: relu ? "relu" : "linear",
      })
    ),
  propagate: (delta, weight, hidden) =>
    tf.tidy(() => tf.mul(tf.matMul(delta, weight), tf.step(hidden))),
  weightGradient: (delta, input, onto) => added(() => tf.matMul(delta, rowsOf(input), true), onto),
  biasGradient: (delta, onto) => added(() => tf.sum(delta, 1, true), onto),
  moments: (logits) => tf.tidy(() => momentsOf(logits)),
  recordLoss(logits, batch, moments): void {
    tf.tidy((): void => {
      record(normalise(logits, moments ?? momentsOf(logits)).normalised, batch);
    });
  },
  logitsDelta,
  update: stepTensors,
  shift: (x, { bias, relu, along }) =>
    tf.tidy(() => {
      const moved = along ? tf.add(x, tf.mul(along.y, along.factor)) : x;
      const sum = bias ? tf.add(moved, bias) : moved;
      // A copy where nothing is done, so that the result is always one to dispose of.
      return relu ? tf.relu(sum) : sum === x ? tf.clone(x) : sum;
    }),
  openRecord: (_members, batches) => ({ batches, tensors: [] }),
};

/** An optimizer's step by its own definition; frees what the step used up and did not return. */
export function stepTensors(optimizer: Optimizer, parameter: TensorUpdate): TensorStep {
  const { weight, gradient, slots } = parameter;
  let updated!: TensorStep;
  const kept = tf.tidy(() => {
    updated = optimizer.tensorStep(tf, parameter);
    return [updated.weight, ...updated.slots];
  });
  tf.dispose([weight, gradient, ...slots].filter((tensor) => !kept.includes(tensor)));
  return updated;
}

/** float32 in 0..1, shape [rows, width]. */
function uploadImages(pixels: Uint8Array, width: number): tf.Tensor {
  const values = new Float32Array(pixels.length);
  for (let i = 0; i < values.length; i++) values[i] = pixels[i]! / 255;
  return tf.tensor2d(values, [pixels.length / width, width]);
}

/** Operands of rank 3: images as [1, B, in], which products share between members. */
function rowsOf(input: LayerInput): tf.Tensor3D {
  if (!isImages(input)) return input as tf.Tensor3D;
  const { images, start, count, width } = input;
  return tf.reshape(tf.slice(images, [start, 0], [count, width]), [1, count, width]);
}

function added(amount: () => tf.Tensor, onto: tf.Tensor | undefined): tf.Tensor {
  const sum = tf.tidy(() => onto ? tf.add(onto, amount()) : amount());
  onto?.dispose();
  return sum;
}

/** Mean and 1 / sqrt(biased variance + eps) over the rows, [E, 2, C]. */
function momentsOf(logits: tf.Tensor): tf.Tensor {
  const mean = tf.mean(logits, 1, true);
  const variance = tf.mean(tf.square(tf.sub(logits, mean)), 1, true);
  return tf.concat([mean, tf.rsqrt(tf.add(variance, NORMALISATION_EPSILON))], 1);
}

/** Batch normalisation without scale and shift. */
function normalise(
  logits: tf.Tensor,
  moments: tf.Tensor,
): { normalised: tf.Tensor; inverse: tf.Tensor } {
  const [mean, inverse] = tf.split(moments, 2, 1) as [tf.Tensor, tf.Tensor];
  return { normalised: tf.mul(tf.sub(logits, mean), inverse), inverse };
}

/** Records loss and accuracy of normalised logits; returns softmax and one-hot labels. */
function record(
  normalised: tf.Tensor,
  { labels, start, record: { tensors }, index }: BatchLabels,
): { softmax: tf.Tensor; oneHot: tf.Tensor } {
  const [, count, classes] = normalised.shape as [number, number, number];
  const oneHot = oneHotOf(tf.slice(labels, [0, start], [1, count]), classes);
  const logSoftmax = tf.logSoftmax(normalised);
  const loss = tf.neg(tf.mean(tf.sum(tf.mul(logSoftmax, oneHot), 2), 1));
  const hits = tf.equal(tf.argMax(normalised, 2), tf.argMax(oneHot, 2));
  const accuracy = tf.mean(tf.cast(hits, "float32"), 1);
  tensors[index]?.dispose();
  tensors[index] = tf.keep(tf.stack([loss, accuracy], 1));
  return { softmax: tf.exp(logSoftmax), oneHot };
}

/** Labels [1, B] as ones among zeros, [1, B, classes]. */
export function oneHotOf(labels: tf.Tensor, classes: number): tf.Tensor {
  return tf.cast(tf.oneHot(labels as tf.Tensor2D, classes), "float32");
}

function logitsDelta(logits: tf.Tensor, batch: BatchLabels, rates?: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const { normalised, inverse } = normalise(logits, momentsOf(logits));
    const { softmax, oneHot } = record(normalised, batch);
    const error = tf.sub(softmax, oneHot);
    const projection = tf.mean(tf.mul(error, normalised), 1, true);
    // Through the normalisation: what is constant over the rows, or along the logits, is lost.
    const delta = tf.sub(tf.sub(error, tf.mean(error, 1, true)), tf.mul(normalised, projection));
    const factor = tf.div(inverse, logits.shape[1]!);
    return tf.mul(delta, rates ? tf.neg(tf.mul(factor, rates)) : factor);
  });
}
