/**
 * Forward and backward passes over the rows of a batch, block by block, in a workspace.
 *
 * @module
 */
import type { Dataset, Split } from "~/lib/dataset.ts";
import {
  BLOCK,
  blockOffset,
  type Layout,
  type LogitLayout,
  type PassLayout,
  type Workspace,
} from "~/lib/engine/cpu/workspace.ts";
import { NORMALISATION_EPSILON } from "~/lib/model.ts";

export interface Thread {
  readonly workspace: Workspace;
  readonly splits: Readonly<Pick<Dataset, "train" | "test">>;
}

/** A run of rows: of those that threads share whole blocks, and the rest at the end. */
export interface RowRange {
  readonly start: number;
  readonly count: number;
}

/** A run of rows of a split, in file order or in that of their numbers. */
export interface Rows extends RowRange {
  readonly split: Split;
  readonly order?: Uint32Array | undefined;
}

/** Cuts rows into pieces of so many blocks, in order. */
export function cutRows(rows: number, blocks = 1): RowRange[] {
  const most = blocks * BLOCK;
  return Array.from({ length: Math.ceil(rows / most) }, (_, index) => {
    const start = index * most;
    return { start, count: Math.min(most, rows - start) };
  });
}

/** Copies a block's pixels into the workspace and scales them to 0..1. */
export function loadPixels(
  { memory, kernels }: Workspace,
  { bytes, pixels }: Pick<Layout, "bytes" | "pixels">,
  { split, start: first, order }: Rows,
  start: number,
  length: number,
): void {
  const inputs = split.pixels.length / split.size;
  const own = new Uint8Array(memory.buffer, bytes, length * inputs);
  const rows = (from: number, count: number): Uint8Array =>
    split.pixels.subarray(from * inputs, (from + count) * inputs);
  const from = first + start;
  if (order === undefined) own.set(rows(from, length));
  else for (let r = 0; r < length; r++) own.set(rows(order[from + r]!, 1), r * inputs);
  kernels.bytesToFloats(bytes, pixels, length * inputs);
}

export function loadLabels(
  { memory }: Workspace,
  { labels }: LogitLayout,
  { split, start, count, order }: Rows,
): void {
  const own = new Uint8Array(memory.buffer, labels, count);
  if (order === undefined) own.set(split.labels.subarray(start, start + count));
  else for (let r = 0; r < count; r++) own[r] = split.labels[order[start + r]!]!;
}

/** Where what goes into a layer lies: pixels as [rows, inputs], activations as [inputs, rows]. */
function inputOf(
  { layers, pixels }: Layout,
  outputs: readonly number[],
  l: number,
  start: number,
): number {
  return l === 0 ? pixels : blockOffset(outputs[l - 1]!, layers[l]!.inputs, start);
}

/**
 * Computes the logits of the rows and leaves every layer's outputs in the workspace, the last
 * block's pixels too. The bias of the logits is left out: the normalisation removes any constant.
 *
 * With a tangent, the changes H_l' of these outputs, which lie there: see `backwardTangent`.
 */
export async function forward(
  workspace: Workspace,
  layout: Layout,
  rows: Rows,
  tangent?: PassLayout,
): Promise<void> {
  const { gemm, kernels } = workspace;
  const { layers } = layout;
  const { parameters, outputs } = tangent ?? layout;
  for (const { start, count: length } of cutRows(rows.count)) {
    loadPixels(workspace, layout, rows, start, length);
    for (const [l, { inputs, outputs: n, weight, bias }] of layers.entries()) {
      const out = blockOffset(outputs[l]!, n, start);
      const input = inputOf(layout, layout.outputs, l, start);
      await gemm(l === 0 ? "NT" : "NN", n, length, inputs, parameters + 4 * weight, input, out);
      if (tangent && l > 0) {
        const change = inputOf(layout, outputs, l, start);
        await gemm("NN", n, length, inputs, layout.parameters + 4 * weight, change, out, 1);
      }
      if (l === layers.length - 1) continue;
      const b = parameters + 4 * bias;
      const h = blockOffset(layout.outputs[l]!, n, start);
      if (tangent) kernels.addBiasMasked(out, b, h, n, length);
      else kernels.addBiasRelu(out, b, n, length);
    }
  }
}

/** What the backward pass does with a layer's gradient. */
export interface BackwardOptions {
  /**
   * Takes `w -= learningRate * gradient` into the product where the rows are one block, so that
   * weights are rounded to float32 once a step; for a library that adds in place.
   */
  readonly inPlaceRate?: number | undefined;
  /** Called when `length` numbers of the gradient from `offset` on, a layer's part, are complete. */
  readonly onGradient?: (offset: number, length: number) => void;
}

/**
 * Runs the backward pass of the rows whose forward pass and loss gradient lie in the workspace, the
 * pixels too where they are one block: gradients of the mean loss, or SGD's update in the products.
 *
 * The workspace's gradient holds zeros at the start, to which a library that adds in place adds:
 * `beta` = 0 costs it a pass over them.
 *
 * The gradient of the logits' bias is exactly 0 and is neither computed nor reported: the
 * normalisation removes any constant. No gradient is computed for the network's input.
 */
export async function backward(
  workspace: Workspace,
  layout: Layout,
  rows: Rows,
  { inPlaceRate, onGradient }: BackwardOptions = {},
): Promise<void> {
  const { gemm, kernels, accumulates } = workspace;
  const { layers, outputs, deltas, parameters, gradient } = layout;
  const isSingle = rows.count <= BLOCK;
  for (const { start, count: length } of cutRows(rows.count)) {
    if (!isSingle) loadPixels(workspace, layout, rows, start, length);
    const isLast = start + length === rows.count;
    for (let l = layers.length - 1; l >= 0; l--) {
      const { inputs, outputs: n, weight } = layers[l]!;
      const delta = blockOffset(deltas[l]!, n, l === layers.length - 1 ? start : 0);
      const input = inputOf(layout, outputs, l, start);
      const W = parameters + 4 * weight;
      if (l > 0) {
        // D_{l-1} = (W_l^T D_l) where H_{l-1} > 0: before W_l is updated.
        const { bias } = layers[l - 1]!;
        await gemm("TN", inputs, length, n, W, delta, deltas[l - 1]!);
        kernels.maskAndSum(deltas[l - 1]!, input, gradient + 4 * bias, inputs, length, start > 0);
        if (isLast) onGradient?.(bias, inputs);
      }
      // The gradient of W_l is D_l H_{l-1}^T, [n, inputs].
      const form = l === 0 ? "NN" : "NT";
      if (isSingle && inPlaceRate !== undefined) {
        await gemm(form, n, inputs, length, delta, input, W, 1, -inPlaceRate);
        continue;
      }
      const beta = start > 0 || accumulates ? 1 : 0;
      await gemm(form, n, inputs, length, delta, input, gradient + 4 * weight, beta);
      if (isLast) onGradient?.(weight, n * inputs);
    }
  }
}

/** Makes the logits of `rows` rows those that the kernels work on, with their own statistics. */
export function useLogits(
  { kernels }: Workspace,
  { classes, labels, statistics, scratch }: LogitLayout,
  rows: number,
  logits: number,
): void {
  kernels.useLogits(logits, labels, statistics, scratch, classes, rows, BLOCK);
  kernels.logitStatistics(NORMALISATION_EPSILON);
}

/**
 * Mean cross-entropy of the normalised logits of `rows` rows and the rows whose largest logit is the
 * label's; with the gradient with respect to the logits written to `deltas` where that is given.
 */
export function lossOfLogits(
  workspace: Workspace,
  layout: LogitLayout,
  rows: number,
  { logits, deltas }: { readonly logits: number; readonly deltas?: number | undefined },
): { loss: number; correct: number } {
  const { kernels } = workspace;
  useLogits(workspace, layout, rows, logits);
  const total = deltas === undefined
    ? kernels.crossEntropy()
    : kernels.crossEntropyGradient(deltas);
  return { loss: total / rows, correct: kernels.correctRows() };
}

/**
 * Computes the rows' share of the Hessian's product with v into the gradient's place, by forward over
 * reverse (Pearlmutter 1994, https://doi.org/10.1162/neco.1994.6.1.147).
 *
 * With H_l the outputs of layer l (H_0 = X), D_l the loss's gradient with respect to its sums, and a
 * prime for the change along v = (V, c):
 *
 *     H_l' = (V_l H_{l-1} + W_l H_{l-1}' + c_l) where H_l > 0,  H_0' = 0
 *     D_{l-1}' = (V_l^T D_l + W_l^T D_l') where H_{l-1} > 0
 *     (H v)_l = D_l' H_{l-1}^T + D_l H_{l-1}'^T,  of the biases: row sums of D_l'
 *
 * All H_l, H_l' and those D_l and D_l' of the logits lie there; the product of the logits' bias is
 * left alone.
 *
 * @param tangent v, H_l' and D_l'.
 */
export async function backwardTangent(
  workspace: Workspace,
  layout: Layout,
  rows: Rows,
  tangent: PassLayout,
): Promise<void> {
  const { gemm, kernels } = workspace;
  const { layers, parameters, outputs, deltas, gradient: product } = layout;
  for (const { start, count: length } of cutRows(rows.count)) {
    loadPixels(workspace, layout, rows, start, length);
    const beta = start > 0 ? 1 : 0;
    for (let l = layers.length - 1; l >= 0; l--) {
      const { inputs, outputs: n, weight } = layers[l]!;
      const [W, V, target] = [parameters, tangent.parameters, product].map((at) => at + 4 * weight);
      const [delta, change] = [deltas, tangent.deltas].map((all) =>
        blockOffset(all[l]!, n, l === layers.length - 1 ? start : 0)
      );
      const input = inputOf(layout, outputs, l, start);
      if (l === 0) {
        await gemm("NN", n, inputs, length, change!, input, target!, beta);
        continue;
      }
      const [below, changeBelow] = [deltas[l - 1]!, tangent.deltas[l - 1]!];
      await gemm("TN", inputs, length, n, W!, delta!, below);
      // The sums are the gradient's, which nobody asks for.
      kernels.maskAndSum(below, input, changeBelow, inputs, length, false);
      await gemm("TN", inputs, length, n, V!, delta!, changeBelow);
      await gemm("TN", inputs, length, n, W!, change!, changeBelow, 1);
      await gemm("NT", n, inputs, length, change!, input, target!, beta);
      const inputChange = inputOf(layout, tangent.outputs, l, start);
      await gemm("NT", n, inputs, length, delta!, inputChange, target!, 1);
      const bias = product + 4 * layers[l - 1]!.bias;
      kernels.maskAndSum(changeBelow, input, bias, inputs, length, start > 0);
    }
  }
}
