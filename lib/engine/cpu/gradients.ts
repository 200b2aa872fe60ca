/**
 * Full-split losses and gradients, all threads on one network's pass at a time.
 *
 * @module
 */
import { askAll, askInOrder, type LaneOptions } from "~/lib/engine/cpu/lanes.ts";
import type { Pool } from "~/lib/engine/cpu/pool.ts";
import { hiddenUnits, type Piece, type SplitPass } from "~/lib/engine/cpu/split_pass.ts";
import { BLOCK } from "~/lib/engine/cpu/workspace.ts";
import type {
  EvaluateOptions,
  Evaluation,
  LossGradient,
  SharedFloats,
} from "~/lib/engine/engine.ts";
import { countParameters, type LayerSizes } from "~/lib/model.ts";

/** Where the work is done, and on how many rows. */
export interface PassWork {
  readonly pool: Pool;
  readonly threads: number;
  /** Rows of each split. */
  readonly rows: Readonly<Record<"train" | "test", number>>;
  /** Bound on what is kept of a pass instead of computed again; it changes no result. */
  readonly bytes: number;
}

/**
 * Blocks of rows in a piece, whatever the number of threads: a gradient is the sum of its pieces'
 * in their order. A piece is long beside what it costs to load the parameters and to add its share.
 */
const SUMMED_BLOCKS = 4;

/** Of what is not added up: the shorter the pieces, the sooner the last thread ends. */
const FORWARD_BLOCKS = 2;

/** Cuts a split into pieces. */
export function piecesOf(rows: number, { summed }: { readonly summed: boolean }): Piece[] {
  const most = (summed ? SUMMED_BLOCKS : FORWARD_BLOCKS) * BLOCK;
  return Array.from({ length: Math.ceil(rows / most) }, (_, index) => ({
    start: index * most,
    count: Math.min(most, rows - index * most),
  }));
}

/** Zeros that threads share. */
export function allocateFloats(length: number): SharedFloats {
  return new Float32Array(new SharedArrayBuffer(4 * length));
}

/** Evaluates networks; memory for each of two at a time: its logits, 4 N C bytes. */
export async function evaluate(
  work: PassWork,
  sizes: LayerSizes,
  models: readonly SharedFloats[],
  { split, gradient }: EvaluateOptions,
): Promise<Evaluation[]> {
  const N = work.rows[split];
  // While one's loss is taken on one thread, the others begin the next.
  return await askAll({ lanes: gradient ? 1 : 2 }, models.length, async (index) => {
    const lanes = { lanes: work.threads };
    const pass = openPass(work, { split, sizes, parameters: models[index]!, gradient });
    const { loss, correct } = await forwardPass(work, lanes, pass);
    const accuracy = correct / N;
    if (!gradient) return { loss, accuracy, gradientNorm: NaN };
    const total = await backwardPass(work, lanes, pass);
    let squares = 0;
    for (const value of total) squares += value * value;
    return { loss, accuracy, gradientNorm: Math.sqrt(squares) };
  });
}

/**
 * Full training losses and gradients, one network after the other.
 *
 * Memory: the outputs of the hidden layers, 4 N sum(units) bytes (179 MB for MLP_1 on 50,000
 * images), where they fit into `work.bytes`, else they are computed twice; and a thread's
 * parameters, share of the gradient and activations of one piece, 14 P + 2,048 rows of them.
 */
export async function gradients(
  work: PassWork,
  sizes: LayerSizes,
  models: readonly SharedFloats[],
  signal?: AbortSignal,
): Promise<LossGradient[]> {
  const lanes = { lanes: work.threads, signal };
  const found: LossGradient[] = [];
  for (const parameters of models) {
    const pass = openPass(work, { split: "train", sizes, parameters, gradient: true });
    const { loss } = await forwardPass(work, lanes, pass);
    const gradient = allocateFloats(parameters.length);
    gradient.set(await backwardPass(work, lanes, pass));
    found.push({ loss, gradient });
  }
  return found;
}

/** Allocates what the threads share of a pass. */
export function openPass(
  { rows, bytes }: PassWork,
  { gradient, ...network }: Pick<SplitPass, "split" | "sizes" | "parameters"> & {
    readonly gradient: boolean;
  },
): SplitPass {
  const N = rows[network.split];
  const logits = (): SharedFloats => allocateFloats(N * network.sizes.at(-1)!);
  const hidden = N * hiddenUnits(network.sizes);
  return {
    ...network,
    logits: logits(),
    ...(gradient ? { deltas: logits() } : {}),
    ...(gradient && 4 * hidden <= bytes ? { hidden: allocateFloats(hidden) } : {}),
  };
}

/** Logits, loss and, where the pass has room for them, the loss's gradient with respect to them. */
export async function forwardPass(
  { pool, rows }: PassWork,
  lanes: LaneOptions,
  pass: SplitPass,
): Promise<{ loss: number; correct: number }> {
  const pieces = piecesOf(rows[pass.split], { summed: false });
  await askAll(
    lanes,
    pieces.length,
    (index) => pool.run("forwardPiece", { pass, piece: pieces[index]! }),
  );
  return await pool.run("splitLoss", pass);
}

/** The gradient, shape [P], its pieces added in float64 in their order. */
async function backwardPass(
  { pool, rows }: PassWork,
  lanes: LaneOptions,
  pass: SplitPass,
): Promise<Float64Array> {
  const pieces = piecesOf(rows[pass.split], { summed: true });
  const P = countParameters(pass.sizes);
  const total = new Float64Array(P);
  const shares = Array.from({ length: lanes.lanes }, () => allocateFloats(P));
  await askInOrder(
    lanes,
    pieces.length,
    (index, lane) => pool.run("backwardPiece", { pass, piece: pieces[index]!, out: shares[lane]! }),
    (lane) => addTo(total, shares[lane]!),
  );
  return total;
}

/** total += share. */
export function addTo(total: Float64Array, share: SharedFloats): void {
  for (let i = 0; i < total.length; i++) total[i]! += share[i]!;
}
