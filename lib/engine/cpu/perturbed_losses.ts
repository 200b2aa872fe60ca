/**
 * Losses around minima on all threads: tiles of models and directions, cut into blocks of rows.
 *
 * @module
 */
import type { Pool } from "~/lib/engine/cpu/pool.ts";
import { BLOCK } from "~/lib/engine/cpu/workspace.ts";
import type { PerturbOptions, SharedFloats } from "~/lib/engine/engine.ts";
import { allocateParameters, countParameters, type LayerSizes } from "~/lib/model.ts";

/** Where the work is done, and how much of it at once. */
export interface SamplerWork {
  readonly pool: Pool;
  readonly threads: number;
  /** Rows of the training split, N. */
  readonly rows: number;
  /** Bound on the sampler's memory in bytes; the models are the caller's. */
  readonly bytes: number;
}

/**
 * Blocks that a thread takes at once: a model's or direction's parameters are loaded once for all
 * of them.
 */
const BLOCKS_AT_ONCE = 7;

/**
 * Computes the losses at w + r u_k of every model and direction, in tiles that fit into memory.
 *
 * @returns Mean cross-entropies in nats, shape [models][directions].
 */
export async function perturbedLosses(
  work: SamplerWork,
  sizes: LayerSizes,
  models: readonly SharedFloats[],
  { seed, directions, radius, onProgress, signal }: PerturbOptions,
): Promise<number[][]> {
  const { pool, threads, rows } = work;
  const tile = chooseTile(work, sizes, models.length, directions.length);
  const pieces = evenly(Math.ceil(rows / BLOCK), BLOCKS_AT_ONCE, threads);
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
  // The first tile is the largest: the others use its memory again.
  let logits: SharedFloats | undefined;
  const vectors: SharedFloats[] = [];
  for (const { start: d, count } of evenly(directions.length, tile.directions)) {
    const drawn = await askAll(count, async (index) => {
      const out = vectors[index] ??= allocateParameters(sizes);
      const k = directions[d + index] ?? null;
      const inverseNorm = await pool.run("drawDirection", { out, seed, k });
      return { out, scale: radius * inverseNorm };
    });
    for (const { start: m, count } of evenly(models.length, tile.models)) {
      const pairs = count * drawn.length;
      logits ??= new Float32Array(new SharedArrayBuffer(logitBytes(sizes, rows) * pairs));
      const task = {
        sizes,
        models: models.slice(m, m + count),
        directions: drawn.map(({ out }) => out),
        scales: drawn.map(({ scale }) => scale),
        logits,
      };
      const before = done;
      let finished = 0;
      await askAll(pieces.length, async (index) => {
        const { start, count } = pieces[index]!;
        const first = start * BLOCK;
        await pool.run("perturbedLogits", {
          task,
          start: first,
          count: Math.min(count * BLOCK, rows - first),
        });
        finished++;
        onProgress?.(before + Math.floor(pairs * finished / pieces.length), total);
      });
      const values = await askAll(pairs, (pair) => pool.run("pairLoss", { task, pair }));
      for (const [pair, value] of values.entries()) {
        losses[m + Math.floor(pair / drawn.length)]!.push(value);
      }
      done = before + pairs;
    }
  }
  return losses;
}

/** Models and directions of a tile. */
export interface Tile {
  readonly models: number;
  readonly directions: number;
}

/**
 * The tile that fits into memory with which the fewest products of the first layer are computed: a
 * model's once for every tile of directions, a direction's once for every tile of models.
 */
export function chooseTile(
  { threads, rows, bytes }: Omit<SamplerWork, "pool">,
  sizes: LayerSizes,
  models: number,
  directions: number,
): Tile {
  const vector = 4 * countParameters(sizes);
  const rowsAtOnce = Math.min(rows, BLOCKS_AT_ONCE * BLOCK);
  const first = 4 * rowsAtOnce * sizes[1]!;
  const needed = (tile: Tile): number =>
    logitBytes(sizes, rows) * tile.models * tile.directions +
    vector * tile.directions +
    threads * (4 * rowsAtOnce * sizes[0]! + vector + first * (1 + tile.models));
  let best: Tile = { models: 1, directions: 1 };
  let fewest = Infinity;
  for (let m = 1; m <= models; m++) {
    for (let d = 1; d <= directions; d++) {
      const tile = { models: m, directions: d };
      const products = models * Math.ceil(directions / d) + directions * Math.ceil(models / m);
      if (products < fewest && needed(tile) <= bytes) {
        best = tile;
        fewest = products;
      }
    }
  }
  return best;
}

function logitBytes(sizes: LayerSizes, rows: number): number {
  return 4 * rows * sizes.at(-1)!;
}

/**
 * Cuts `total` things into parts of at most `limit` whose sizes differ by at most 1, the largest
 * first; their number is a multiple of `multiple` where there are enough things.
 */
function evenly(
  total: number,
  limit: number,
  multiple = 1,
): { start: number; count: number }[] {
  const least = Math.ceil(total / limit);
  const parts = Math.min(total, Math.ceil(least / multiple) * multiple);
  const sizes = Array.from(
    { length: parts },
    (_, index) => Math.floor(total / parts) + (index < total % parts ? 1 : 0),
  );
  let start = 0;
  return sizes.map((count) => {
    const part = { start, count };
    start += count;
    return part;
  });
}
