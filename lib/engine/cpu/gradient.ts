/**
 * The backward pass: gradients of the mean loss of a batch, or SGD's update inside the products.
 *
 * @module
 */
import { blockOffset, eachBlock, loadPixels, type Rows } from "~/lib/engine/cpu/pass.ts";
import type { Layout, Workspace } from "~/lib/engine/cpu/workspace.ts";
import { BLOCK } from "~/lib/engine/cpu/workspace.ts";
import type { Layer } from "~/lib/model.ts";

/** What the backward pass does with a layer's gradient. */
export interface BackwardOptions {
  /**
   * Takes `w -= learningRate * gradient` into the product where the rows are one block, so that
   * weights are rounded to float32 once a step; for a library that adds in place.
   */
  readonly inPlaceRate?: number;
  /** Called when `length` numbers of the gradient from `offset` on, a layer's part, are complete. */
  readonly onGradient: (offset: number, length: number) => void;
}

/**
 * Runs the backward pass of the rows whose forward pass and loss gradient lie in the workspace.
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
  options: BackwardOptions,
): Promise<void> {
  const { layers } = layout;
  const single = rows.count <= BLOCK;
  const { onGradient } = options;
  const update = single ? options : { onGradient };
  await eachBlock(rows.count, async (start, length) => {
    if (!single) loadPixels(workspace, layout, rows, start, length);
    const isLast = start + length === rows.count;
    for (let index = layers.length - 1; index >= 0; index--) {
      const layer = layers[index]!;
      const isLogits = index === layers.length - 1;
      const delta = isLogits
        ? blockOffset(layout.deltas[index]!, layer.outputs, start)
        : layout.deltas[index]!;
      if (index > 0) {
        // D_{l-1} = (W_l^T D_l) where H_{l-1} > 0: before W_l is updated.
        const below = layers[index - 1]!;
        const pending = workspace.gemm(
          true,
          false,
          layer.inputs,
          length,
          layer.outputs,
          1,
          layout.parameters + 4 * layer.weight,
          delta,
          0,
          layout.deltas[index - 1]!,
        );
        if (pending) await pending;
        workspace.kernels.maskAndSum(
          layout.deltas[index - 1]!,
          blockOffset(layout.outputs[index - 1]!, below.outputs, start),
          layout.gradient + 4 * below.bias,
          below.outputs,
          length,
          start > 0,
        );
        if (isLast) onGradient(below.bias, below.outputs);
      }
      const input = index === 0
        ? layout.pixels
        : blockOffset(layout.outputs[index - 1]!, layer.inputs, start);
      await weightGradient(workspace, layout, {
        layer,
        delta,
        input,
        isPixels: index === 0,
        length,
        accumulate: start > 0,
        isLast,
      }, update);
    }
  });
}

interface LayerBlock {
  readonly layer: Layer;
  readonly delta: number;
  readonly input: number;
  /** Pixels lie as [rows, inputs], activations as [inputs, rows]. */
  readonly isPixels: boolean;
  readonly length: number;
  readonly accumulate: boolean;
  readonly isLast: boolean;
}

/** W_l's gradient D_l X of one block, [outputs, inputs]. */
async function weightGradient(
  { gemm, accumulates }: Workspace,
  layout: Layout,
  { layer, delta, input, isPixels, length, accumulate, isLast }: LayerBlock,
  { inPlaceRate, onGradient }: BackwardOptions,
): Promise<void> {
  const { outputs, inputs, weight } = layer;
  const target = inPlaceRate === undefined ? layout.gradient : layout.parameters;
  const alpha = inPlaceRate === undefined ? 1 : -inPlaceRate;
  const beta = accumulate || accumulates ? 1 : 0;
  const pending = gemm(
    false,
    !isPixels,
    outputs,
    inputs,
    length,
    alpha,
    delta,
    input,
    beta,
    target + 4 * weight,
  );
  if (pending) await pending;
  if (isLast && inPlaceRate === undefined) onGradient(weight, outputs * inputs);
}
