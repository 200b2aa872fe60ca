/**
 * Measures networks: all rays through the engine together, then each measure's own work.
 *
 * @module
 */
import { seed as seedDomain, validate } from "~/lib/domain.ts";
import type { Engine, PerturbedLosses, Ray } from "~/lib/engine.ts";
import {
  type ComputeOptions,
  type Measure,
  type MeasuredNetwork,
  type MeasureMethod,
  type MeasureValue,
  NotFiniteError,
  validateFinite,
} from "~/lib/measure/definition.ts";
import { parseMeasure, validateAvailable } from "~/lib/measure/parse_measure.ts";

/** Seed of the study's directions; a number that nobody takes for initial weights' by chance. */
export const DIRECTION_SEED = 20_251_107;

/** What a value depends on beside its network: all parameters, and the seed of what is drawn. */
export function protocolOf({ parameters, method }: Measure): Record<string, number | boolean> {
  const drawn = method.rays || method.passes ? { directionSeed: DIRECTION_SEED } : {};
  return { ...parameters, ...drawn };
}

/** Networks at once at most, each on all threads: one's products fill the other's pauses. */
const LANES = 2;

/** How measuring goes on. */
export interface MeasureOptions {
  /** Of the directions, and of what else is drawn. Default: the study's. */
  readonly seed?: number;
  /** Told of each share of the work that is done; they sum to 1. */
  readonly onProgress?: (share: number) => void;
  /** Aborts between blocks of work with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Told of a network's measure that is not finite, which has the estimate NaN then; else it throws. */
  readonly onNotFinite?: (place: number, error: NotFiniteError) => void;
}

interface Task {
  readonly network: MeasuredNetwork;
  readonly measures: readonly Measure[];
  readonly centres: ReadonlyMap<MeasureMethod["centre"], Centre>;
}

/** Weights from which rays leave. */
interface Centre extends Pick<MeasuredNetwork, "sizes" | "parameters"> {
  /** Of all measures there, every direction, scaling and step once. */
  readonly rays: readonly Ray[];
  readonly frozen: boolean;
  losses?: PerturbedLosses;
}

/** Begins work of so many passes, of which then the share is told that is done. */
type OpenPart = (passes: number) => (done: number) => void;

/**
 * Measures networks. Points that measures have in common are computed once, and the products of
 * random directions with the images once for all networks that are asked for the same.
 *
 * @param networks Read, never written.
 * @param measures For each network the texts of its measures.
 * @returns Shape [networks][measures], in the order in which they were asked for.
 * @throws {UsageError} If there is no such measure, it cannot be had of a network or the seed is out of
 * its domain, before anything is computed.
 * @throws {NotFiniteError} If a loss, gradient or curvature is NaN or infinite, unless
 * `onNotFinite` is told.
 */
export async function measureNetworks(
  engine: Engine,
  networks: readonly MeasuredNetwork[],
  measures: readonly (readonly string[])[],
  { seed = DIRECTION_SEED, ...options }: MeasureOptions = {},
): Promise<MeasureValue[][]> {
  const { onProgress, onNotFinite, signal = new AbortController().signal } = options;
  validate(seedDomain, seed, "Cannot measure as seed");
  const tasks = networks.map((network, place): Task => {
    const asked = measures[place]!.map(parseMeasure);
    validateAvailable(asked, network);
    return { network, measures: asked, centres: centresOf(network, asked) };
  });
  const groups = groupByRays(tasks.flatMap(({ centres }) => [...centres.values()]));
  const total = groups.reduce((sum, group) => sum + rayPasses(group[0]!.rays, group.length), 0) +
    tasks.reduce((sum, { measures }) => sum + alonePasses(measures), 0);
  let rest = 1;
  const openPart: OpenPart = (passes) => {
    let before = 0;
    return (done) => {
      // Measures of the evaluation alone take no passes at all.
      const share = Math.min(rest, passes * (done - before) / (total || 1));
      before = done;
      rest -= share;
      onProgress?.(share);
    };
  };
  for (const group of groups) {
    signal.throwIfAborted();
    const { sizes, rays, frozen } = group[0]!;
    const onDone = openPart(rayPasses(rays, group.length));
    const models = group.map(({ parameters }) => parameters);
    const onPoints = (done: number, all: number): void => onDone(done / all);
    const options = { seed, rays, frozen, signal, onProgress: onPoints };
    const losses = await engine.perturbedLosses(sizes, models, options);
    for (const [place, centre] of group.entries()) centre.losses = losses[place]!;
    onDone(1);
  }
  const failure = new AbortController();
  const either = AbortSignal.any([failure.signal, signal]);
  const values: MeasureValue[][] = [];
  const left = tasks.entries();
  async function lane(): Promise<void> {
    for (const [place, task] of left) {
      values[place] = await measureTask(engine, task, {
        ...{ seed, signal: either, openPart },
        onNotFinite: onNotFinite && ((error) => onNotFinite(place, error)),
      });
    }
  }
  const lanes = Array.from({ length: Math.min(LANES, engine.concurrency) }, lane);
  await Promise.all(lanes.map((each) => each.catch((error) => failure.abort(error))));
  either.throwIfAborted();
  onProgress?.(rest);
  return values;
}

/** Weights of one shape with the same rays: they share directions within a call. */
function groupByRays(centres: readonly Centre[]): Centre[][] {
  const key = ({ sizes, rays, frozen }: Centre): string => JSON.stringify([sizes, rays, frozen]);
  return [...Map.groupBy(centres, key).values()];
}

/** Where the rays of a network's measures leave. */
function centresOf(
  { sizes, parameters }: MeasuredNetwork,
  measures: readonly Measure[],
): Task["centres"] {
  const entries = [...byCentre(measures)].map(([centre, own]) => {
    const frozen = own.some(({ method }) => method.frozen);
    const weights = centre?.(sizes, parameters) ?? parameters;
    return [centre, { sizes, parameters: weights, rays: raysOf(own), frozen }] as const;
  });
  return new Map(entries);
}

/** Measures with rays by where they leave. */
function byCentre(measures: readonly Measure[]): Map<MeasureMethod["centre"], Measure[]> {
  return Map.groupBy(measures.filter(({ method }) => method.rays), ({ method }) => method.centre);
}

async function measureTask(
  engine: Engine,
  task: Task,
  { seed, signal, openPart, onNotFinite }: {
    readonly seed: number;
    readonly signal: AbortSignal;
    readonly openPart: OpenPart;
    readonly onNotFinite: ((error: NotFiniteError) => void) | undefined;
  },
): Promise<MeasureValue[]> {
  const { network, measures } = task;
  const { sizes, parameters } = network;
  const whole = { split: "train", gradient: "whole", signal } as const;
  const gradient = once(async () => (await engine.evaluate(sizes, [parameters], whole))[0]!);
  const hessian = once(() => engine.openHessian(sizes, parameters, signal));
  const row: MeasureValue[] = [];
  for (const { name, method } of measures) {
    signal.throwIfAborted();
    const onProgress = openPart(method.passes ?? 0);
    const rayLosses = () => lossesOf(task.centres.get(method.centre)!, method);
    const options = { engine, seed, signal, onProgress, rayLosses, gradient, hessian };
    try {
      row.push(await method.compute(network, options));
      onProgress(1);
    } catch (error) {
      if (!(error instanceof NotFiniteError)) throw error;
      const named = new NotFiniteError(`Cannot measure ${name} as ${error.message}`);
      if (onNotFinite === undefined) throw named;
      onNotFinite(named);
      row.push({ estimate: NaN, standardError: null });
    }
  }
  return row;
}

function once<T>(compute: () => Promise<T>): () => Promise<T> {
  let found: Promise<T> | undefined;
  return () => found ??= compute();
}

/** A measure's own losses: see `ComputeOptions`. */
function lossesOf(
  { rays: all, losses: found }: Centre,
  { rays = [], frozen }: MeasureMethod,
): ReturnType<ComputeOptions["rayLosses"]> {
  const loss = validateFinite(found!.loss, "the loss");
  const losses = rays.map(({ direction, scaling, steps }) => {
    const place = all.findIndex((ray) => ray.direction === direction && ray.scaling === scaling);
    const points = (frozen ? found!.frozen : found!.losses)[place]!;
    return steps.map((step) =>
      validateFinite(
        // -0 is a step of 0 too: indexOf compares as === does.
        points[all[place]!.steps.indexOf(step)]!,
        `the loss at a step of ${step} along direction ${direction}`,
      )
    );
  });
  return { loss, losses };
}

/**
 * Forward passes over the training set of rays around networks that share directions. Ratios are of
 * processor time on MLP_1 and 10,000 images with the CPU engine (OpenBLAS, AMD EPYC, one thread).
 */
function rayPasses(rays: readonly Ray[], networks: number): number {
  const directions = new Set(rays.map(({ direction }) => direction)).size;
  const points = rays.reduce((sum, { steps }) => sum + steps.length, 0);
  return directions + networks * (1 + 0.1 * points);
}

/** Of what each network takes by itself. */
function alonePasses(measures: readonly Measure[]): number {
  return measures.reduce((sum, { method: { passes = 0 } }) => sum + passes, 0);
}

/** Forward passes over the training set that measuring so many networks together takes. */
export function measurePasses(texts: readonly string[], networks: number): number {
  const measures = texts.map(parseMeasure);
  const shared = [...byCentre(measures).values()].map((own) => rayPasses(raysOf(own), networks));
  return shared.reduce((sum, passes) => sum + passes, networks * alonePasses(measures));
}

/** Of all measures: every direction and scaling once, with all its steps, in a fixed order. */
function raysOf(measures: readonly Measure[]): Ray[] {
  const rays = measures.flatMap(({ method }) => method.rays ?? []);
  const united = Map.groupBy(rays, ({ direction, scaling }) => `${direction} ${scaling}`);
  return [...united.values()].map((same): Ray => ({
    ...same[0]!,
    steps: [...new Set(same.flatMap(({ steps }) => steps))].sort((a, b) => a - b),
  })).sort((a, b) => a.direction - b.direction || a.scaling.localeCompare(b.scaling));
}

/**
 * Samples the rise in loss at random points around a network: L(w + r u_k) - L(w), u_k uniform on the
 * unit sphere in R^P, L over all training images of the engine.
 *
 * @param options directions: K, default 49. radius: r, default 5. seed: of the directions, default the
 * study's.
 * @returns `samples` in nats, shape [K], their `mean` and its `standardError`, and `loss`, L(w).
 * @throws {UsageError} If an option is out of its domain.
 * @throws {NotFiniteError} If a loss is NaN or infinite.
 */
export async function sampleSharpness(
  engine: Engine,
  { sizes, parameters }: Pick<MeasuredNetwork, "sizes" | "parameters">,
  { directions = 49, radius = 5, ...options }: {
    readonly directions?: number;
    readonly radius?: number;
    readonly seed?: number;
  } = {},
): Promise<{ loss: number; samples: number[]; mean: number; standardError: number | null }> {
  const text = `sharpness(directions=${directions},radius=${radius})`;
  const [[value]] = await measureNetworks(engine, [{ sizes, parameters }], [[text]], options) as [
    [MeasureValue & { loss: number; samples: number[] }],
  ];
  const { estimate: mean, standardError, loss, samples } = value;
  return { loss, samples, mean, standardError };
}
