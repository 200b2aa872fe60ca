/**
 * Forward and backward passes over the rows of a batch, block by block, in a workspace.
 *
 * @module
 */
import { BLOCK, type Layout, type Workspace } from "~/lib/engine/cpu/workspace.ts";
import { NORMALISATION_EPSILON } from "~/lib/model.ts";

/** The rows of a split as threads share them. */
export interface SharedSplit {
  readonly pixels: Uint8Array;
  readonly labels: Uint8Array;
  readonly size: number;
}

/** A run of rows of a split. */
export interface Rows {
  readonly split: SharedSplit;
  readonly first: number;
  readonly count: number;
}

/** Calls `each` for every block of `count` rows, in order. */
export async function eachBlock(
  count: number,
  each: (start: number, length: number) => void | Promise<void>,
): Promise<void> {
  for (let start = 0; start < count; start += BLOCK) {
    const pending = each(start, Math.min(BLOCK, count - start));
    if (pending) await pending;
  }
}

/** Copies a block's pixels into the workspace and scales them to 0..1. */
export function loadPixels(
  { memory, kernels }: Workspace,
  layout: Pick<Layout, "layers" | "bytes" | "pixels">,
  { split, first }: Rows,
  start: number,
  length: number,
): void {
  const inputs = layout.layers[0]!.inputs;
  const from = (first + start) * inputs;
  new Uint8Array(memory.buffer, layout.bytes, length * inputs)
    .set(split.pixels.subarray(from, from + length * inputs));
  kernels.bytesToFloats(layout.bytes, layout.pixels, length * inputs);
}

/** Copies the rows' labels into the workspace. */
export function loadLabels(
  { memory }: Workspace,
  layout: Pick<Layout, "labels">,
  rows: Rows,
): void {
  new Uint8Array(memory.buffer, layout.labels, rows.count)
    .set(rows.split.labels.subarray(rows.first, rows.first + rows.count));
}

/** Byte offset of the block that begins at row `start` in an array of `units` values a row. */
export function blockOffset(array: number, units: number, start: number): number {
  return array + 4 * units * start;
}

/**
 * Computes the logits of the rows and leaves every layer's outputs in the workspace, the last
 * block's pixels too. The bias of the logits is left out: the normalisation removes any constant.
 */
export async function forward(
  workspace: Workspace,
  layout: Layout,
  rows: Rows,
): Promise<void> {
  const { kernels } = workspace;
  await eachBlock(rows.count, async (start, length) => {
    loadPixels(workspace, layout, rows, start, length);
    for (const [index, { inputs, outputs, weight, bias }] of layout.layers.entries()) {
      const out = blockOffset(layout.outputs[index]!, outputs, start);
      const isFirst = index === 0;
      const input = isFirst
        ? layout.pixels
        : blockOffset(layout.outputs[index - 1]!, inputs, start);
      const weights = layout.parameters + 4 * weight;
      const pending = workspace.gemm(
        false,
        isFirst,
        outputs,
        length,
        inputs,
        1,
        weights,
        input,
        0,
        out,
      );
      if (pending) await pending;
      if (index < layout.layers.length - 1) {
        kernels.addBiasRelu(out, layout.parameters + 4 * bias, outputs, length);
      }
    }
  });
}

/** Where logits, their gradient and what belongs to them lie. */
export type LogitLayout = Pick<
  Layout,
  "classes" | "labels" | "statistics" | "scratch" | "outputs" | "deltas"
>;

/**
 * Mean cross-entropy of the normalised logits that `forward` left; with the gradient with respect
 * to them in the last of `deltas` where asked for.
 */
export function lossOfLogits(
  { kernels }: Workspace,
  layout: LogitLayout,
  rows: number,
  gradient: boolean,
): { loss: number; correct: number } {
  const { classes, labels, statistics, scratch } = layout;
  const logits = layout.outputs.at(-1)!;
  kernels.logitStatistics(logits, statistics, classes, rows, BLOCK, NORMALISATION_EPSILON);
  const total = gradient
    ? kernels.crossEntropyGradient(
      logits,
      layout.deltas.at(-1)!,
      labels,
      statistics,
      scratch,
      classes,
      rows,
      BLOCK,
    )
    : kernels.crossEntropy(logits, labels, statistics, scratch, classes, rows, BLOCK);
  return { loss: total / rows, correct: kernels.correctRows() };
}
