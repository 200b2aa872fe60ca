/**
 * How the sampler's work is cut so that it fits into memory.
 *
 * @module
 */
import { BLOCK } from "~/lib/engine/cpu/workspace.ts";
import { countParameters, type LayerSizes } from "~/lib/model.ts";

/**
 * Blocks that a thread takes at once: a model's or direction's parameters are loaded once for all
 * of them.
 */
export const BLOCKS_AT_ONCE = 7;

/** What there is to do with. */
export interface TileOptions {
  readonly threads: number;
  /** Rows of the training split, N. */
  readonly rows: number;
  /** Bound on the sampler's memory in bytes; the models are the caller's. */
  readonly bytes: number;
}

/** Models and directions of a tile. */
export interface Tile {
  readonly models: number;
  readonly directions: number;
}

/**
 * The tile that fits into memory with which the fewest products of the first layer are computed: a
 * model's once for every tile of directions, a direction's once for every tile of models.
 *
 * @param work.points Points of a direction at most.
 */
export function chooseTile(
  options: TileOptions,
  sizes: LayerSizes,
  { models, directions, points }: Tile & { readonly points: number },
): Tile {
  let best: Tile = { models: 1, directions: 1 };
  let fewest = Infinity;
  for (let m = 1; m <= models; m++) {
    for (let d = 1; d <= directions; d++) {
      const products = models * Math.ceil(directions / d) + directions * Math.ceil(models / m);
      const bytes = bytesBesideLogits(options, sizes, { models: m, directions: d }) +
        logitBytes(sizes, options.rows) * m * d * points;
      if (products < fewest && bytes <= options.bytes) {
        best = { models: m, directions: d };
        fewest = products;
      }
    }
  }
  return best;
}

/** Points of one direction and model that fit into memory at once, at least 1. */
export function mostPoints(options: TileOptions, sizes: LayerSizes): number {
  const left = options.bytes - bytesBesideLogits(options, sizes, { models: 1, directions: 1 });
  return Math.max(1, Math.floor(left / logitBytes(sizes, options.rows)));
}

function bytesBesideLogits(
  { threads, rows }: TileOptions,
  sizes: LayerSizes,
  tile: Tile,
): number {
  const vector = 4 * countParameters(sizes);
  const rowsAtOnce = Math.min(rows, BLOCKS_AT_ONCE * BLOCK);
  const first = 4 * rowsAtOnce * sizes[1]!;
  return vector * tile.directions +
    threads * (4 * rowsAtOnce * sizes[0]! + vector + first * (1 + tile.models));
}

function logitBytes(sizes: LayerSizes, rows: number): number {
  return 4 * rows * sizes.at(-1)!;
}

/** A run of things. */
export interface Part {
  readonly start: number;
  readonly count: number;
}

/**
 * Cuts `total` things into parts of at most `limit` whose sizes differ by at most 1, the largest
 * first; their number is a multiple of `multiple` where there are enough things.
 */
export function evenly(total: number, limit: number, multiple = 1): Part[] {
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
