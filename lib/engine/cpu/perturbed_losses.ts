/**
 * Losses around minima on all threads: tiles of models and directions, cut into blocks of rows.
 *
 * @module
 */
import type { RayDirection, RayModel, RayTask } from "~/lib/engine/cpu/perturbed_logits.ts";
import type { LogitLoss } from "~/lib/engine/cpu/pieces.ts";
import type { Pool } from "~/lib/engine/cpu/pool.ts";
import {
  BLOCKS_AT_ONCE,
  evenly,
  type Group,
  groupRays,
  mostPoints,
  planTiles,
  type TileOptions,
} from "~/lib/engine/cpu/rays.ts";
import { allocateFloats, BLOCK } from "~/lib/engine/cpu/workspace.ts";
import type { PerturbedLosses, PerturbOptions, SharedFloats } from "~/lib/engine/engine.ts";
import { measureParts, stepFactors } from "~/lib/engine/direction.ts";
import { allocateParameters, type LayerSizes, layoutLayers } from "~/lib/model.ts";

/** Where the work is done, and how much of it at once. */
export interface SamplerWork extends TileOptions {
  readonly pool: Pool;
}

/** A model with what is found around it and, once that is known, its own statistics. */
interface Model {
  readonly ray: RayModel;
  loss: number;
  readonly losses: number[][];
  readonly accuracies: number[][];
  readonly frozen: number[][];
  statistics?: Float64Array;
}

/** What all tiles have in common. */
interface Sampling extends SamplerWork, Required<Pick<PerturbOptions, "seed" | "frozen">> {
  readonly sizes: LayerSizes;
  /** Whether a scaling asks for the norms of parts. */
  readonly parts: boolean;
  readonly modelTiles: readonly (readonly Model[])[];
  readonly bases: SharedFloats | undefined;
  readonly signal: AbortSignal | undefined;
  /** Called as points are done, with fractions too. */
  readonly onPoints: (points: number) => void;
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
  const parts = rays.some(({ scaling }) => scaling !== "global");
  const blank = (): number[][] => rays.map(({ steps }) => steps.map(() => NaN));
  const models = parameters.map((vector): Model => ({
    ray: { parameters: vector, ...(parts ? { norms: measureParts(sizes, vector) } : {}) },
    loss: NaN,
    losses: blank(),
    accuracies: blank(),
    frozen: frozen ? blank() : [],
  }));
  const groups = groupRays(rays, mostPoints(work, sizes));
  const plan = planTiles(work, sizes, {
    models: models.length,
    directions: groups.length,
    points: Math.max(...groups.map(({ points }) => points.length)),
  });
  const [first, ...others] = plan.kept
    ? [groups.slice(0, 1), ...evenly(groups.slice(1), plan.directions)]
    : evenly(groups, plan.directions);
  const total = models.length * countPoints(groups);
  let done = 0;
  const sampling: Sampling = {
    ...{ ...work, sizes, seed, parts, frozen, signal },
    modelTiles: evenly(models, plan.models),
    bases: plan.kept ? allocateFloats(models.length * work.rows * sizes[1]!) : undefined,
    // Thirds add up to a whole but for rounding.
    onPoints: (points) => onProgress?.(Math.floor((done += points) + 1e-6), total),
  };
  const lanes = Array.from({ length: plan.lanes }, () => openLane(sampling));
  // The models themselves first: what is frozen or kept of them is needed by all others.
  await lanes[0]!([first!]);
  const left = others.values();
  await Promise.all(lanes.map((compute) => compute(left)));
  return models.map(({ ray: _, statistics: __, ...found }) => found);
}

/** Opens memory for a tile's directions and logits; what it returns computes one tile after the other. */
function openLane(sampling: Sampling): (tiles: Iterable<Group[]>) => Promise<void> {
  const { pool, sizes, rows, modelTiles, bases, seed, parts, signal } = sampling;
  const vectors: SharedFloats[] = [];
  let logits = allocateFloats(0);
  async function draw({ direction: k, points }: Group, index: number): Promise<RayDirection> {
    if (k === null) return { vector: null, inverseNorm: 0, points };
    const vector = vectors[index] ??= allocateParameters(sizes);
    const ask = { sizes, out: vector, seed, k, parts };
    return { vector, points, ...await pool.run("drawDirection", ask, signal) };
  }
  return async (tiles) => {
    for (const groups of tiles) {
      const directions = await Promise.all(groups.map(draw));
      const length = rows * sizes.at(-1)! * modelTiles[0]!.length * countPoints(groups);
      if (logits.length < length) logits = allocateFloats(length);
      for (const models of modelTiles) {
        const rays = models.map(({ ray }) => ray);
        const task = { sizes, models: rays, directions, bases, logits };
        await computeLogits(sampling, task);
        await computeLosses(sampling, { models, groups, task });
      }
    }
  };
}

/** The logits of a tile's points, in pieces of rows. */
async function computeLogits(
  { pool, threads, rows, signal, onPoints }: Sampling,
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

/** The losses of a tile whose logits are complete, the models' own first. */
async function computeLosses(
  { pool, rows, sizes, frozen, signal }: Sampling,
  { models, groups, task: { logits, directions } }: {
    readonly models: readonly Model[];
    readonly groups: readonly Group[];
    readonly task: Pick<RayTask, "logits" | "directions">;
  },
): Promise<void> {
  const classes = sizes.at(-1)!;
  const points = groups.flatMap(({ points }, k) =>
    points.map((point) => ({ direction: directions[k]!, point }))
  );
  async function lossAt(model: Model, m: number, place: number): Promise<LogitLoss> {
    const { direction, point } = points[place]!;
    const from = classes * rows * (m * points.length + place);
    const own = logits.subarray(from, from + classes * rows);
    const statistics = frozen && direction.vector
      ? frozenStatistics(sizes, model, direction, point)
      : undefined;
    const ask = { split: "train", classes, logits: own, frozen: statistics } as const;
    const found = await pool.run("logitLoss", ask, signal);
    for (const { ray, index } of point.targets) {
      model.losses[ray]![index] = found.loss;
      model.accuracies[ray]![index] = found.correct / rows;
      if (frozen) model.frozen[ray]![index] = statistics ? found.frozen : found.loss;
    }
    return found;
  }
  const own = directions[0]!.vector === null ? 1 : 0;
  if (own === 1) {
    await Promise.all(models.map(async (model, m) => {
      const { loss, statistics } = await lossAt(model, m, 0);
      Object.assign(model, { loss, statistics });
    }));
  }
  await Promise.all(
    models.flatMap((model, m) =>
      points.slice(own).map((_, index) => lossAt(model, m, own + index))
    ),
  );
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
  direction: RayDirection,
  point: Group["points"][number],
): Float64Array {
  // The first layer's outputs have their bias, be they logits or not.
  if (sizes.length === 2) return statistics!;
  const factor = stepFactors(point, sizes, direction, ray.norms).biases.at(-1)!;
  const { bias, outputs } = layoutLayers(sizes).at(-1)!;
  return statistics!.map((value, c) =>
    c < outputs ? value - factor * direction.vector![bias + c]! : value
  );
}

function countPoints(all: readonly { readonly points: readonly unknown[] }[]): number {
  return all.reduce((sum, { points }) => sum + points.length, 0);
}
