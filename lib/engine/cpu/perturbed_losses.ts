/**
 * Losses around minima on all threads: groups of models and directions, cut into blocks of rows.
 *
 * @module
 */
import type { Pool } from "~/lib/engine/cpu/pool.ts";
import { BLOCK } from "~/lib/engine/cpu/workspace.ts";
import type { PerturbOptions, SharedFloats } from "~/lib/engine/engine.ts";
import { allocateParameters, type LayerSizes } from "~/lib/model.ts";

/** Where the work is done, and how much of it at once. */
export interface SamplerWork {
  readonly pool: Pool;
  readonly threads: number;
  /** Rows of the training split, N. */
  readonly rows: number;
  /** Bytes of logits that wait for their split to be complete. */
  readonly logitBytes: number;
}

/**
 * Computes the losses at w + r u_k of every model and direction, in groups whose logits fit.
 *
 * @returns Mean cross-entropies in nats, shape [models][directions].
 */
export async function perturbedLosses(
  { pool, threads, rows, logitBytes }: SamplerWork,
  sizes: LayerSizes,
  models: readonly SharedFloats[],
  { seed, directions, radius, onProgress, signal }: PerturbOptions,
): Promise<number[][]> {
  const bytesPerPair = 4 * rows * sizes.at(-1)!;
  const pairs = Math.max(1, Math.floor(logitBytes / bytesPerPair));
  const modelsAtOnce = Math.min(models.length, Math.max(1, Math.floor(Math.sqrt(pairs))));
  const directionsAtOnce = evenly(directions.length, Math.floor(pairs / modelsAtOnce));
  const losses = models.map((): number[] => []);
  const total = models.length * directions.length;
  let done = 0;
  /** Answers to `ask(0)`, `ask(1)`, ... in order; a thread that is free asks for the next. */
  async function askAll<T>(count: number, ask: (index: number) => Promise<T>): Promise<T[]> {
    const answers = new Array<T>(count);
    let next = 0;
    async function lane(): Promise<void> {
      while (next < count) {
        signal?.throwIfAborted();
        const index = next++;
        answers[index] = await ask(index);
      }
    }
    await Promise.all(Array.from({ length: threads }, lane));
    return answers;
  }
  for (let d = 0; d < directions.length; d += directionsAtOnce) {
    const chosen = directions.slice(d, d + directionsAtOnce);
    const drawn = await askAll(chosen.length, async (index) => {
      const out = allocateParameters(sizes);
      const inverseNorm = await pool.run("drawDirection", { out, seed, k: chosen[index]! });
      return { out, scale: radius * inverseNorm };
    });
    for (let m = 0; m < models.length; m += modelsAtOnce) {
      const group = models.slice(m, m + modelsAtOnce);
      const count = group.length * drawn.length;
      const task = {
        sizes,
        models: group,
        directions: drawn.map(({ out }) => out),
        scales: drawn.map(({ scale }) => scale),
        logits: new Float32Array(new SharedArrayBuffer(bytesPerPair * count)),
      };
      const before = done;
      const blocks = Math.ceil(rows / BLOCK);
      let finished = 0;
      await askAll(blocks, async (index) => {
        await pool.run("perturbedLogits", { task, start: index * BLOCK });
        finished++;
        onProgress?.(before + Math.floor(count * finished / blocks), total);
      });
      const values = await askAll(count, (pair) => pool.run("pairLoss", { task, pair }));
      for (const [pair, value] of values.entries()) {
        losses[m + Math.floor(pair / drawn.length)]!.push(value);
      }
      done = before + count;
    }
  }
  return losses;
}

/** The size of equal parts of `count` that are at most `limit`. */
function evenly(count: number, limit: number): number {
  return Math.ceil(count / Math.ceil(count / Math.max(1, limit)));
}
