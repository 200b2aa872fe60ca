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
import { blocksOf, inputOf, loadPixels, type Rows } from "~/lib/engine/cpu/network.ts";
import {
  BLOCK,
  blockOffset,
  type Layout,
  openPlaces,
  type Workspace,
} from "~/lib/engine/cpu/workspace.ts";

/** A network's layout with what a vector needs beside it; `base.gradient` is the product's share. */
export interface TangentLayout {
  /** Parameters, outputs and the logits' gradient of the network itself. */
  readonly base: Layout;
  /** v, shape [P]. */
  readonly vector: number;
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
  const last = base.layers.length - 1;
  const all = (units: number): number => places.allocate(4 * units * rows);
  return {
    base,
    vector: places.allocate(4 * (base.layers[last]!.bias + base.classes)),
    deltas: base.layers.map(({ outputs }, l) => l === last ? base.deltas[l]! : all(outputs)),
    outputs: base.layers.map(({ outputs }) => all(outputs)),
    tangentDeltas: base.layers.map(({ outputs }, l) =>
      l === last ? all(outputs) : places.allocate(4 * outputs * Math.min(BLOCK, rows))
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
  for (const [start, length] of blocksOf(rows.count)) {
    loadPixels(workspace, base, rows, start, length);
    for (const [l, { inputs: K, outputs: n, weight, bias }] of base.layers.entries()) {
      const out = blockOffset(outputs[l]!, n, start);
      const input = inputOf(base, base.outputs, l, start);
      await gemm(l === 0 ? "NT" : "NN", n, length, K, vector + 4 * weight, input, out);
      if (l > 0) {
        const change = inputOf(base, outputs, l, start);
        await gemm("NN", n, length, K, base.parameters + 4 * weight, change, out, 1);
      }
      if (l < base.layers.length - 1) {
        const h = blockOffset(base.outputs[l]!, n, start);
        kernels.addBiasMasked(out, vector + 4 * bias, h, n, length);
      }
    }
  }
}

/** Computes D_l of the hidden layers from that of the logits. */
export async function backwardDeltas(
  { gemm, kernels }: Workspace,
  { base, deltas }: TangentLayout,
  rows: Rows,
): Promise<void> {
  for (const [start, length] of blocksOf(rows.count)) {
    for (let l = base.layers.length - 1; l > 0; l--) {
      const { inputs: K, outputs: n, weight } = base.layers[l]!;
      const above = blockOffset(deltas[l]!, n, start);
      const below = blockOffset(deltas[l - 1]!, K, start);
      await gemm("TN", K, length, n, base.parameters + 4 * weight, above, below);
      // The sums are the gradient's, which nobody asks for.
      const sums = base.gradient + 4 * base.layers[l - 1]!.bias;
      kernels.maskAndSum(below, inputOf(base, base.outputs, l, start), sums, K, length, false);
    }
  }
}

/** Computes the rows' share of H v into `base.gradient`; that of the logits' bias is left alone. */
export async function backwardTangent(
  workspace: Workspace,
  { base, vector, deltas, outputs, tangentDeltas }: TangentLayout,
  rows: Rows,
): Promise<void> {
  const { gemm, kernels } = workspace;
  const { layers, parameters, gradient: product } = base;
  for (const [start, length] of blocksOf(rows.count)) {
    loadPixels(workspace, base, rows, start, length);
    const beta = start > 0 ? 1 : 0;
    for (let l = layers.length - 1; l >= 0; l--) {
      const { inputs: K, outputs: n, weight } = layers[l]!;
      const change = blockOffset(tangentDeltas[l]!, n, l === layers.length - 1 ? start : 0);
      const target = product + 4 * weight;
      const input = inputOf(base, base.outputs, l, start);
      if (l === 0) {
        await gemm("NN", n, K, length, change, input, target, beta);
        continue;
      }
      const delta = blockOffset(deltas[l]!, n, start);
      const below = tangentDeltas[l - 1]!;
      await gemm("TN", K, length, n, vector + 4 * weight, delta, below);
      await gemm("TN", K, length, n, parameters + 4 * weight, change, below, 1);
      await gemm("NT", n, K, length, change, input, target, beta);
      await gemm("NT", n, K, length, delta, inputOf(base, outputs, l, start), target, 1);
      const bias = product + 4 * layers[l - 1]!.bias;
      kernels.maskAndSum(below, input, bias, K, length, start > 0);
    }
  }
}
