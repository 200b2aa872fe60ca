/**
 * The change of a network's pass as its parameters move along a vector v, for the rows of a piece:
 * forward over reverse (Pearlmutter 1994, https://doi.org/10.1162/neco.1994.6.1.147).
 *
 * With H_l the outputs of layer l (H_0 = X), D_l the loss's gradient with respect to its sums, and a
 * prime for the change along v = (V, c):
 *
 *     H_l' = (V_l H_{l-1} + W_l H_{l-1}' + c_l) where H_l > 0,  H_0' = 0
 *     D_{l-1}' = (V_l^T D_l + W_l^T D_l') where H_{l-1} > 0
 *     (H v)_l = D_l' H_{l-1}^T + D_l H_{l-1}'^T,  of the biases: row sums of D_l'
 *
 * @module
 */
import { blockOffset, eachBlock, loadPixels, type Rows } from "~/lib/engine/cpu/pass.ts";
import { BLOCK, type Layout, openPlaces, type Workspace } from "~/lib/engine/cpu/workspace.ts";

/** A network's layout with what a vector needs beside it. */
export interface TangentLayout {
  /** Parameters, outputs and the logits' gradient of the network itself. */
  readonly base: Layout;
  /** v and the product's share, shape [P] each. */
  readonly vector: number;
  readonly product: number;
  /** D_l of the hidden layers and H_l' of all layers, for all rows, as `base.outputs`. */
  readonly deltas: readonly number[];
  readonly outputs: readonly number[];
  /** D_l' of the hidden layers for one block, of the logits for all rows. */
  readonly tangentDeltas: readonly number[];
  readonly end: number;
}

/** Lays out a piece of `rows` rows behind a network's own arrays. */
export function layOutTangent(base: Layout, rows: number): TangentLayout {
  const places = openPlaces(base.end);
  const { allocate } = places;
  const logits = base.layers.length - 1;
  const P = base.layers[logits]!.bias + base.classes;
  const all = (units: number): number => allocate(4 * units * rows);
  return {
    base,
    vector: allocate(4 * P),
    product: base.gradient,
    deltas: base.layers.map(({ outputs }, index) =>
      index === logits ? base.deltas[index]! : all(outputs)
    ),
    outputs: base.layers.map(({ outputs }) => all(outputs)),
    tangentDeltas: base.layers.map(({ outputs }, index) =>
      index === logits ? all(outputs) : allocate(4 * outputs * Math.min(BLOCK, rows))
    ),
    end: places.end,
  };
}

/** Computes H_l' of every layer from the outputs H_l; the logits' change is without its bias. */
export async function forwardTangent(
  workspace: Workspace,
  { base, vector, outputs }: TangentLayout,
  rows: Rows,
): Promise<void> {
  const { gemm, kernels } = workspace;
  await eachBlock(rows.count, async (start, length) => {
    loadPixels(workspace, base, rows, start, length);
    for (const [index, layer] of base.layers.entries()) {
      const { inputs: K, outputs: n, weight, bias } = layer;
      const V = vector + 4 * weight;
      const out = blockOffset(outputs[index]!, n, start);
      const input = index === 0 ? base.pixels : blockOffset(base.outputs[index - 1]!, K, start);
      const direct = gemm(false, index === 0, n, length, K, 1, V, input, 0, out);
      if (direct) await direct;
      if (index > 0) {
        const W = base.parameters + 4 * weight;
        const change = blockOffset(outputs[index - 1]!, K, start);
        const through = gemm(false, false, n, length, K, 1, W, change, 1, out);
        if (through) await through;
      }
      if (index < base.layers.length - 1) {
        const h = blockOffset(base.outputs[index]!, n, start);
        kernels.addBiasMasked(out, vector + 4 * bias, h, n, length);
      }
    }
  });
}

/** Computes D_l of the hidden layers from that of the logits. */
export async function backwardDeltas(
  { gemm, kernels }: Workspace,
  { base, deltas, product }: TangentLayout,
  rows: Rows,
): Promise<void> {
  await eachBlock(rows.count, async (start, length) => {
    for (let index = base.layers.length - 1; index > 0; index--) {
      const { inputs: K, outputs: n, weight } = base.layers[index]!;
      const W = base.parameters + 4 * weight;
      const above = blockOffset(deltas[index]!, n, start);
      const below = blockOffset(deltas[index - 1]!, K, start);
      const pending = gemm(true, false, K, length, n, 1, W, above, 0, below);
      if (pending) await pending;
      const h = blockOffset(base.outputs[index - 1]!, K, start);
      // The sums are the gradient's, which nobody asks for.
      kernels.maskAndSum(below, h, product + 4 * base.layers[index - 1]!.bias, K, length, false);
    }
  });
}

/** Computes the rows' share of H v into `product`; that of the logits' bias is left alone. */
export async function backwardTangent(
  workspace: Workspace,
  { base, vector, product, deltas, outputs, tangentDeltas }: TangentLayout,
  rows: Rows,
): Promise<void> {
  const { gemm, kernels } = workspace;
  const logits = base.layers.length - 1;
  await eachBlock(rows.count, async (start, length) => {
    loadPixels(workspace, base, rows, start, length);
    for (let index = logits; index >= 0; index--) {
      const { inputs: K, outputs: n, weight } = base.layers[index]!;
      const own = tangentDeltas[index]!;
      const change = index === logits ? blockOffset(own, n, start) : own;
      const delta = blockOffset(deltas[index]!, n, start);
      const target = product + 4 * weight;
      const beta = start > 0 ? 1 : 0;
      if (index === 0) {
        const pending = gemm(false, false, n, K, length, 1, change, base.pixels, beta, target);
        if (pending) await pending;
        continue;
      }
      const below = tangentDeltas[index - 1]!;
      const input = blockOffset(base.outputs[index - 1]!, K, start);
      const inputChange = blockOffset(outputs[index - 1]!, K, start);
      const products = [
        () => gemm(true, false, K, length, n, 1, vector + 4 * weight, delta, 0, below),
        () => gemm(true, false, K, length, n, 1, base.parameters + 4 * weight, change, 1, below),
        () => gemm(false, true, n, K, length, 1, change, input, beta, target),
        () => gemm(false, true, n, K, length, 1, delta, inputChange, 1, target),
      ];
      for (const compute of products) {
        const pending = compute();
        if (pending) await pending;
      }
      const bias = product + 4 * base.layers[index - 1]!.bias;
      kernels.maskAndSum(below, input, bias, K, length, start > 0);
    }
  });
}
