/**
 * Losses, gradients and products of the Hessian over a whole split, all threads on one network's
 * pass at a time.
 *
 * @module
 */
import { cutRows } from "~/lib/engine/cpu/network.ts";
import type { SharedPass, SplitPass } from "~/lib/engine/cpu/split_pass.ts";
import type { Pool } from "~/lib/engine/cpu/pool.ts";
import type { EvaluateOptions, Evaluation, Hessian } from "~/lib/engine/engine.ts";
import {
  countParameters,
  type LayerSizes,
  norm,
  share,
  shareCopy,
  type SharedFloats,
} from "~/lib/model.ts";

/** Where work on whole splits is done, and how much of it at once. */
export interface PassWork {
  readonly pool: Pool;
  readonly threads: number;
  /** Rows of each split. */
  readonly rows: Readonly<Record<"train" | "test", number>>;
  /** Bound on what is kept in memory around models instead of computed again; it changes no result. */
  readonly bytes: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Blocks of rows in a piece, whatever the number of threads. A gradient is the sum of its pieces' in
 * their order, and its piece is long beside what it costs to load the parameters and to add its
 * share; of what is not added up, the shorter the pieces, the sooner the last thread ends.
 */
const [SUMMED_BLOCKS, FORWARD_BLOCKS] = [4, 2];

/**
 * Evaluates networks on a split, one after the other.
 *
 * Memory of a gradient: the outputs of the hidden layers, 4 N sum(units) bytes (179 MB for MLP_1 on
 * 50,000 images), and a thread's parameters, share of the gradient, sum of it and activations of one
 * piece, 18 P + 2,048 rows of them. For a norm alone, a few passes of a hundred epochs, the outputs are
 * computed again.
 */
export async function evaluate(
  work: PassWork & EvaluateOptions,
  sizes: LayerSizes,
  models: readonly SharedFloats[],
): Promise<Evaluation[]> {
  const { split, gradient: want } = work;
  const found: Evaluation[] = [];
  for (const parameters of models) {
    const pass = openPass(work, { split, sizes, parameters }, want);
    const { loss, correct } = await forwardPass(work, pass);
    const total = want && await backwardPass(work, pass);
    const gradientNorm = total ? norm(total) : NaN;
    const gradient = total && want === "whole" ? shareCopy(total) : share(0);
    found.push({ loss, accuracy: correct / work.rows[split], gradientNorm, gradient });
  }
  return found;
}

/**
 * Opens the Hessian at a network with one forward pass, which all its products have in common.
 *
 * Memory beside a gradient's, whatever the number of vectors: the changes of the hidden layers'
 * outputs, 4 N sum(units) bytes, and those of the logits, 8 N C.
 */
export async function openHessian(
  work: PassWork,
  sizes: LayerSizes,
  parameters: SharedFloats,
): Promise<Hessian> {
  const pass = openPass(work, { split: "train", sizes, parameters }, "whole");
  await forwardPass(work, pass);
  return {
    async multiply(vectors): Promise<SharedFloats[]> {
      const changes = openPass(work, pass, "whole");
      const products: SharedFloats[] = [];
      for (const vector of vectors) {
        const tangent = { ...changes, parameters: vector };
        await runForward(work, pass, tangent);
        await work.pool.run("tangentLoss", { pass, tangent }, work.signal);
        products.push(shareCopy(await backwardPass(work, pass, tangent)));
      }
      return products;
    },
  };
}

function openPass(
  { rows }: PassWork,
  network: Pick<SplitPass, "split" | "sizes" | "parameters">,
  want: EvaluateOptions["gradient"],
): SplitPass {
  const { split, sizes } = network;
  const allocate = (units: number): SharedFloats => share(rows[split] * units);
  return {
    ...network,
    outputs: sizes.slice(want === "whole" ? 1 : -1).map(allocate),
    deltas: want && allocate(sizes.at(-1)!),
  };
}

/** Outputs of the network, or their changes. */
async function runForward(
  { pool, rows, signal }: PassWork,
  pass: SplitPass,
  tangent?: SharedPass,
): Promise<void> {
  const ranges = cutRows(rows[pass.split], FORWARD_BLOCKS);
  await pool.all("forwardRows", ranges.map((range) => ({ pass, tangent, range })), signal);
}

/** Logits, loss and, where the pass has room for them, the loss's gradient with respect to them. */
async function forwardPass(
  work: PassWork,
  pass: SplitPass,
): Promise<{ loss: number; correct: number }> {
  await runForward(work, pass);
  const { split, sizes, outputs, deltas } = pass;
  const logits = outputs.at(-1)!;
  return await work.pool.run("logitLoss", { split, classes: sizes.at(-1)!, logits, deltas });
}

/**
 * The gradient, or the Hessian's product, shape [P]: the sum of the pieces' shares in float64, in the
 * pieces' order, whoever ends first, so that it does not depend on the number of threads.
 */
async function backwardPass(
  { pool, threads, rows, signal }: PassWork,
  pass: SplitPass,
  tangent?: SharedPass,
): Promise<Float64Array> {
  const total = new Float64Array(countParameters(pass.sizes));
  const ranges = cutRows(rows[pass.split], SUMMED_BLOCKS).values();
  let turn = Promise.resolve();
  async function work(): Promise<void> {
    const out = share(total.length);
    for (const range of ranges) {
      signal?.throwIfAborted();
      const computed = pool.run("backwardRows", { pass, tangent, range, out });
      turn = Promise.all([turn, computed]).then(() => {
        for (let i = 0; i < total.length; i++) total[i]! += out[i]!;
      });
      await turn;
    }
  }
  await Promise.all(Array.from({ length: threads }, work));
  return total;
}
