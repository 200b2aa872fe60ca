/**
 * Losses around minima on all threads: tiles of models and directions, cut into blocks of rows.
 *
 * @module
 */
import {
  pointFactors,
  type RayDirection,
  type RayModel,
  type RayTask,
} from "~/lib/engine/cpu/perturbed_logits.ts";
import type { LogitLoss } from "~/lib/engine/cpu/pieces.ts";
import type { Pool } from "~/lib/engine/cpu/pool.ts";
import {
  BLOCKS_AT_ONCE,
  chooseTile,
  evenly,
  type Group,
  groupRays,
  mostPoints,
  type TileOptions,
} from "~/lib/engine/cpu/rays.ts";
import { BLOCK } from "~/lib/engine/cpu/workspace.ts";
import type { PerturbedLosses, PerturbOptions, SharedFloats } from "~/lib/engine/engine.ts";
import { measureParts } from "~/lib/engine/direction.ts";
import { allocateParameters, type LayerSizes, layoutLayers } from "~/lib/model.ts";

/** Where the work is done, and how much of it at once. */
export interface SamplerWork extends TileOptions {
  readonly pool: Pool;
}

/** A model with what is found around it and, once that is known, its own statistics. */
interface Model extends RayModel {
  readonly losses: number[][];
  readonly accuracies: number[][];
  readonly frozen: number[][];
  loss: number;
  statistics: Float64Array | undefined;
}

/** Models and directions whose losses are computed together. */
interface Tile {
  readonly models: readonly Model[];
  readonly groups: readonly Group[];
  readonly task: Omit<RayTask, "start" | "count">;
}

/**
 * Computes the losses at every point of every ray and model, in tiles that fit into memory.
 *
 * What several rays have in common is computed once: a direction's product with the images, a point
 * of several rays, and points at a step of 0, which are the model itself.
 */
export async function perturbedLosses(
  work: SamplerWork,
  sizes: LayerSizes,
  parameters: readonly SharedFloats[],
  { seed, rays, frozen = false, onProgress, signal }: PerturbOptions,
): Promise<PerturbedLosses[]> {
  if (parameters.length === 0) return [];
  const { pool, rows } = work;
  const parts = rays.some(({ scaling }) => scaling !== "global");
  const blank = (): number[][] => rays.map(({ steps }) => steps.map(() => NaN));
  const models = parameters.map((vector): Model => ({
    parameters: vector,
    ...(parts ? { norms: measureParts(sizes, vector) } : {}),
    loss: NaN,
    losses: blank(),
    accuracies: blank(),
    frozen: frozen ? blank() : [],
    statistics: undefined,
  }));
  const groups = groupRays(rays, mostPoints(work, sizes));
  const most = chooseTile(work, sizes, {
    models: models.length,
    directions: groups.length,
    points: Math.max(...groups.map(({ points }) => points.length)),
  });
  const groupTiles = evenly(groups, most.directions);
  const modelTiles = evenly(models, most.models);
  const mostPairs = modelTiles[0]!.length * Math.max(...groupTiles.map(countPoints));
  const logits = new Float32Array(new SharedArrayBuffer(4 * rows * sizes.at(-1)! * mostPairs));
  const total = models.length * countPoints(groups);
  const vectors: SharedFloats[] = [];
  let done = 0;
  for (const groups of groupTiles) {
    const directions = await Promise.all(groups.map(async ({ direction: k, points }, index) => {
      if (k === null) return { vector: null, inverseNorm: 0, points };
      const vector = vectors[index] ??= allocateParameters(sizes);
      const ask = { sizes, out: vector, seed, k, parts };
      return { vector, points, ...await pool.run("drawDirection", ask, signal) };
    }));
    for (const models of modelTiles) {
      const tile = { models, groups, task: { sizes, models, directions, logits } };
      const pairs = models.length * countPoints(groups);
      await computeLogits(work, tile, signal, (share) => {
        onProgress?.(done + Math.floor(pairs * share), total);
      });
      await computeLosses(work, tile, frozen, signal);
      done += pairs;
    }
  }
  return models.map(({ loss, losses, accuracies, frozen }) => ({
    loss,
    losses,
    accuracies,
    frozen,
  }));
}

/** The logits of a tile's points, in pieces of rows; reports the share of them that is done. */
async function computeLogits(
  { pool, threads, rows }: SamplerWork,
  { task: { models, ...task } }: Tile,
  signal: AbortSignal | undefined,
  report: (share: number) => void,
): Promise<void> {
  const blocks = Array.from({ length: Math.ceil(rows / BLOCK) }, (_, index) => index * BLOCK);
  const pieces = evenly(blocks, BLOCKS_AT_ONCE, threads);
  // What else is known of a model is of no use to a thread.
  const own = models.map(({ parameters, norms }) => ({ parameters, ...(norms ? { norms } : {}) }));
  let finished = 0;
  await Promise.all(pieces.map(async (piece) => {
    const start = piece[0]!;
    const count = Math.min(piece.length * BLOCK, rows - start);
    await pool.run("perturbedLogits", { ...task, models: own, start, count }, signal);
    report(++finished / pieces.length);
  }));
}

/** The losses of a tile whose logits are complete, the models' own first. */
async function computeLosses(
  { pool, rows }: SamplerWork,
  { models, groups, task: { sizes, logits, directions } }: Tile,
  frozen: boolean,
  signal: AbortSignal | undefined,
): Promise<void> {
  const classes = sizes.at(-1)!;
  const points = groups.flatMap((group, k) => group.points.map((point) => ({ k, point })));
  async function lossAt(m: number, place: number, statistics?: Float64Array): Promise<LogitLoss> {
    const from = classes * rows * (m * points.length + place);
    const own = logits.subarray(from, from + classes * rows);
    const ask = { split: "train", classes, logits: own, frozen: statistics } as const;
    const found = await pool.run("logitLoss", ask, signal);
    const { losses, accuracies, frozen } = models[m]!;
    for (const { ray, index } of points[place]!.point.targets) {
      losses[ray]![index] = found.loss;
      accuracies[ray]![index] = found.correct / rows;
      if (frozen.length > 0) frozen[ray]![index] = statistics ? found.frozen : found.loss;
    }
    return found;
  }
  const own = directions[0]!.vector === null ? 1 : 0;
  if (own === 1) {
    await Promise.all(models.map(async (model, m) => {
      const { loss, statistics } = await lossAt(m, 0);
      Object.assign(model, { loss, statistics });
    }));
  }
  await Promise.all(models.flatMap((model, m) =>
    points.slice(own).map(({ k, point }, index) => {
      const factors = pointFactors(sizes, directions[k]!, model, point);
      const statistics = frozen
        ? frozenStatistics(sizes, model.statistics!, directions[k]!, factors.biases.at(-1)!)
        : undefined;
      return lossAt(m, own + index, statistics);
    })
  ));
}

/**
 * The statistics of a model as they apply to the logits of a point beside it.
 *
 * The logits of a network with hidden layers are computed without their bias, which their own
 * statistics remove. The statistics at w do not: logits at w + s v move by s v_b against them, which
 * is the same as means that move by -s v_b.
 *
 * @param statistics At w, of logits without bias: means, then inverse deviations, [2 * classes].
 * @param factor What the step multiplies the direction's last biases by.
 * @returns For the logits of the point without bias.
 */
function frozenStatistics(
  sizes: LayerSizes,
  statistics: Float64Array,
  { vector }: RayDirection,
  factor: number,
): Float64Array {
  // The first layer's outputs have their bias, be they logits or not.
  if (sizes.length === 2) return statistics;
  const { bias, outputs } = layoutLayers(sizes).at(-1)!;
  return statistics.map((value, c) => c < outputs ? value - factor * vector![bias + c]! : value);
}

function countPoints(groups: readonly Group[]): number {
  return groups.reduce((sum, { points }) => sum + points.length, 0);
}
