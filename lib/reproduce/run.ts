/**
 * The whole study headless: train, evaluate, measure whatever is missing.
 *
 * @module
 */
import { setTimeout as delay } from "node:timers/promises";
import { startMeter } from "~/lib/files/progress.ts";
import type { Lock } from "~/lib/files/lock.ts";
import { claim, type Context } from "~/lib/reproduce/context.ts";
import { openEngineOnData } from "~/lib/reproduce/engine_on_data.ts";
import { estimateFrom } from "~/lib/reproduce/estimate.ts";
import { evaluateStage, measureStage, type Pending } from "~/lib/reproduce/measure_stage.ts";
import { PROJECT_FOLDERS, type RunOptions } from "~/lib/reproduce/options.ts";
import { type Item, trainStage } from "~/lib/reproduce/train_stage.ts";
import { isDone, missingWork, withNetworks, type Work } from "~/lib/reproduce/work.ts";
import { readRecord, type TrajectoryRecord } from "~/lib/results.ts";
import { initialise } from "~/lib/model.ts";
import { checkStudy, listTrajectories, type Study } from "~/lib/study.ts";
import { CHECKPOINT_SECONDS, listNetworks, type Trajectory } from "~/lib/trainer.ts";

/** What `run` found and did. */
export interface RunOutcome {
  /** One a trajectory that there is a record of, in the grid's order. */
  readonly records: readonly TrajectoryRecord[];
  /** Trajectories of which nothing was missing. */
  readonly cachedRuns: number;
  readonly computedRuns: number;
  /** Trajectories that are still not done: held by other processes, or not to be computed. */
  readonly missingRuns: number;
}

/**
 * Networks that are measured together: enough to share the directions' products, few enough that an
 * interruption costs minutes.
 */
const GROUP = 18;

/**
 * Trains, evaluates and measures what a study's trajectories lack; does nothing where nothing is
 * missing.
 *
 * The data are loaded and the engine is started only if there is something to compute. Another
 * process on the same folders shares the work: a trajectory is claimed by a lock, and whoever runs
 * out of free ones waits for the others' results.
 *
 * @throws {UsageError} If the study is not a valid one; nothing is written then.
 */
export async function run(asked: Study, options: RunOptions = {}): Promise<RunOutcome> {
  const study = checkStudy(asked);
  const { folders = PROJECT_FOLDERS, onMessage = console.error, networks = false } = options;
  const trajectories = listTrajectories(study);
  const records = new Map<Trajectory, TrajectoryRecord>();
  async function lookAt(among: readonly Trajectory[]): Promise<Trajectory[]> {
    const open: Trajectory[] = [];
    for (const trajectory of among) {
      const record = await readRecord(folders.results, trajectory, onMessage);
      if (record !== undefined) records.set(trajectory, record);
      const work = await workOf({ study, folders, networks }, trajectory, record);
      if (!isDone(work)) open.push(trajectory);
    }
    return open;
  }
  const found = await lookAt(trajectories);
  let missing = options.fresh ? trajectories : found;
  const cachedRuns = trajectories.length - missing.length;
  const computed = new Set<Trajectory>();
  if (missing.length > 0 && !options.cachedOnly) {
    const estimate = estimateFrom(study, [...records.values()]);
    const total = missing.reduce((sum, trajectory) => {
      const record = options.fresh ? undefined : records.get(trajectory);
      const work = missingWork(study, trajectory, record);
      return sum + estimate.seconds(trajectory, work, record?.content.epochLosses.length ?? 0);
    }, 0);
    const { engine, data } = await openEngineOnData(study.images, options);
    const context: Context = {
      study,
      folders,
      engine,
      data,
      fresh: options.fresh ?? false,
      networks,
      initialWeights: ({ sizes, seed }) =>
        options.initial === undefined
          ? initialise(sizes, seed)
          : new Float32Array(options.initial.buffer.slice(0)),
      estimate,
      meter: startMeter(total),
      onProgress: options.onProgress ?? ((): void => {}),
      onMessage,
      checkpointSeconds: options.checkpointSeconds ?? CHECKPOINT_SECONDS,
      signal: options.signal ?? new AbortController().signal,
    };
    try {
      while (missing.length > 0) {
        const done = await workThrough(context, missing);
        for (const trajectory of done) computed.add(trajectory);
        const before = missing.length;
        missing = context.fresh
          ? missing.filter((trajectory) => !done.includes(trajectory))
          : await lookAt(missing);
        if (context.fresh) await lookAt(done);
        if (missing.length === 0) break;
        if (done.length > 0 || missing.length < before) continue;
        if (options.wait === false) break;
        context.onProgress(
          context.meter.report(`waiting for another process to finish ${missing.length} runs`),
        );
        await delay(1000, undefined, { signal: context.signal }).catch(() => {});
        context.signal.throwIfAborted();
      }
    } finally {
      await engine.close();
    }
  }
  return {
    records: trajectories.flatMap((trajectory) => records.get(trajectory) ?? []),
    cachedRuns,
    computedRuns: computed.size,
    missingRuns: missing.length,
  };
}

/**
 * Works on trajectories in their order, in as many lanes as the engine has; a lane that finds enough
 * networks to measure measures them while the others train on.
 *
 * @returns Those that were free, and are now as far as they can be.
 */
export async function workThrough(
  context: Context,
  trajectories: readonly Trajectory[],
): Promise<Trajectory[]> {
  const queue = [...trajectories];
  const done: Trajectory[] = [];
  const held = new Map<Item, Lock>();
  let pending: Pending[] = [];
  const failure = new AbortController();
  const signal = AbortSignal.any([context.signal, failure.signal]);
  const shared = { ...context, signal };
  function release(item: Item): void {
    held.get(item)?.release();
    held.delete(item);
    done.push(item.trajectory);
  }
  async function measurePending(): Promise<void> {
    const group = pending;
    pending = [];
    await measureStage(shared, group);
    for (const item of new Set(group.map((each) => each.item))) release(item);
  }
  async function lane(): Promise<void> {
    while (queue.length > 0 && !signal.aborted) {
      const items = await takeStack(shared, queue, held);
      if (items.length === 0) continue;
      await trainStage(shared, items);
      for (const item of items) {
        const wanted = await evaluateStage(shared, item);
        if (wanted.length > 0) pending.push(...wanted);
        else release(item);
      }
      if (pending.length >= GROUP) await measurePending();
    }
  }
  try {
    const lanes = Array.from({ length: context.engine.concurrency }, () =>
      lane().catch((error) => {
        failure.abort(error);
        throw error;
      }));
    const ends = await Promise.allSettled(lanes);
    const failures = ends.flatMap((end) => end.status === "rejected" ? [end.reason] : []);
    if (context.signal.aborted) {
      // A checkpoint that could not be written is no part of what is kept.
      for (const reason of failures) {
        if (reason !== context.signal.reason) context.onMessage((reason as Error).message);
      }
    }
    context.signal.throwIfAborted();
    for (const reason of failures) throw reason;
    if (pending.length > 0) await measurePending();
  } finally {
    for (const lock of held.values()) lock.release();
  }
  return done;
}

/** Takes trajectories that can be trained together from the queue, the first free one and its like. */
async function takeStack(
  context: Context,
  queue: Trajectory[],
  held: Map<Item, Lock>,
): Promise<Item[]> {
  const { engine, folders, fresh, onMessage } = context;
  const items: Item[] = [];
  let training = false;
  for (let index = 0; index < queue.length;) {
    const trajectory = queue[index]!;
    const first = items[0]?.trajectory;
    const alike = first === undefined || (first.optimizer === trajectory.optimizer &&
      first.batchSize === trajectory.batchSize);
    if (!alike) {
      index++;
      continue;
    }
    if (first !== undefined && (!training || items.length >= engine.stackSize(trajectory))) break;
    queue.splice(index, 1);
    const claimed = await claim(context, trajectory);
    if (claimed === undefined) continue;
    try {
      const record = fresh ? undefined : await readRecord(folders.results, trajectory, onMessage);
      const work = await workOf(context, trajectory, record);
      if (isDone(work)) {
        claimed.lock.release();
        continue;
      }
      const item: Item = { ...claimed, record, work };
      held.set(item, claimed.lock);
      items.push(item);
      training = work.train;
    } catch (error) {
      claimed.lock.release();
      throw error;
    }
  }
  return items;
}

async function workOf(
  { study, folders, networks }: Pick<Context, "study" | "folders" | "networks">,
  trajectory: Trajectory,
  record: TrajectoryRecord | undefined,
): Promise<Work> {
  const work = missingWork(study, trajectory, record);
  if (!networks) return work;
  return withNetworks(study, record, work, await listNetworks(folders.models, trajectory));
}
