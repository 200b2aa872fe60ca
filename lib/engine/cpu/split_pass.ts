/**
 * A network's pass over a whole split, cut into pieces of rows that any thread can take: what one
 * thread does for a piece, and for the logits of all rows.
 *
 * @module
 */
import { backward } from "~/lib/engine/cpu/gradient.ts";
import {
  blockOffset,
  forward,
  loadLabels,
  loadPixels,
  lossOfLogits,
  type SharedSplit,
} from "~/lib/engine/cpu/pass.ts";
import {
  BLOCK,
  type Layout,
  layOut,
  openPlaces,
  type Workspace,
} from "~/lib/engine/cpu/workspace.ts";
import type { SharedFloats } from "~/lib/engine/engine.ts";
import type { LayerSizes } from "~/lib/model.ts";

/** What the threads share of one network's pass over the N rows of a split. */
export interface SplitPass {
  readonly split: "train" | "test";
  readonly sizes: LayerSizes;
  readonly parameters: SharedFloats;
  /** [N x classes], blocks of [classes, rows] one after the other. */
  readonly logits: SharedFloats;
  /** The loss's gradient with respect to them, in the same blocks, where there is a way back. */
  readonly deltas?: SharedFloats;
  /** Outputs of the hidden layers of every block; without it they are computed again. */
  readonly hidden?: SharedFloats;
}

/** A piece of the split: whole blocks of rows. */
export interface Piece {
  readonly start: number;
  readonly count: number;
}

/** Units of all hidden layers: numbers a row in `hidden`. */
export function hiddenUnits(sizes: LayerSizes): number {
  return sizes.slice(1, -1).reduce((sum, units) => sum + units, 0);
}

/** Copies between a piece's hidden outputs in the workspace and those of the whole split. */
export function copyHidden(
  { memory }: Workspace,
  { layers, outputs }: Pick<Layout, "layers" | "outputs">,
  { shared, to, piece }: {
    readonly shared: SharedFloats;
    readonly to: "shared" | "workspace";
    readonly piece: Piece;
  },
): void {
  const hidden = layers.slice(0, -1);
  const units = hidden.reduce((sum, layer) => sum + layer.outputs, 0);
  for (let start = 0; start < piece.count; start += BLOCK) {
    const length = Math.min(BLOCK, piece.count - start);
    let at = units * (piece.start + start);
    for (const [index, layer] of hidden.entries()) {
      const numbers = layer.outputs * length;
      const from = blockOffset(outputs[index]!, layer.outputs, start);
      const here = new Float32Array(memory.buffer, from, numbers);
      const there = shared.subarray(at, at + numbers);
      if (to === "shared") there.set(here);
      else here.set(there);
      at += numbers;
    }
  }
}

/** A view of a piece's part of an array by block, `units` numbers a row. */
export function pieceOf(
  shared: SharedFloats,
  units: number,
  { start, count }: Piece,
): SharedFloats {
  return shared.subarray(units * start, units * (start + count));
}

/** Loads the parameters for a piece's pass; returns where its arrays lie. */
export function openPiece(workspace: Workspace, pass: SplitPass, piece: Piece): Layout {
  const layout = layOut(pass.sizes, piece.count);
  workspace.reserve(layout.end);
  new Float32Array(workspace.memory.buffer, layout.parameters, pass.parameters.length)
    .set(pass.parameters);
  return layout;
}

/** Computes the logits of a piece, and keeps the hidden outputs where there is room for them. */
export async function forwardPiece(
  workspace: Workspace,
  split: SharedSplit,
  pass: SplitPass,
  piece: Piece,
): Promise<void> {
  const layout = openPiece(workspace, pass, piece);
  await forward(workspace, layout, { split, first: piece.start, count: piece.count });
  const { classes, outputs } = layout;
  const logits = new Float32Array(
    workspace.memory.buffer,
    outputs.at(-1)!,
    classes * piece.count,
  );
  pieceOf(pass.logits, classes, piece).set(logits);
  if (pass.hidden !== undefined) {
    copyHidden(workspace, layout, { shared: pass.hidden, to: "shared", piece });
  }
}

/** Mean cross-entropy and correct rows of complete logits; fills `deltas` where they are wanted. */
export function splitLoss(
  workspace: Workspace,
  split: SharedSplit,
  { sizes, logits, deltas }: SplitPass,
): { loss: number; correct: number } {
  const classes = sizes.at(-1)!;
  const places = openPlaces();
  const { allocate } = places;
  const layout = {
    classes,
    labels: allocate(split.size),
    statistics: allocate(16 * classes),
    scratch: allocate(24 * classes + 48),
    outputs: [allocate(4 * logits.length)],
    deltas: deltas === undefined ? [] : [allocate(4 * deltas.length)],
  };
  workspace.reserve(places.end);
  const view = (at: number): Float32Array =>
    new Float32Array(workspace.memory.buffer, at, logits.length);
  loadLabels(workspace, layout, { split, first: 0, count: split.size });
  view(layout.outputs[0]!).set(logits);
  const result = lossOfLogits(workspace, layout, split.size, deltas !== undefined);
  deltas?.set(view(layout.deltas[0]!));
  return result;
}

/** Brings the hidden outputs of a piece back, or computes them again. */
export async function restoreHidden(
  workspace: Workspace,
  layout: Layout,
  { split, pass, piece }: { split: SharedSplit; pass: SplitPass; piece: Piece },
): Promise<void> {
  if (pass.hidden !== undefined) {
    copyHidden(workspace, layout, { shared: pass.hidden, to: "workspace", piece });
  } else await forward(workspace, layout, { split, first: piece.start, count: piece.count });
}

/** The piece's share of the gradient, shape [P], written into `out`. */
export async function backwardPiece(
  workspace: Workspace,
  split: SharedSplit,
  { pass, piece, out }: {
    readonly pass: SplitPass;
    readonly piece: Piece;
    readonly out: SharedFloats;
  },
): Promise<void> {
  const layout = openPiece(workspace, pass, piece);
  await restoreHidden(workspace, layout, { split, pass, piece });
  const { memory } = workspace;
  const deltas = pieceOf(pass.deltas!, layout.classes, piece);
  new Float32Array(memory.buffer, layout.deltas.at(-1)!, deltas.length).set(deltas);
  const gradient = new Float32Array(memory.buffer, layout.gradient, out.length);
  gradient.fill(0);
  const rows = { split, first: piece.start, count: piece.count };
  // Of a single block, they are taken to be there.
  loadPixels(workspace, layout, rows, 0, Math.min(BLOCK, piece.count));
  await backward(workspace, layout, rows, { onGradient: () => {} });
  out.set(gradient);
}
