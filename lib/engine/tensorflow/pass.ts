/**
 * Forward and backward passes of E networks through any number of rows, without automatic
 * differentiation.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Split } from "~/lib/dataset.ts";
import type { EvaluateOptions, Evaluation } from "~/lib/engine/engine.ts";
import type { Device } from "~/lib/engine/tensorflow/device.ts";
import type {
  ImageRows,
  LayerInput,
  LossRecord,
  Operations,
} from "~/lib/engine/tensorflow/operations.ts";
import { type LayerSizes, layoutLayers, share, type SharedFloats } from "~/lib/model.ts";

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

export function mapLayer(
  { weight, bias }: LayerTensors,
  map: (tensor: tf.Tensor) => tf.Tensor,
): LayerTensors {
  return { weight: map(weight), bias: bias && map(bias) };
}

/** A split on the device: uploaded once, read where it lies. */
export interface SplitTensors {
  /** Rows, N. */
  readonly size: number;
  /** What `Operations.uploadImages` returned, and its columns. */
  readonly images: tf.Tensor;
  readonly width: number;
  /** int32 [1, N]. */
  readonly labels: tf.Tensor;
}

/** @throws {Error} If the device has no tensors that large. */
export function uploadSplit(
  { operations, tensorBytes, tidy }: Device,
  { pixels, labels, size }: Split,
): SplitTensors {
  const bytes = operations.bytesPerPixel * pixels.length;
  if (bytes > tensorBytes) {
    throw new Error(
      `Cannot use the device as it must hold the images, ${bytes} bytes, in one tensor: the ` +
        `largest that it takes has ${tensorBytes}`,
    );
  }
  const width = pixels.length / size;
  return tidy(() => ({
    ...{ size, width, images: operations.uploadImages(pixels, width) },
    labels: tf.tensor2d(Int32Array.from(labels), [1, size], "int32"),
  }));
}

/** A split that networks are taken through, in chunks of at most `chunk` rows. */
export interface ChunkedPass {
  readonly device: Device;
  readonly sizes: LayerSizes;
  readonly split: SplitTensors;
  readonly chunk: number;
  /** Awaited after each chunk. */
  readonly pace: () => Promise<void>;
  /** Aborts between chunks. */
  readonly signal?: AbortSignal | undefined;
}

/** Does something with every chunk of rows in order; the tensors that it returns are the caller's. */
export async function mapChunks<T extends tf.TensorContainer>(
  { device, split, chunk, pace, signal }: ChunkedPass,
  map: (images: ImageRows, index: number) => T,
): Promise<T[]> {
  const made: T[] = [];
  try {
    for (let start = 0; start < split.size; start += chunk) {
      signal?.throwIfAborted();
      const images = { ...split, start, count: Math.min(chunk, split.size - start) };
      made.push(device.tidy(() => map(images, made.length)));
      await pace();
    }
    return made;
  } catch (error) {
    tf.dispose(made);
    throw error;
  }
}

/** What a forward pass makes of all rows, [.., rows, C], chunk by chunk; the caller's. */
export async function logitsOf(
  work: ChunkedPass,
  forward: (images: ImageRows, index: number) => tf.Tensor,
): Promise<tf.Tensor> {
  const parts = await mapChunks(work, forward);
  if (parts.length === 1) return parts[0]!;
  const joined = work.device.tidy(() => tf.concat(parts, 1));
  tf.dispose(parts);
  return joined;
}

/**
 * Sums over chunks what a backward pass makes of the gradient in the logits.
 *
 * @param deltas Gradient in the logits of all rows, [.., rows, C]; used up.
 * @param add Adds a chunk's part to the total, which it keeps.
 * @returns The caller's.
 */
export async function sumChunks(
  work: ChunkedPass,
  deltas: tf.Tensor,
  add: (images: ImageRows, delta: tf.Tensor, total: LayerTensors[]) => void,
): Promise<LayerTensors[]> {
  const total: LayerTensors[] = [];
  try {
    await mapChunks(work, (images): void => {
      const delta = tf.slice(deltas, [0, images.start, 0], [-1, images.count, -1]);
      add(images, delta, total);
    });
    return total;
  } catch (error) {
    tf.dispose(total);
    throw error;
  } finally {
    deltas.dispose();
  }
}

/** The outputs of every layer, the logits last. */
export function forwardPass(
  operations: Operations,
  layers: readonly LayerTensors[],
  input: LayerInput,
): tf.Tensor[] {
  const outputs: tf.Tensor[] = [];
  for (const [index, { weight, bias }] of layers.entries()) {
    const relu = index < layers.length - 1;
    outputs.push(operations.linear(outputs.at(-1) ?? input, weight, { bias, relu }));
  }
  return outputs;
}

/**
 * Carries the gradient in the logits back through the layers.
 *
 * `visit` is told each layer's input and delta, last layer first, when the delta below is already
 * computed: it may change the layer. The images need no gradient.
 */
export function backwardPass(
  operations: Operations,
  layers: readonly LayerTensors[],
  { images, outputs, delta }: { images: ImageRows; outputs: tf.Tensor[]; delta: tf.Tensor },
  visit: (index: number, input: LayerInput, delta: tf.Tensor) => void,
): void {
  let current = delta;
  for (let index = layers.length - 1; index > 0; index--) {
    const hidden = outputs[index - 1]!;
    const below = operations.propagate(current, layers[index]!.weight, hidden);
    visit(index, hidden, current);
    current = below;
  }
  visit(0, images, current);
}

/** The gradient of a layer like `layer`, kept; with `onto`, which is used up, their sum. */
export function layerGradient(
  operations: Operations,
  { layer, delta, input, onto }:
    & { readonly layer: LayerTensors; readonly onto?: LayerTensors | undefined }
    & { readonly delta: tf.Tensor; readonly input: LayerInput },
): LayerTensors {
  return mapLayer({
    weight: operations.weightGradient(delta, input, onto?.weight),
    bias: layer.bias && operations.biasGradient(delta, onto?.bias),
  }, tf.keep);
}

/**
 * Reads loss and accuracy of every member's batches, [E][batches]; the record stays usable.
 *
 * @param rows Rows of every batch, so that accuracies are the whole numbers of them behind the
 * float32, and all engines give the same fraction.
 */
export async function readRecord(
  device: Device,
  { batches, tensors }: LossRecord,
  rows: number,
): Promise<Record<"losses" | "accuracies", number[][]>> {
  const all = device.tidy(() => tf.concat(tensors, 1));
  const [members, stride] = all.shape as [number, number];
  const values = await device.read(all).finally(() => all.dispose());
  const column = (offset: number): number[][] =>
    Array.from(
      { length: members },
      (_, e) => Array.from({ length: batches }, (_, b) => values[e * stride + 2 * b + offset]!),
    );
  const accuracies = column(1).map((all) => all.map((each) => Math.round(each * rows) / rows));
  return { losses: column(0), accuracies };
}

/**
 * Evaluates E models that fit on the device together on all rows of a split. Hidden units are
 * computed twice where a gradient is wanted, before and after the normalisation over all rows.
 */
export async function evaluateModels(
  work: ChunkedPass,
  models: readonly SharedFloats[],
  want: EvaluateOptions["gradient"],
): Promise<Evaluation[]> {
  const { device, sizes, split } = work;
  const { operations } = device;
  const { layers, record } = device.tidy(() => ({
    layers: uploadLayers(sizes, models),
    record: operations.openRecord(models.length, 1, sizes.at(-1)!),
  }));
  let gradients: LayerTensors[] = [];
  try {
    const outputsOf = (images: ImageRows): tf.Tensor[] => forwardPass(operations, layers, images);
    const logits = await logitsOf(work, (images) => outputsOf(images).at(-1)!);
    const batch = { labels: split.labels, start: 0, record, index: 0 };
    const deltas = device.tidy(() =>
      want ? operations.logitsDelta(logits, batch) : operations.recordLoss(logits, batch)
    );
    logits.dispose();
    if (deltas) {
      gradients = await sumChunks(work, deltas, (images, delta, total) => {
        const outputs = outputsOf(images);
        backwardPass(operations, layers, { images, outputs, delta }, (index, input, delta) => {
          const onto = total[index];
          total[index] = layerGradient(operations, { layer: layers[index]!, delta, input, onto });
        });
      });
    }
    // The last biases' gradient stays 0: `downloadLayers` knows them not.
    const vectors = models.map(({ length }) => share(want === "whole" ? length : 0));
    if (want === "whole") await downloadLayers(device, sizes, gradients, vectors);
    const norms = want === "norm" ? await normsOf(device, gradients) : [];
    const { losses, accuracies } = await readRecord(device, record, split.size);
    return models.map((_, e) => ({
      loss: losses[e]![0]!,
      accuracy: accuracies[e]![0]!,
      gradientNorm: norms[e] ?? NaN,
      gradient: vectors[e]!,
    }));
  } finally {
    tf.dispose([record.tensors, layers, gradients]);
    device.trim();
  }
}

/** Euclidean norm of each model's gradient over all parameters, shape [E]. */
async function normsOf(device: Device, gradients: LayerTensors[]): Promise<Float32Array> {
  const norms = device.tidy(() => {
    const parts = gradients.flatMap(({ weight, bias }) => bias ? [weight, bias] : [weight]);
    return tf.sqrt(tf.addN(parts.map((part) => tf.sum(tf.square(part), [1, 2]))));
  });
  return await device.read(norms).finally(() => norms.dispose());
}
