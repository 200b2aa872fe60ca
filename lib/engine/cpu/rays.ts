/**
 * Rays as the sampler works on them: by direction, every point once, in tiles that fit into memory.
 *
 * @module
 */
import type { RayPoint } from "~/lib/engine/cpu/perturbed_logits.ts";
import { BLOCK } from "~/lib/engine/cpu/workspace.ts";
import type { Ray } from "~/lib/engine/engine.ts";
import { countParameters, type LayerSizes } from "~/lib/model.ts";

/** A point of a direction, and the places of the answer that it fills. */
export interface GroupPoint extends RayPoint {
  readonly targets: readonly { readonly ray: number; readonly index: number }[];
}

/** The points of one direction, or the model itself where it is null. */
export interface Group {
  readonly direction: number | null;
  readonly points: readonly GroupPoint[];
}

/**
 * Groups rays by direction: first the model itself, which is also every point at a step of 0, then
 * the directions in the order in which they come. What several rays ask for is one point.
 *
 * @param most Points that a group may have; a direction with more is there several times.
 */
export function groupRays(rays: readonly Ray[], most: number): Group[] {
  const asked = rays.flatMap(({ direction, scaling, steps }, ray) =>
    steps.map((step, index) => ({ direction, scaling, step, target: { ray, index } }))
  );
  const itself = asked.filter(({ step }) => step === 0).map(({ target }) => target);
  const others = Map.groupBy(asked.filter(({ step }) => step !== 0), ({ direction }) => direction);
  const groups = [...others].flatMap(([direction, all]) => {
    const points = [...Map.groupBy(all, ({ scaling, step }) => `${scaling} ${step}`).values()];
    return evenly(points, most).map((cut) => ({
      direction,
      points: cut.map((same) => ({
        scaling: same[0]!.scaling,
        step: same[0]!.step,
        targets: same.map(({ target }) => target),
      })),
    }));
  });
  return [
    { direction: null, points: [{ scaling: "global", step: 0, targets: itself }] },
    ...groups,
  ];
}

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

/**
 * Cuts a list into parts of at most `limit` whose lengths differ by at most 1, the longest first;
 * their number is a multiple of `multiple` where there are enough things.
 */
export function evenly<T>(list: readonly T[], limit: number, multiple = 1): T[][] {
  const least = Math.ceil(list.length / limit);
  const parts = Math.min(list.length, Math.ceil(least / multiple) * multiple);
  let start = 0;
  return Array.from({ length: parts }, (_, index) => {
    const count = Math.floor(list.length / parts) + (index < list.length % parts ? 1 : 0);
    start += count;
    return list.slice(start - count, start);
  });
}
