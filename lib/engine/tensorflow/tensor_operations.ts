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
  type LossRecord,
  type Operations,
  readRecord,
  type Recorded,
} from "~/lib/engine/tensorflow/operations.ts";
import { stepTensors } from "~/lib/engine/tensorflow/tensor_update.ts";
import { NORMALISATION_EPSILON } from "~/lib/model.ts";

/** Losses and accuracies of batches, each of shape [E], in the order of their indices. */
interface TensorRecord extends LossRecord {
  readonly batches: { readonly loss: tf.Tensor; readonly accuracy: tf.Tensor }[];
}

/**
 * Operations on the active backend.
 *
 * @param fusedRelu Whether the backend's own ReLU keeps NaN, as it must: a network that diverged
 * would look well. On WebGPU some drivers (OpenGL's) make a maximum of it, and NaN 0. Default true.
 */
export function createTensorOperations({ fusedRelu = true } = {}): Operations {
  const relu = (x: tf.Tensor): tf.Tensor => fusedRelu ? tf.relu(x) : tf.mul(x, tf.step(x));
  return {
    bytesPerPixel: 4,
    uploadImages,
    uploadLabels: (labels, classes) =>
      tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(labels, "int32"), classes), "float32")),
    linear: (input, weight, { bias, relu: isHidden }) =>
      tf.tidy(() => {
        const sum = tf.fused.matMul({
          a: rowsOf(input),
          b: weight as tf.Tensor3D,
          transposeB: true,
          ...(bias ? { bias } : {}),
          activation: isHidden && fusedRelu ? "relu" : "linear",
        });
        return isHidden && !fusedRelu ? relu(sum) : sum;
      }),
    propagate: (delta, weight, hidden) =>
      tf.tidy(() => tf.mul(tf.matMul(delta, weight), tf.step(hidden))),
    addWeightGradient: (target, sign, delta, input) =>
      addTo(target, sign, () => tf.matMul(delta, rowsOf(input), true)),
    addBiasGradient: (target, sign, delta) => addTo(target, sign, () => tf.sum(delta, 1, true)),
    moments: (logits) => tf.tidy(() => momentsOf(logits)),
    recordLoss(logits, batch, moments): void {
      tf.tidy((): void => {
        record(normalise(logits, moments ?? momentsOf(logits)).normalised, batch);
      });
    },
    logitsDelta,
    subtract: (target, amount) => addTo(target, -1, () => amount),
    update: stepTensors,
    shift: (x, { bias, relu: isHidden, along }) =>
      tf.tidy(() => {
        const moved = along ? tf.add(x, tf.mul(along.y, along.factor)) : x;
        const sum = bias ? tf.add(moved, bias) : moved;
        // A copy where nothing is done, so that the result is always one to dispose of.
        return isHidden ? relu(sum) : sum === x ? tf.clone(x) : sum;
      }),
    openRecord,
  };
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

function addTo(target: tf.Tensor | undefined, sign: 1 | -1, amount: () => tf.Tensor): tf.Tensor {
  const sum = tf.tidy(() => {
    const addend = amount();
    if (target === undefined) return sign === 1 ? addend : tf.neg(addend);
    return sign === 1 ? tf.add(target, addend) : tf.sub(target, addend);
  });
  target?.dispose();
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
  { labels, start, record, index }: BatchLabels,
): { softmax: tf.Tensor; oneHot: tf.Tensor } {
  const [, count, classes] = normalised.shape as [number, number, number];
  const oneHot = tf.reshape(tf.slice(labels, [start, 0], [count, classes]), [1, count, classes]);
  const logSoftmax = tf.logSoftmax(normalised);
  const loss = tf.neg(tf.mean(tf.sum(tf.mul(logSoftmax, oneHot), 2), 1));
  const hits = tf.equal(tf.argMax(normalised, 2), tf.argMax(oneHot, 2));
  const accuracy = tf.mean(tf.cast(hits, "float32"), 1);
  const { batches } = record as TensorRecord;
  tf.dispose(batches[index] ?? []);
  batches[index] = { loss: tf.keep(loss), accuracy: tf.keep(accuracy) };
  return { softmax: tf.exp(logSoftmax), oneHot };
}

function logitsDelta(logits: tf.Tensor, batch: BatchLabels, scale?: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const { normalised, inverse } = normalise(logits, momentsOf(logits));
    const { softmax, oneHot } = record(normalised, batch);
    const error = tf.sub(softmax, oneHot);
    const projection = tf.mean(tf.mul(error, normalised), 1, true);
    // Through the normalisation: what is constant over the rows, or along the logits, is lost.
    const delta = tf.sub(tf.sub(error, tf.mean(error, 1, true)), tf.mul(normalised, projection));
    const factor = tf.div(inverse, logits.shape[1]!);
    return tf.mul(delta, scale ? tf.mul(factor, scale) : factor);
  });
}

function openRecord(members: number, batches: number): LossRecord {
  const record: TensorRecord = {
    batches: [],
    async read(): Promise<Recorded> {
      const all = tf.tidy(() =>
        tf.stack(record.batches.flatMap(({ loss, accuracy }) => [loss, accuracy]), 1)
      );
      const values = await all.data();
      all.dispose();
      return readRecord(values, { members, batches, stride: 2 * batches });
    },
    dispose(): void {
      for (const batch of record.batches) tf.dispose(batch);
      record.batches.length = 0;
    },
  };
  return record;
}
