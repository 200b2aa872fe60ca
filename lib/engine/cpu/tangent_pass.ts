/**
 * What one thread does for a piece of a Hessian's products with vectors, and for all rows' logits.
 *
 * @module
 */
import { loadLabels, type SharedSplit } from "~/lib/engine/cpu/pass.ts";
import {
  copyHidden,
  openPiece,
  type Piece,
  pieceOf,
  restoreHidden,
  type SplitPass,
} from "~/lib/engine/cpu/split_pass.ts";
import {
  backwardDeltas,
  backwardTangent,
  forwardTangent,
  layOutTangent,
  type TangentLayout,
} from "~/lib/engine/cpu/tangent.ts";
import { BLOCK, openPlaces, type Workspace } from "~/lib/engine/cpu/workspace.ts";
import type { SharedFloats } from "~/lib/engine/engine.ts";
import { NORMALISATION_EPSILON } from "~/lib/model.ts";

/** What the threads share of one vector's way through a pass; arrays as in `SplitPass`. */
export interface Tangent {
  /** v, shape [P]. */
  readonly vector: SharedFloats;
  /** Changes of the logits, and of the loss's gradient with respect to them. */
  readonly logits: SharedFloats;
  readonly deltas: SharedFloats;
  /** Changes of the hidden layers' outputs; without it they are computed again. */
  readonly hidden?: SharedFloats;
}

/** Vectors that go through a piece of a network's pass together. */
export interface TangentTask {
  readonly pass: SplitPass;
  readonly tangents: readonly Tangent[];
  readonly piece: Piece;
}

/** Computes the changes of the logits of a piece. */
export async function tangentForwardPiece(
  workspace: Workspace,
  split: SharedSplit,
  { pass, tangents, piece }: TangentTask,
): Promise<void> {
  const layout = await openTangentPiece(workspace, split, { pass, piece });
  const { classes, layers } = layout.base;
  const rows = { split, first: piece.start, count: piece.count };
  for (const { vector, logits, hidden } of tangents) {
    view(workspace, layout.vector, vector.length).set(vector);
    await forwardTangent(workspace, layout, rows);
    pieceOf(logits, classes, piece)
      .set(view(workspace, layout.outputs.at(-1)!, classes * piece.count));
    if (hidden !== undefined) {
      const { outputs } = layout;
      copyHidden(workspace, { layers, outputs }, { shared: hidden, to: "shared", piece });
    }
  }
}

/** Fills a vector's `deltas` from the complete logits and their changes. */
export function tangentLoss(
  workspace: Workspace,
  split: SharedSplit,
  { pass, tangent }: { readonly pass: SplitPass; readonly tangent: Tangent },
): void {
  const classes = pass.sizes.at(-1)!;
  const N = split.size;
  const places = openPlaces();
  const labels = places.allocate(N);
  const statistics = places.allocate(16 * classes);
  const scratch = places.allocate(56 * classes);
  const [logits, tangents, deltas, out] = [0, 1, 2, 3].map(() =>
    places.allocate(4 * classes * N)
  ) as [number, number, number, number];
  workspace.reserve(places.end);
  const { memory, kernels } = workspace;
  const floats = (at: number): Float32Array => new Float32Array(memory.buffer, at, classes * N);
  loadLabels(workspace, { labels }, { split, first: 0, count: N });
  floats(logits).set(pass.logits);
  floats(tangents).set(tangent.logits);
  floats(deltas).set(pass.deltas!);
  kernels.logitStatistics(logits, statistics, classes, N, BLOCK, NORMALISATION_EPSILON);
  kernels.crossEntropyHessian(
    logits,
    tangents,
    deltas,
    out,
    labels,
    statistics,
    scratch,
    classes,
    N,
    BLOCK,
  );
  tangent.deltas.set(floats(out));
}

/** A piece's shares of H v, shape [P] each, written into `out`. */
export async function tangentBackwardPiece(
  workspace: Workspace,
  split: SharedSplit,
  { pass, tangents, piece, out }: TangentTask & { readonly out: readonly SharedFloats[] },
): Promise<void> {
  const layout = await openTangentPiece(workspace, split, { pass, piece });
  const { base } = layout;
  const { classes, layers } = base;
  const rows = { split, first: piece.start, count: piece.count };
  const deltas = pieceOf(pass.deltas!, classes, piece);
  view(workspace, base.deltas.at(-1)!, deltas.length).set(deltas);
  await backwardDeltas(workspace, layout, rows);
  for (const [index, tangent] of tangents.entries()) {
    view(workspace, layout.vector, tangent.vector.length).set(tangent.vector);
    if (tangent.hidden !== undefined) {
      const { outputs } = layout;
      const shared = tangent.hidden;
      copyHidden(workspace, { layers, outputs }, { shared, to: "workspace", piece });
    } else await forwardTangent(workspace, layout, rows);
    view(workspace, layout.tangentDeltas.at(-1)!, deltas.length)
      .set(pieceOf(tangent.deltas, classes, piece));
    const product = view(workspace, layout.product, out[index]!.length);
    // The logits' bias is never written.
    product.fill(0);
    await backwardTangent(workspace, layout, rows);
    out[index]!.set(product);
  }
}

/** The network's own parameters and hidden outputs of a piece, with room for a vector's. */
async function openTangentPiece(
  workspace: Workspace,
  split: SharedSplit,
  { pass, piece }: Pick<TangentTask, "pass" | "piece">,
): Promise<TangentLayout> {
  const base = openPiece(workspace, pass, piece);
  const layout = layOutTangent(base, piece.count);
  workspace.reserve(layout.end);
  await restoreHidden(workspace, base, { split, pass, piece });
  return layout;
}

function view({ memory }: Workspace, at: number, length: number): Float32Array {
  return new Float32Array(memory.buffer, at, length);
}
