/**
 * Losses, gradients and products of the Hessian over a whole split, all threads on one network's
 * pass at a time.
 *
 * @module
 */
import { checkVectors } from "~/lib/engine/checks.ts";
import type { RowRange } from "~/lib/engine/cpu/network.ts";
import type { SplitPass, Tangent } from "~/lib/engine/cpu/split_pass.ts";
import type { Pool } from "~/lib/engine/cpu/pool.ts";
import { allocateFloats, BLOCK } from "~/lib/engine/cpu/workspace.ts";
import type {
  EvaluateOptions,
  Evaluation,
  Hessian,
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
  readonly signal?: AbortSignal | undefined;
}

/**
 * Blocks of rows in a piece, whatever the number of threads. A gradient is the sum of its pieces' in
 * their order, and its piece is long beside what it costs to load the parameters and to add its
 * share; of what is not added up, the shorter the pieces, the sooner the last thread ends.
 */
const [SUMMED_BLOCKS, FORWARD_BLOCKS] = [4, 2];

/** Vectors that go through a piece together at most: what they share is small beside their own. */
const MOST_TOGETHER = 4;

/**
 * What an evaluation keeps of the hidden layers at most, in bytes. Of 50,000 images it is computed
 * again: a few passes of a hundred epochs, half as long again, for 179 MB less at the peak.
 */
const EVALUATION_BYTES = 1e8;

/**
 * Evaluates networks on a split, one after the other.
 *
 * Memory of a gradient: the outputs of the hidden layers, 4 N sum(units) bytes (179 MB for MLP_1 on
 * 50,000 images), where they fit into `work.bytes`, else they are computed twice; and a thread's
 * parameters, share of the gradient and activations of one piece, 14 P + 2,048 rows of them.
 *
 * @param want What is wanted beside loss and accuracy: nothing, the gradient's norm, the gradient.
 */
export async function evaluate(
  work: PassWork,
  sizes: LayerSizes,
  models: readonly SharedFloats[],
  { split, want }: Pick<EvaluateOptions, "split"> & { readonly want: "loss" | "norm" | "gradient" },
): Promise<(Evaluation & LossGradient)[]> {
  const bytes = want === "gradient" ? work.bytes : Math.min(work.bytes, EVALUATION_BYTES);
  const found: (Evaluation & LossGradient)[] = [];
  for (const parameters of models) {
    const network = { split, sizes, parameters, gradient: want !== "loss" };
    const pass = openPass({ ...work, bytes }, network);
    const { loss, correct } = await forwardPass(work, pass);
    const total = want === "loss" ? undefined : await backwardPass(work, pass);
    const gradientNorm = total ? norm(total) : NaN;
    const evaluation = { loss, accuracy: correct / work.rows[split], gradientNorm };
    const gradient = want === "gradient" ? { gradient: rounded(total!) } : {};
    found.push({ ...evaluation, ...gradient } as Evaluation & LossGradient);
  }
  return found;
}

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
): Promise<Hessian> {
  const pass = openPass(work, { split: "train", sizes, parameters, gradient: true });
  await forwardPass(work, pass);
  const { together, kept } = planVectors(work, pass);
  return {
    async multiply(vectors): Promise<SharedFloats[]> {
      checkVectors(sizes, vectors);
      const products: SharedFloats[] = [];
      for (let first = 0; first < vectors.length; first += together) {
        const tangents = vectors.slice(first, first + together).map((vector): Tangent => ({
          vector,
          outputs: allocateOutputs(sizes, work.rows.train, kept),
          deltas: allocateFloats(work.rows.train * sizes.at(-1)!),
        }));
        products.push(...await multiply(work, pass, tangents));
      }
      return products;
    },
  };
}

async function multiply(
  work: PassWork,
  pass: SplitPass,
  tangents: readonly Tangent[],
): Promise<SharedFloats[]> {
  const { pool, rows: { train }, signal } = work;
  const ranges = cutRows(train, FORWARD_BLOCKS);
  await pool.all("tangentForwardRows", ranges.map((range) => ({ pass, tangents, range })), signal);
  await pool.all("tangentLoss", tangents.map((tangent) => ({ pass, tangent })), signal);
  const totals = await sumShares(
    work,
    pass,
    tangents.length,
    (range, out) => pool.run("tangentBackwardRows", { pass, tangents, range, out }),
  );
  return totals.map(rounded);
}

/** How many vectors to work on at once, and whether to keep the changes of hidden outputs. */
function planVectors(
  { threads, rows: { train: N }, bytes }: PassWork,
  { sizes, outputs }: SplitPass,
): { together: number; kept: boolean } {
  const changes = 4 * N * hiddenUnits(sizes);
  const vector = changes + 8 * N * sizes.at(-1)! + (4 * threads + 8) * countParameters(sizes);
  const fit = Math.floor((bytes - (outputs.length === 1 ? 0 : changes)) / vector);
  return { together: Math.min(MOST_TOGETHER, Math.max(1, fit)), kept: fit >= 1 };
}

/** Allocates what the threads share of a pass. */
function openPass(
  { rows, bytes }: PassWork,
  { gradient, ...network }: Pick<SplitPass, "split" | "sizes" | "parameters"> & {
    readonly gradient: boolean;
  },
): SplitPass {
  const N = rows[network.split];
  const kept = gradient && 4 * N * hiddenUnits(network.sizes) <= bytes;
  return {
    ...network,
    outputs: allocateOutputs(network.sizes, N, kept),
    ...(gradient ? { deltas: allocateFloats(N * network.sizes.at(-1)!) } : {}),
  };
}

/** Logits, loss and, where the pass has room for them, the loss's gradient with respect to them. */
async function forwardPass(
  { pool, rows, signal }: PassWork,
  pass: SplitPass,
): Promise<{ loss: number; correct: number }> {
  const { split, sizes, outputs, deltas } = pass;
  const ranges = cutRows(rows[split], FORWARD_BLOCKS);
  await pool.all("forwardRows", ranges.map((range) => ({ pass, range })), signal);
  const logits = outputs.at(-1)!;
  return await pool.run("logitLoss", { split, classes: sizes.at(-1)!, logits, deltas });
}

/** The gradient, shape [P]. */
async function backwardPass(work: PassWork, pass: SplitPass): Promise<Float64Array> {
  const [total] = await sumShares(
    work,
    pass,
    1,
    (range, out) => work.pool.run("backwardRows", { pass, range, out }),
  );
  return total!;
}

/**
 * Sums of the pieces' shares of `count` vectors in R^P in float64, in the pieces' order, whoever
 * ends first: they do not depend on the number of threads.
 */
async function sumShares(
  { threads, rows, signal }: PassWork,
  { split, sizes }: SplitPass,
  count: number,
  ask: (range: RowRange, out: readonly SharedFloats[]) => Promise<void>,
): Promise<Float64Array[]> {
  const P = countParameters(sizes);
  const totals = Array.from({ length: count }, () => new Float64Array(P));
  const ranges = cutRows(rows[split], SUMMED_BLOCKS).values();
  let turn = Promise.resolve();
  async function work(): Promise<void> {
    const shares = totals.map(() => allocateFloats(P));
    for (const range of ranges) {
      signal?.throwIfAborted();
      const before = turn;
      const taken = Promise.withResolvers<void>();
      turn = taken.promise;
      try {
        await ask(range, shares);
        await before;
        for (const [index, total] of totals.entries()) addTo(total, shares[index]!);
      } finally {
        // After a failure too: the sum is lost, but no thread may wait for ever.
        taken.resolve();
      }
    }
  }
  await Promise.all(Array.from({ length: threads }, work));
  return totals;
}

/** Cuts rows into pieces of so many blocks. */
function cutRows(rows: number, blocks: number): RowRange[] {
  const most = blocks * BLOCK;
  return Array.from({ length: Math.ceil(rows / most) }, (_, index) => ({
    start: index * most,
    count: Math.min(most, rows - index * most),
  }));
}

function hiddenUnits(sizes: LayerSizes): number {
  return sizes.slice(1, -1).reduce((sum, units) => sum + units, 0);
}

function allocateOutputs(sizes: LayerSizes, rows: number, hidden: boolean): SharedFloats[] {
  return sizes.slice(hidden ? 1 : -1).map((units) => allocateFloats(rows * units));
}

/** total += share. */
function addTo(total: Float64Array, share: SharedFloats): void {
  for (let i = 0; i < total.length; i++) total[i]! += share[i]!;
}

function norm(vector: Float64Array): number {
  let squares = 0;
  for (const value of vector) squares += value * value;
  return Math.sqrt(squares);
}

function rounded(total: Float64Array): SharedFloats {
  const values = allocateFloats(total.length);
  values.set(total);
  return values;
}
