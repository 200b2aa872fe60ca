/**
 * Images and labels on the device: uploaded once, read where they lie.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Split } from "~/lib/dataset.ts";
import type { Device } from "~/lib/engine/tensorflow/device.ts";
import type { ImageRows } from "~/lib/engine/tensorflow/operations.ts";

/** A half-open range of rows. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** A split on the device. */
export interface SplitTensors {
  /** Rows, N. */
  readonly size: number;
  /** Values a row. */
  readonly inputs: number;
  /** Cuts a range into chunks of at most `rows` rows, each of which `rows()` takes. */
  chunks(range: Range, rows: number): Range[];
  /** The images of a chunk; nothing to dispose of. */
  rows(chunk: Range): ImageRows;
  /** What `Operations.uploadLabels` returned for all rows; the split's. */
  labels(classes: number): tf.Tensor;
  /** Labels of a range as ones among zeros, [1, rows, classes]; call inside `tidy`. */
  oneHot(range: Range, classes: number): tf.Tensor;
  dispose(): void;
}

/** Bytes of one upload at most, so that the host never holds the whole split as floats. */
const BLOCK_BYTES = 2 ** 28;

/** Uploads a split in blocks of rows that fit into a tensor each. */
export function uploadSplit(device: Device, { pixels, labels, size }: Split): SplitTensors {
  const { operations, tensorBytes } = device;
  const inputs = pixels.length / size;
  const rowBytes = operations.bytesPerPixel * inputs;
  const blockRows = Math.max(1, Math.floor(Math.min(BLOCK_BYTES, tensorBytes) / rowBytes));
  const blocks: tf.Tensor[] = [];
  for (let first = 0; first < size; first += blockRows) {
    const last = Math.min(first + blockRows, size);
    const bytes = pixels.subarray(first * inputs, last * inputs);
    blocks.push(device.tidy(() => operations.uploadImages(bytes, inputs)));
  }
  const labelTensors = new Map<number, tf.Tensor>();
  const blockOf = (row: number): number => Math.floor(row / blockRows);

  return {
    size,
    inputs,
    chunks({ from, to }, rows): Range[] {
      const chunks: Range[] = [];
      for (let first = from; first < to;) {
        const last = Math.min(first + rows, to, (blockOf(first) + 1) * blockRows);
        chunks.push({ from: first, to: last });
        first = last;
      }
      return chunks;
    },
    rows({ from, to }): ImageRows {
      const block = blockOf(from);
      return {
        images: blocks[block]!,
        start: from - block * blockRows,
        count: to - from,
        width: inputs,
      };
    },
    labels(classes): tf.Tensor {
      const known = labelTensors.get(classes);
      if (known !== undefined) return known;
      const made = device.tidy(() => tf.keep(operations.uploadLabels(labels, classes)));
      labelTensors.set(classes, made);
      return made;
    },
    oneHot({ from, to }, classes): tf.Tensor {
      const indices = tf.tensor2d(Int32Array.from(labels.subarray(from, to)), [1, to - from]);
      return tf.cast(tf.oneHot(tf.cast(indices, "int32"), classes), "float32");
    },
    dispose(): void {
      tf.dispose([...blocks, ...labelTensors.values()]);
    },
  };
}
