/**
 * Losses around minima on all threads: tiles of models and directions, cut into blocks of rows.
 *
 * @module
 */
import { frozenStatistics } from "~/lib/engine/cpu/frozen_statistics.ts";
import { askAll, type LaneOptions } from "~/lib/engine/cpu/lanes.ts";
import type { RayDirection, RayModel, RayTask } from "~/lib/engine/cpu/perturbed_logits.ts";
import type { PointLoss } from "~/lib/engine/cpu/point_loss.ts";
import type { Pool } from "~/lib/engine/cpu/pool.ts";
import { type Answer, type DirectionGroup, groupRays, openAnswer } from "~/lib/engine/cpu/rays.ts";
import {
  BLOCKS_AT_ONCE,
  chooseTile,
  evenly,
  mostPoints,
  type Part,
  type TileOptions,
} from "~/lib/engine/cpu/tiles.ts";
import { BLOCK } from "~/lib/engine/cpu/workspace.ts";
import type { PerturbedLosses, PerturbOptions, SharedFloats } from "~/lib/engine/engine.ts";
import { measureParts } from "~/lib/engine/scaling.ts";
import { allocateParameters, type LayerSizes } from "~/lib/model.ts";

/** Where the work is done, and how much of it at once. */
export interface SamplerWork extends TileOptions {
  readonly pool: Pool;
}

/** A model on its way, with its answer and, once that is known, its own statistics. */
interface Model {
  readonly own: RayModel;
  readonly answer: Answer;
  statistics: Float64Array;
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
  const { pool, threads, rows } = work;
  const lanes = { lanes: threads, signal };
  const parts = rays.some(({ scaling }) => scaling !== "global");
  const models = parameters.map((vector): Model => ({
    own: { parameters: vector, ...(parts ? { norms: measureParts(sizes, vector) } : {}) },
    answer: openAnswer(rays, frozen),
    statistics: new Float64Array(0),
  }));
  const groups = groupRays(rays, mostPoints(work, sizes));
  const points = Math.max(...groups.map((group) => group.points.length));
  const tile = chooseTile(work, sizes, {
    models: models.length,
    directions: groups.length,
    points,
  });
  const slices = <T>(all: readonly T[], parts: Part[]): T[][] =>
    parts.map(({ start, count }) => all.slice(start, start + count));
  const groupTiles = slices(groups, evenly(groups.length, tile.directions));
  const modelTiles = slices(models, evenly(models.length, tile.models));
  const mostPairs = modelTiles[0]!.length * Math.max(...groupTiles.map(countPoints));
  const logits = new Float32Array(new SharedArrayBuffer(4 * rows * sizes.at(-1)! * mostPairs));
  const total = models.length * countPoints(groups);
  const vectors: SharedFloats[] = [];
  let done = 0;
  for (const tileGroups of groupTiles) {
    const directions = await askAll(lanes, tileGroups.length, async (index) => {
      const { direction, points } = tileGroups[index]!;
      if (direction === null) return { vector: null, inverseNorm: 0, points };
      const vector = vectors[index] ??= allocateParameters(sizes);
      const ask = { sizes, out: vector, seed, k: direction, parts };
      return { vector, points, ...await pool.run("drawDirection", ask) };
    });
    for (const tileModels of modelTiles) {
      const pairs = tileModels.length * countPoints(tileGroups);
      const task = { sizes, models: tileModels.map(({ own }) => own), directions, logits };
      await computeLogits(work, lanes, task, (share) => {
        onProgress?.(done + Math.floor(pairs * share), total);
      });
      await computeLosses(work, lanes, { task, tileModels, tileGroups, frozen });
      done += pairs;
    }
  }
  return models.map(({ answer: { loss, losses, frozen } }) => ({ loss, losses, frozen }));
}

/** The logits of a tile's points, in pieces of rows; reports the share of them that is done. */
async function computeLogits(
  { pool, threads, rows }: SamplerWork,
  lanes: LaneOptions,
  task: RayTask,
  report: (share: number) => void,
): Promise<void> {
  const pieces = evenly(Math.ceil(rows / BLOCK), BLOCKS_AT_ONCE, threads);
  let finished = 0;
  await askAll(lanes, pieces.length, async (index) => {
    const start = pieces[index]!.start * BLOCK;
    const count = Math.min(pieces[index]!.count * BLOCK, rows - start);
    await pool.run("perturbedLogits", { task, start, count });
    report(++finished / pieces.length);
  });
}

/** The losses of a tile whose logits are complete, the models' own first. */
async function computeLosses(
  { pool, rows }: SamplerWork,
  lanes: LaneOptions,
  { task: { sizes, logits, directions }, tileModels, tileGroups, frozen }: {
    readonly task: RayTask;
    readonly tileModels: readonly Model[];
    readonly tileGroups: readonly DirectionGroup[];
    readonly frozen: boolean;
  },
): Promise<void> {
  const classes = sizes.at(-1)!;
  const length = classes * rows;
  const points = tileGroups.flatMap((group, k) => group.points.map((point) => ({ k, point })));
  function lossAt(place: number, statistics?: Float64Array): Promise<PointLoss> {
    return pool.run("pointLoss", {
      classes,
      logits: logits.subarray(place * length, (place + 1) * length),
      ...(statistics === undefined ? {} : { frozen: statistics }),
    });
  }
  const [first] = directions as [RayDirection];
  const own = first.vector === null ? 1 : 0;
  if (own === 1) {
    await askAll(lanes, tileModels.length, async (index) => {
      const model = tileModels[index]!;
      const { loss, statistics } = await lossAt(index * points.length);
      model.statistics = statistics;
      model.answer.loss = loss;
      model.answer.fill(points[0]!.point, loss, loss);
    });
  }
  const others = points.length - own;
  await askAll(lanes, tileModels.length * others, async (index) => {
    const m = Math.floor(index / others);
    const place = own + index % others;
    const { own: model, statistics, answer } = tileModels[m]!;
    const { k, point } = points[place]!;
    const at = frozen
      ? frozenStatistics(sizes, statistics, { model, direction: directions[k]!, point })
      : undefined;
    const { loss, frozen: frozenLoss } = await lossAt(m * points.length + place, at);
    answer.fill(point, loss, frozenLoss);
  });
}

function countPoints(groups: readonly DirectionGroup[]): number {
  return groups.reduce((sum, { points }) => sum + points.length, 0);
}
