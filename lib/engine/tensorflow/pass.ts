/**
 * Forward and backward passes of a stack, without automatic differentiation.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type Device, keepPace } from "~/lib/engine/tensorflow/device.ts";
import type { LayerInput, LossRecord, Operations } from "~/lib/engine/tensorflow/operations.ts";
import { disposeLayers, keepLayer, type LayerTensors } from "~/lib/engine/tensorflow/parameters.ts";
import type { Range, SplitTensors } from "~/lib/engine/tensorflow/split.ts";

/** Rows of a split, taken through a network in chunks of at most `chunk` rows. */
export interface Rows extends Range {
  readonly split: SplitTensors;
  readonly chunk: number;
  /** Aborts between chunks. */
  readonly signal?: AbortSignal | undefined;
}

/** Temporary tensors of a chunk: outputs and deltas of every layer. */
export function chunkBytes(layers: readonly LayerTensors[], chunk: number): number {
  return layers.reduce(
    (sum, { weight: { shape: [E, units] } }) => sum + 8 * E! * units! * chunk,
    0,
  );
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
    outputs.push(
      operations.linear(outputs.at(-1) ?? input, weight, { ...(bias && { bias }), relu }),
    );
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
  { input, outputs, delta, visit }: {
    readonly input: LayerInput;
    readonly outputs: readonly tf.Tensor[];
    readonly delta: tf.Tensor;
    readonly visit: (index: number, input: LayerInput, delta: tf.Tensor) => void;
  },
): void {
  let current = delta;
  for (let index = layers.length - 1; index > 0; index--) {
    const hidden = outputs[index - 1]!;
    const below = operations.propagate(current, layers[index]!.weight, hidden);
    visit(index, hidden, current);
    current = below;
  }
  visit(0, input, current);
}

/** Logits of all rows, shape [E, rows, C]; the caller's. */
export async function logitsOf(
  device: Device,
  layers: readonly LayerTensors[],
  { split, chunk, signal, ...range }: Rows,
): Promise<tf.Tensor> {
  const parts: tf.Tensor[] = [];
  const pace = keepPace(device, chunkBytes(layers, chunk));
  try {
    for (const part of split.chunks(range, chunk)) {
      signal?.throwIfAborted();
      parts.push(
        device.tidy(() => forwardPass(device.operations, layers, split.rows(part)).at(-1)!),
      );
      await pace();
    }
    return joinRows(device, parts.splice(0));
  } finally {
    tf.dispose(parts);
  }
}

/** Joins chunks of rows and disposes of them. */
export function joinRows(device: Device, parts: tf.Tensor[]): tf.Tensor {
  if (parts.length === 1) return parts[0]!;
  const joined = device.tidy(() => tf.concat(parts, 1));
  tf.dispose(parts);
  return joined;
}

/** What `gradientOf` records and how it scales. */
export interface GradientOptions extends Rows {
  readonly record: LossRecord;
  /** The batch's place in the record. */
  readonly index: number;
  /** Factor of each member's gradient, shape [E]; default: 1. */
  readonly scale?: tf.Tensor | undefined;
}

/**
 * The gradient of the mean loss of any number of rows. The logits are normalised with the
 * statistics of all of them; where there are several chunks, hidden units are computed twice.
 *
 * @returns Gradients shaped like `layers`; the caller's.
 */
export async function gradientOf(
  device: Device,
  layers: readonly LayerTensors[],
  { record, index, scale, ...rows }: GradientOptions,
): Promise<LayerTensors[]> {
  const { operations } = device;
  const { split, from } = rows;
  const logits = await logitsOf(device, layers, rows);
  const [E, , C] = logits.shape as [number, number, number];
  const labels = { labels: split.labels(C), start: from, record, index };
  const all = device.tidy(() => operations.logitsDelta(logits, labels, scale));
  logits.dispose();
  const total: LayerTensors[] = [];
  const pace = keepPace(device, chunkBytes(layers, rows.chunk));
  try {
    for (const part of split.chunks(rows, rows.chunk)) {
      rows.signal?.throwIfAborted();
      device.tidy(() => {
        const input = split.rows(part);
        backwardPass(operations, layers, {
          input,
          outputs: forwardPass(operations, layers, input),
          delta: tf.slice(all, [0, part.from - from, 0], [E, part.to - part.from, C]),
          visit(layer, input, delta): void {
            const sum = total[layer];
            total[layer] = keepLayer({
              weight: operations.addWeightGradient(sum?.weight, 1, delta, input),
              bias: layers[layer]!.bias && operations.addBiasGradient(sum?.bias, 1, delta),
            });
          },
        });
      });
      await pace();
    }
    return total;
  } catch (error) {
    disposeLayers(total);
    throw error;
  } finally {
    all.dispose();
  }
}
