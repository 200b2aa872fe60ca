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
  /** Cuts a range into chunks of at most `rows` rows, each of which `rows()` takes. */
  chunks(range: Range, rows: number): Range[];
  /** The images of a chunk; nothing to dispose of. */
  rows(chunk: Range): ImageRows;
  /** Of all rows, int32 [1, N]. */
  readonly labels: tf.Tensor;
  dispose(): void;
}

/** Bytes of one upload at most, so that the host never holds the whole split as floats. */
const BLOCK_BYTES = 2 ** 28;

/** Uploads a split in blocks of rows that fit into a tensor each. */
export function uploadSplit(device: Device, { pixels, labels, size }: Split): SplitTensors {
  const { operations, tensorBytes } = device;
  const width = pixels.length / size;
  const rowBytes = operations.bytesPerPixel * width;
  const blockRows = Math.max(1, Math.floor(Math.min(BLOCK_BYTES, tensorBytes) / rowBytes));
  const blocks = Array.from({ length: Math.ceil(size / blockRows) }, (_, block) => {
    const bytes = pixels.subarray(block * blockRows * width, (block + 1) * blockRows * width);
    return device.tidy(() => operations.uploadImages(bytes, width));
  });
  const labelTensor = device.tidy(() => tf.tensor2d(Int32Array.from(labels), [1, size], "int32"));
  const blockOf = (row: number): number => Math.floor(row / blockRows);

  return {
    size,
    chunks({ from, to }, rows): Range[] {
      const chunks: Range[] = [];
      for (let first = from; first < to; first = chunks.at(-1)!.to) {
        const last = Math.min(first + rows, to, (blockOf(first) + 1) * blockRows);
        chunks.push({ from: first, to: last });
      }
      return chunks;
    },
    rows({ from, to }): ImageRows {
      const block = blockOf(from);
      return { images: blocks[block]!, start: from - block * blockRows, count: to - from, width };
    },
    labels: labelTensor,
    dispose: () => tf.dispose([...blocks, labelTensor]),
  };
}
