/**
 * Losses around minima on all threads: tiles of models and directions, cut into blocks of rows.
 *
 * @module
 */
import type { RayDirection, RayModel, RayTask } from "~/lib/engine/cpu/perturbed_logits.ts";
import type { PassWork } from "~/lib/engine/cpu/full_set.ts";
import { BLOCK } from "~/lib/engine/cpu/workspace.ts";
import type { PerturbedLosses, PerturbOptions, Ray } from "~/lib/engine/engine.ts";
import { measureParts, type RayPoint, stepFactors } from "~/lib/engine/direction.ts";
import {
  countParameters,
  type LayerSizes,
  layoutLayers,
  share,
  type SharedFloats,
} from "~/lib/model.ts";

/** A model, what is found at it and then along each ray, and its statistics once they are known. */
interface Model {
  readonly ray: RayModel;
  readonly losses: number[][];
  readonly accuracies: number[][];
  readonly frozen: number[][];
  statistics?: Float64Array;
}

/** What all tiles have in common. */
interface Sampling extends PassWork, Required<Pick<PerturbOptions, "seed" | "frozen">> {
  readonly sizes: LayerSizes;
  readonly parts: boolean;
  readonly modelTiles: readonly (readonly Model[])[];
  readonly bases: SharedFloats | undefined;
  /** Called as points are done, with fractions too. */
  readonly onPoints: (points: number) => void;
}

/**
 * Computes the losses at every point of every ray and model, in tiles that fit into memory. Rays of
 * one direction share its product with the images.
 */
export async function perturbedLosses(
  work: PassWork,
  sizes: LayerSizes,
  parameters: readonly SharedFloats[],
  { seed, rays, frozen = false, onProgress, signal }: PerturbOptions,
): Promise<PerturbedLosses[]> {
  if (parameters.length === 0) return [];
  const parts = frozen || rays.some(({ scaling }) => scaling !== "global");
  const all: readonly TracedRay[] = [{ direction: null, scaling: "global", steps: [0] }, ...rays];
  const blank = (): number[][] => all.map(({ steps }) => steps.map(() => NaN));
  const models = parameters.map((vector): Model => ({
    ray: { parameters: vector, norms: parts ? measureParts(sizes, vector) : undefined },
    losses: blank(),
    accuracies: blank(),
    frozen: frozen ? blank() : [],
  }));
  const groups = groupRays(all);
  const plan = planTiles(work, sizes, {
    models: models.length,
    directions: groups.length,
    points: Math.max(...groups.map(({ points }) => points.length)),
  });
  const [itself, ...others] = groups;
  const total = models.length * countPoints(groups);
  let done = 0;
  const sampling: Sampling = {
    ...{ ...work, sizes, seed, parts, frozen, signal },
    modelTiles: evenly(models, plan.models),
    bases: plan.kept ? share(models.length * work.rows.train * sizes[1]!) : undefined,
    // Thirds add up to a whole but for rounding.
    onPoints: (points) => onProgress?.(Math.floor((done += points) + 1e-6), total),
  };
  const lanes = Array.from({ length: plan.lanes }, () => openLane(sampling));
  // The models themselves first: what is frozen or kept of them is needed by all others.
  await lanes[0]!([[itself!]]);
  const left = evenly(others, plan.directions).values();
  await Promise.all(lanes.map((compute) =>
    compute(left).catch((error) => {
      // No other lane begins a tile.
      left.forEach(() => {});
      throw error;
    })
  ));
  return models.map(({ losses: [itself, ...losses], accuracies, frozen }) => ({
    ...{ loss: itself![0]!, losses },
    ...{ accuracies: accuracies.slice(1), frozen: frozen.slice(1) },
  }));
}

/** Opens memory for a tile's directions and logits; what it returns computes one tile after the other. */
function openLane(sampling: Sampling): (tiles: Iterable<Group[]>) => Promise<void> {
  const { pool, sizes, rows: { train: rows }, modelTiles, bases, seed, parts, signal } = sampling;
  const vectors: SharedFloats[] = [];
  let logits = share(0);
  async function draw(
    { direction: k, points }: Group,
    index: number,
  ): Promise<RayDirection<GroupPoint>> {
    if (k === null) return { vector: null, points };
    const out = vectors[index] ??= share(countParameters(sizes));
    const drawn = await pool.run("drawDirection", { sizes, out, seed, k, parts }, signal);
    return { vector: { normal: out, ...drawn }, points };
  }
  return async (tiles) => {
    for (const groups of tiles) {
      const directions = await Promise.all(groups.map(draw));
      const length = rows * sizes.at(-1)! * modelTiles[0]!.length * countPoints(groups);
      if (logits.length < length) logits = share(length);
      for (const models of modelTiles) {
        const task = { sizes, models: models.map(({ ray }) => ray), directions, bases, logits };
        await computeLogits(sampling, task);
        await computeLosses(sampling, models, task);
      }
    }
  };
}

/** The logits of a tile's points, in pieces of rows. */
async function computeLogits(
  { pool, threads, rows: { train: rows }, signal, onPoints }: Sampling,
  task: Omit<RayTask, "start" | "count">,
): Promise<void> {
  const blocks = Array.from({ length: Math.ceil(rows / BLOCK) }, (_, index) => index * BLOCK);
  const pieces = evenly(blocks, BLOCKS_AT_ONCE, threads);
  const pairs = task.models.length * countPoints(task.directions);
  await Promise.all(pieces.map(async (piece) => {
    const start = piece[0]!;
    const count = Math.min(piece.length * BLOCK, rows - start);
    await pool.run("perturbedLogits", { ...task, start, count }, signal);
    onPoints(pairs / pieces.length);
  }));
}

/** The losses of a tile whose logits are complete. */
async function computeLosses(
  { pool, rows: { train: rows }, sizes, frozen, signal }: Sampling,
  models: readonly Model[],
  { directions, logits }: { directions: readonly RayDirection<GroupPoint>[]; logits: SharedFloats },
): Promise<void> {
  const classes = sizes.at(-1)!;
  const points = directions.flatMap(({ vector, points }) =>
    points.map((point) => ({ vector, point }))
  );
  async function lossAt(model: Model, m: number, place: number): Promise<void> {
    const { vector, point } = points[place]!;
    const from = classes * rows * (m * points.length + place);
    const own = logits.subarray(from, from + classes * rows);
    const kept = frozen && vector ? frozenStatistics(sizes, model, vector, point) : undefined;
    const ask = { split: "train", classes, logits: own, frozen: kept } as const;
    const found = await pool.run("logitLoss", ask, signal);
    if (!vector) model.statistics = found.statistics;
    model.losses[point.ray]![point.index] = found.loss;
    model.accuracies[point.ray]![point.index] = found.correct / rows;
    if (frozen) model.frozen[point.ray]![point.index] = found.frozen;
  }
  const all = models.flatMap((model, m) => points.map((_, place) => lossAt(model, m, place)));
  await Promise.all(all);
}

/**
 * The statistics of a model as they apply to the logits of a point beside it, without bias.
 *
 * The logits of a network with hidden layers are computed without their bias, which their own
 * statistics remove. The statistics at w do not: logits at w + s v move by s v_b against them, which
 * is the same as means that move by -s v_b.
 */
function frozenStatistics(
  sizes: LayerSizes,
  { ray, statistics }: Model,
  direction: NonNullable<RayDirection["vector"]>,
  point: RayPoint,
): Float64Array {
  // The first layer's outputs have their bias, be they logits or not.
  if (sizes.length === 2) return statistics!;
  const factor = stepFactors(point, direction, ray.norms).biases.at(-1)!;
  const { bias, outputs } = layoutLayers(sizes).at(-1)!;
  return statistics!.map((value, c) =>
    c < outputs ? value - factor * direction.normal[bias + c]! : value
  );
}

function countPoints(all: readonly { readonly points: readonly unknown[] }[]): number {
  return all.reduce((sum, { points }) => sum + points.length, 0);
}

/** A ray, or the model itself where the direction is null. */
type TracedRay = Omit<Ray, "direction"> & { readonly direction: number | null };

/** A point and its place in the answer. */
interface GroupPoint extends RayPoint {
  readonly ray: number;
  readonly index: number;
}

/** Points of one direction, or the model itself where it is null. */
interface Group {
  readonly direction: number | null;
  readonly points: readonly GroupPoint[];
}

/** Points of a group at most, whose logits are in memory together; a direction with more has several. */
const GROUP_POINTS = 64;

/** Groups the points of rays by direction, in the order in which directions come. */
function groupRays(rays: readonly TracedRay[]): Group[] {
  const points = rays.flatMap(({ steps, ...own }, ray) =>
    steps.map((step, index) => ({ ...own, step, ray, index }))
  );
  return [...Map.groupBy(points, ({ direction }) => direction)].flatMap(([direction, own]) =>
    evenly(own, GROUP_POINTS).map((points) => ({ direction, points }))
  );
}

/** Blocks of rows that a thread takes at once: products of fewer rows are slower. */
const BLOCKS_AT_ONCE = 7;

/**
 * Directions of a tile where the models' first layers are kept: each tile scales the pixels anew,
 * which takes 2.5 % of a product.
 */
const FEW_DIRECTIONS = 3;

/** How models and directions are cut into tiles. */
interface TilePlan {
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
 * @param size.points Points of a direction at most.
 */
export function planTiles(
  { threads, rows: { train: rows }, bytes }: Omit<PassWork, "pool">,
  sizes: LayerSizes,
  { models, directions, points }: Record<"models" | "directions" | "points", number>,
): TilePlan {
  const vector = 4 * countParameters(sizes);
  const pair = 4 * rows * sizes.at(-1)! * points;
  const lanes = Math.min(2, threads);
  const few = { models, directions: Math.min(FEW_DIRECTIONS, directions), kept: true, lanes };
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

/**
 * Cuts a list into parts of at most `limit` whose lengths differ by at most 1, the longest first;
 * their number is a multiple of `multiple` where there are enough things.
 */
function evenly<T>(list: readonly T[], limit: number, multiple = 1): T[][] {
  const least = Math.ceil(list.length / limit);
  const parts = Math.min(list.length, Math.ceil(least / multiple) * multiple);
  let start = 0;
  return Array.from({ length: parts }, (_, index) => {
    const count = Math.floor(list.length / parts) + (index < list.length % parts ? 1 : 0);
    start += count;
    return list.slice(start - count, start);
  });
}
