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
import { checkVectors } from "~/lib/engine/check_vectors.ts";
import { hiddenUnits, type SplitPass } from "~/lib/engine/cpu/split_pass.ts";
import type { Tangent } from "~/lib/engine/cpu/tangent_pass.ts";
import type { Hessian, SharedFloats } from "~/lib/engine/engine.ts";
import { countParameters, type LayerSizes } from "~/lib/model.ts";

/** Vectors that go through a piece together at most: what they share is small beside their own. */
const MOST_TOGETHER = 4;

/**
 * Opens the Hessian at a network with one forward pass, which all its products have in common.
 *
 * Memory beside a gradient's: for each vector that is worked on, 4 at most, the changes of the
 * hidden layers' outputs, 4 N sum(units) bytes (179 MB for MLP_1 on 50,000 images), its changes of
 * logits, 8 N C, and 4 P bytes a thread and 8 P in all. Vectors are worked on one by one where
 * `work.bytes` asks for it, and changes that do not fit are computed twice: no result depends on it.
 */
export async function openHessian(
  work: PassWork,
  sizes: LayerSizes,
  parameters: SharedFloats,
  signal?: AbortSignal,
): Promise<Hessian> {
  const lanes = { lanes: work.threads, signal };
  const pass = openPass(work, { split: "train", sizes, parameters, gradient: true });
  await forwardPass(work, lanes, pass);
  const { together, kept } = planVectors(work, sizes, pass);
  return {
    async multiply(vectors): Promise<SharedFloats[]> {
      checkVectors(sizes, vectors);
      const products: SharedFloats[] = [];
      for (let first = 0; first < vectors.length; first += together) {
        const group = vectors.slice(first, first + together);
        products.push(...await productsOf(work, lanes, { pass, vectors: group, kept }));
      }
      return products;
    },
  };
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
  const tangents = vectors.map((vector): Tangent => ({
    vector,
    logits: allocateFloats(N * sizes.at(-1)!),
    deltas: allocateFloats(N * sizes.at(-1)!),
    ...(kept ? { hidden: allocateFloats(N * hiddenUnits(sizes)) } : {}),
  }));
  const forward = piecesOf(N, { summed: false });
  await askAll(
    lanes,
    forward.length,
    (index) => pool.run("tangentForwardPiece", { pass, tangents, piece: forward[index]! }),
  );
  await askAll(
    lanes,
    tangents.length,
    (index) => pool.run("tangentLoss", { pass, tangent: tangents[index]! }),
  );
  const pieces = piecesOf(N, { summed: true });
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
