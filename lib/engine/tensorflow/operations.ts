/**
 * The arithmetic of E networks at once as few, fused operations: what a backend must offer.
 *
 * Shapes: images [rows, inputs], hidden units and deltas [E, B, units], weights [E, out, in] as
 * PyTorch stores them (so that members' arrays are copied in and out as they are), biases
 * [E, 1, out], logits [E, B, C]. An operation that "uses up" a tensor owns it: the caller goes on
 * with the one that is returned.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Optimizer, TensorStep, TensorUpdate } from "~/lib/optimizer.ts";

/** Rows of images on the device, shared by all members of a stack: B = `count`, `width` values each. */
export interface ImageRows {
  /** What `uploadImages` returned. */
  readonly images: Tensor;
  /** First row in `images`, from the cursor's on where there is one. */
  readonly start: number;
  readonly cursor?: Tensor;
  readonly count: number;
  readonly width: number;
}

/** What a layer reads: images, the same for all members, or the layer below, [E, B, in]. */
export type LayerInput = ImageRows | Tensor;

export function isImages(input: LayerInput): input is ImageRows {
  return "images" in input;
}

/** Losses and accuracies of E members' batches, which stay on the device until they are read. */
export interface LossRecord {
  readonly batches: number;
  /** [E, ...] each; side by side, loss and accuracy of batch b are numbers 2 b and 2 b + 1 of a row. */
  readonly tensors: Tensor[];
}

/** The labels of a batch, from row `start` on, and its place in a record; both from the cursor's on. */
export interface BatchLabels {
  /** Of all rows, int32 [1, N]. */
  readonly labels: Tensor;
  readonly start: number;
  readonly record: LossRecord;
  readonly index: number;
  readonly cursor?: Tensor;
}

/** Steps of training that differ in their batch alone, whose place is on the device. */
export interface Steps {
  /** Row and batch that the next step begins at, int32 [2]. */
  readonly cursor: Tensor;
  /** Moves the cursor to the first batch. */
  rewind(): void;
  /**
   * Enqueues a step and moves the cursor on by `rows` and 1. `work` enqueues it relative to the cursor
   * and is called once: steps of the same rows are the same.
   */
  take(rows: number, work: () => void): void;
  /** Frees what steps hold; call before the tensors that they read and write are disposed of. */
  dispose(): void;
}

export interface Shift {
  /** [E, 1, units]; default 0. */
  readonly bias?: Tensor | undefined;
  readonly relu: boolean;
  /** Also `factor` y: y has a 1 for E, the factor is [E, 1, units]. */
  readonly along?: { readonly y: Tensor; readonly factor: Tensor } | undefined;
}

/** The operations; all are enqueued. */
export interface Operations {
  readonly bytesPerPixel: 1 | 4;
  uploadImages(pixels: Uint8Array, width: number): Tensor;
  /** X W^T + b, then ReLU where asked: [E, B, out]. */
  linear(
    input: LayerInput,
    weight: Tensor,
    options: { readonly bias?: Tensor | undefined; readonly relu: boolean },
  ): Tensor;
  /** D W where `hidden`, a ReLU's output, is > 0, else 0: the delta of the layer below. */
  propagate(delta: Tensor, weight: Tensor, hidden: Tensor): Tensor;
  /** D^T X, [E, out, in], and `onto`, which it uses up. */
  weightGradient(delta: Tensor, input: LayerInput, onto?: Tensor): Tensor;
  /** The sum of the rows of D, [E, 1, out], and `onto`, which it uses up. */
  biasGradient(delta: Tensor, onto?: Tensor): Tensor;
  /** Mean and 1 / sqrt(variance + eps) of logits over their rows, in a form that `recordLoss` takes. */
  moments(logits: Tensor): Tensor;
  /** Records loss and accuracy of logits, normalised over all their rows or with given moments. */
  recordLoss(logits: Tensor, batch: BatchLabels, moments?: Tensor): void;
  /**
   * As `recordLoss`; also the gradient of the mean loss in the logits before normalisation, or minus
   * the learning rates [E, 1, 1] times that, where they are given.
   */
  logitsDelta(logits: Tensor, batch: BatchLabels, rates?: Tensor): Tensor;
  /** The optimizer's step. Uses up weight, gradient and slots. */
  update(optimizer: Optimizer, parameter: TensorUpdate): TensorStep;
  /** x + `factor` y + `bias`, then ReLU where asked; at factor 0 exactly what it is without y. */
  shift(x: Tensor, by: Shift): Tensor;
  /** A place for the losses of that many batches of E members with C logits each. */
  openRecord(members: number, batches: number, classes: number): LossRecord;
  /** Undefined where steps cannot be repeated, as the optimizer's update makes new tensors. */
  openSteps?(optimizer: Optimizer): Steps | undefined;
}
