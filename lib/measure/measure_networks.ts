/**
 * Measures networks: all rays through the engine together, then each measure's own work.
 *
 * @module
 */
import type { Engine, Hessian, LossGradient, PerturbedLosses, Ray } from "~/lib/engine.ts";
import type { MeasuredNetwork, MeasureValue, RayLosses } from "~/lib/measure/definition.ts";
import type { Measure } from "~/lib/measure/measure.ts";
import { demandFinite } from "~/lib/measure/not_finite_error.ts";
import { groupPasses, groupRays, type RayGroup } from "~/lib/measure/plan.ts";

/** Networks at once at most, each on all threads: one's products fill the other's pauses. */
const LANES = 2;

/** How measuring goes on. */
export interface MeasureOptions {
  /** Of the directions, and of what else is drawn. */
  readonly seed: number;
  /** Share of the work that is done, 0..1, ascending. */
  readonly onProgress?: (done: number) => void;
  /** Aborts between blocks of work with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** A network with what is asked of it. */
export interface MeasureTask {
  readonly network: MeasuredNetwork;
  readonly measures: readonly Measure[];
}

/** See `measureNetworks` at the door. @returns Shape [tasks][measures]. */
export async function computeMeasures(
  engine: Engine,
  tasks: readonly MeasureTask[],
  { seed, onProgress, signal }: MeasureOptions,
): Promise<MeasureValue[][]> {
  const groups = groupTasks(tasks);
  const total = tasksPasses(tasks, groups);
  let finished = 0;
  const advance = (passes: number): void => {
    finished += passes;
    onProgress?.(Math.min(1, finished / total));
  };
  /** Progress of work of so many passes, from the share of it that is done. */
  const advanceIn = (passes: number): (share: number) => void => {
    let before = 0;
    return (share) => {
      advance(passes * (share - before));
      before = share;
    };
  };
  const common = { seed, ...(signal ? { signal } : {}) };
  const losses: PerturbedLosses[] = [];
  const united: (readonly Ray[])[] = [];
  for (const { networks, rays, frozen } of groups) {
    signal?.throwIfAborted();
    const onShare = advanceIn(groupPasses({ networks, rays, frozen }));
    const perturbed = await engine.perturbedLosses(
      tasks[networks[0]!]!.network.sizes,
      networks.map((place) => tasks[place]!.network.parameters),
      { ...common, rays, frozen, onProgress: (done, all) => onShare(done / all) },
    );
    for (const [index, place] of networks.entries()) {
      losses[place] = perturbed[index]!;
      united[place] = rays;
    }
    onShare(1);
  }
  const values: MeasureValue[][] = [];
  const left = tasks.entries();
  const failure = new AbortController();
  const either = AbortSignal.any([failure.signal, ...(signal ? [signal] : [])]);
  async function valuesOf(
    place: number,
    { network, measures }: MeasureTask,
  ): Promise<MeasureValue[]> {
    const shared = shareNetwork(engine, network);
    const row: MeasureValue[] = [];
    for (const { name, method, passes } of measures) {
      either.throwIfAborted();
      if (method.kind === "evaluation") row.push(method.estimate(network));
      else if (method.kind === "rays") {
        const own = pickLosses(losses[place]!, { measure: name, all: united[place]!, ...method });
        row.push(method.estimate(own, network));
      } else {
        const onProgress = advanceIn(passes);
        row.push(await method.compute(shared, network, { seed, signal: either, onProgress }));
        onProgress(1);
      }
    }
    return row;
  }
  async function lane(): Promise<void> {
    for (const [place, task] of left) values[place] = await valuesOf(place, task);
  }
  const lanes = Math.min(LANES, engine.concurrency);
  await Promise.all(
    Array.from({ length: lanes }, () => lane().catch((error) => failure.abort(error))),
  );
  either.throwIfAborted();
  onProgress?.(1);
  return values;
}

/** The engine for one network's measures: what several ask for at the network itself is computed once. */
function shareNetwork(engine: Engine, { parameters }: MeasuredNetwork): Engine {
  let gradient: Promise<LossGradient[]> | undefined;
  let hessian: Promise<Hessian> | undefined;
  return {
    ...engine,
    gradients(sizes, models, options): Promise<LossGradient[]> {
      const isOwn = models.length === 1 && models[0] === parameters;
      if (!isOwn) return engine.gradients(sizes, models, options);
      return gradient ??= engine.gradients(sizes, models, options);
    },
    openHessian(sizes, model, options): Promise<Hessian> {
      if (model !== parameters) return engine.openHessian(sizes, model, options);
      return hessian ??= engine.openHessian(sizes, model, options);
    },
  };
}

/** Forward passes over the training set that tasks take together, what is shared counted once. */
export function tasksPasses(
  tasks: readonly MeasureTask[],
  groups: readonly RayGroup[] = groupTasks(tasks),
): number {
  const alone = tasks.flatMap(({ measures }) => measures)
    .filter(({ method }) => method.kind !== "rays");
  return groups.reduce((sum, group) => sum + groupPasses(group), 0) +
    alone.reduce((sum, { passes }) => sum + passes, 0);
}

function groupTasks(tasks: readonly MeasureTask[]): RayGroup[] {
  return groupRays(tasks.map(({ network, measures }) => {
    const methods = measures.map(({ method }) => method).filter(({ kind }) => kind === "rays");
    return {
      sizes: network.sizes,
      rays: methods.flatMap((method) => method.kind === "rays" ? method.rays : []),
      frozen: methods.some((method) => method.kind === "rays" && method.frozen),
    };
  }));
}

interface Pick {
  readonly measure: string;
  /** Rays that were computed. */
  readonly all: readonly Ray[];
  /** Rays that the measure asked for. */
  readonly rays: readonly Ray[];
  readonly frozen: boolean;
}

/** A measure's own losses, all finite. */
function pickLosses(computed: PerturbedLosses, { measure, all, rays, frozen }: Pick): RayLosses {
  const places = new Map(all.map((ray, place) => [`${ray.direction} ${ray.scaling}`, place]));
  const pick = (table: PerturbedLosses["losses"]): number[][] =>
    rays.map(({ direction, scaling, steps }) => {
      const place = places.get(`${direction} ${scaling}`)!;
      return steps.map((step) =>
        demandFinite(
          // -0 is a step of 0 too: indexOf compares as === does.
          table[place]![all[place]!.steps.indexOf(step)]!,
          measure,
          `the loss at a step of ${step} along direction ${direction}`,
        )
      );
    });
  return {
    loss: demandFinite(computed.loss, measure, "the loss"),
    losses: frozen ? [] : pick(computed.losses),
    frozen: frozen ? pick(computed.frozen) : [],
  };
}
