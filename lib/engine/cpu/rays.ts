/**
 * Rays as the sampler works on them: by direction, every point once, in tiles that fit into memory.
 *
 * @module
 */
import type { RayPoint } from "~/lib/engine/direction.ts";
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

/** Blocks of rows that a thread takes at once: products of fewer rows are slower. */
export const BLOCKS_AT_ONCE = 5;

/**
 * Directions of a tile where the models' first layers are kept: each tile scales the pixels anew,
 * which takes 2.5 % of a product.
 */
const FEW_DIRECTIONS = 3;

/** What there is to do with. */
export interface TileOptions {
  readonly threads: number;
  /** Rows of the training split, N. */
  readonly rows: number;
  /** Bound in bytes on what the threads share; the models are the caller's. */
  readonly bytes: number;
}

/** How models and directions are cut into tiles. */
export interface TilePlan {
  readonly models: number;
  readonly directions: number;
  /** Whether the first layer's outputs at all models are kept from tile to tile. */
  readonly kept: boolean;
  /** Tiles in work at once: while one waits for its last rows, threads go on with another. */
  readonly lanes: number;
}

/**
 * The tiles that fit into memory with which the fewest products of the first layer are computed: a
 * direction's once for every tile of models, a model's once for every tile of directions, or only
 * once where there is room to keep them all.
 *
 * @param work.points Points of a direction at most.
 */
export function planTiles(
  { rows, bytes }: TileOptions,
  sizes: LayerSizes,
  { models, directions, points }: Record<"models" | "directions" | "points", number>,
): TilePlan {
  const vector = 4 * countParameters(sizes);
  const pair = logitBytes(sizes, rows) * points;
  const few = { models, directions: Math.min(FEW_DIRECTIONS, directions), kept: true, lanes: 2 };
  const first = 4 * rows * sizes[1]! * models;
  if (first + few.lanes * few.directions * (vector + models * pair) <= bytes) return few;
  let best = { models: 1, directions: 1, kept: false, lanes: 1 };
  let fewest = Infinity;
  for (let m = 1; m <= models; m++) {
    for (let d = 1; d <= directions; d++) {
      const products = models * Math.ceil(directions / d) + directions * Math.ceil(models / m);
      if (products < fewest && d * (vector + m * pair) <= bytes) {
        best = { ...best, models: m, directions: d };
        fewest = products;
      }
    }
  }
  return best;
}

/** Points of one direction and model that fit into memory at once, at least 1. */
export function mostPoints({ rows, bytes }: TileOptions, sizes: LayerSizes): number {
  const left = bytes - 4 * countParameters(sizes);
  return Math.max(1, Math.floor(left / logitBytes(sizes, rows)));
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
