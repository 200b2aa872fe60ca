/**
 * Exact products H v of the full training loss's Hessian, all threads on one network's pass.
 *
 * @module
 */
import {
  addTo,
  allocateFloats,
  forwardPass,
  openPass,
  type PassWork,
  piecesOf,
} from "~/lib/engine/cpu/gradients.ts";
import { askAll, askInOrder, type LaneOptions } from "~/lib/engine/cpu/lanes.ts";
import { hiddenUnits, type SplitPass } from "~/lib/engine/cpu/split_pass.ts";
import type { Tangent } from "~/lib/engine/cpu/tangent_pass.ts";
import type { SharedFloats } from "~/lib/engine/engine.ts";
import { countParameters, type LayerSizes } from "~/lib/model.ts";

/** Vectors that go through a piece together at most: what they share is small beside their own. */
const MOST_TOGETHER = 4;

/**
 * Computes H v for every model and vector. A model's forward pass, and what its way back has in
 * common, is computed once for several vectors.
 *
 * Memory beside a gradient's: for each vector that is worked on, 4 at most, the changes of the
 * hidden layers' outputs, 4 N sum(units) bytes (179 MB for MLP_1 on 50,000 images), its changes of
 * logits, 8 N C, and 4 P bytes a thread and 8 P in all. Vectors are worked on one by one where
 * `work.bytes` asks for it, and changes that do not fit are computed twice: no result depends on it.
 */
export async function hessianProducts(
  work: PassWork,
  sizes: LayerSizes,
  models: readonly SharedFloats[],
  vectors: readonly (readonly SharedFloats[])[],
  signal?: AbortSignal,
): Promise<SharedFloats[][]> {
  const lanes = { lanes: work.threads, signal };
  const products: SharedFloats[][] = [];
  for (const [index, parameters] of models.entries()) {
    const own = vectors[index] ?? [];
    const row: SharedFloats[] = [];
    if (own.length > 0) {
      const pass = openPass(work, { split: "train", sizes, parameters, gradient: true });
      await forwardPass(work, lanes, pass);
      const { together, kept } = planVectors(work, sizes, pass);
      for (let first = 0; first < own.length; first += together) {
        const group = own.slice(first, first + together);
        row.push(...await productsOf(work, lanes, { pass, vectors: group, kept }));
      }
    }
    products.push(row);
  }
  return products;
}

/** How many vectors to work on at once, and whether to keep the changes of hidden outputs. */
function planVectors(
  { threads, rows, bytes }: PassWork,
  sizes: LayerSizes,
  { hidden }: SplitPass,
): { together: number; kept: boolean } {
  const changes = 4 * rows.train * hiddenUnits(sizes);
  const P = countParameters(sizes);
  const vector = changes + 8 * rows.train * sizes.at(-1)! + (4 * threads + 8) * P;
  const fit = Math.floor((bytes - (hidden === undefined ? 0 : changes)) / vector);
  return { together: Math.min(MOST_TOGETHER, Math.max(1, fit)), kept: fit >= 1 };
}

async function productsOf(
  { pool, rows }: PassWork,
  lanes: LaneOptions,
  { pass, vectors, kept }: {
    readonly pass: SplitPass;
    readonly vectors: readonly SharedFloats[];
    readonly kept: boolean;
  },
): Promise<SharedFloats[]> {
  const N = rows.train;
  const { sizes } = pass;
  const P = countParameters(sizes);
  const pieces = piecesOf(N);
  const tangents = vectors.map((vector): Tangent => ({
    vector,
    logits: allocateFloats(N * sizes.at(-1)!),
    deltas: allocateFloats(N * sizes.at(-1)!),
    ...(kept ? { hidden: allocateFloats(N * hiddenUnits(sizes)) } : {}),
  }));
  await askAll(
    lanes,
    pieces.length,
    (index) => pool.run("tangentForwardPiece", { pass, tangents, piece: pieces[index]! }),
  );
  await askAll(
    lanes,
    tangents.length,
    (index) => pool.run("tangentLoss", { pass, tangent: tangents[index]! }),
  );
  const totals = vectors.map(() => new Float64Array(P));
  const shares = Array.from({ length: lanes.lanes }, () => vectors.map(() => allocateFloats(P)));
  await askInOrder(
    lanes,
    pieces.length,
    (index, lane) =>
      pool.run("tangentBackwardPiece", {
        pass,
        tangents,
        piece: pieces[index]!,
        out: shares[lane]!,
      }),
    (lane) => {
      for (const [index, total] of totals.entries()) addTo(total, shares[lane]![index]!);
    },
  );
  return totals.map((total) => {
    const product = allocateFloats(P);
    product.set(total);
    return product;
  });
}
