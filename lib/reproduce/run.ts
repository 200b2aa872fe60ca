/**
 * The whole study headless: train, evaluate, measure whatever is missing.
 *
 * @module
 */
import { setTimeout as delay } from "node:timers/promises";
import { startMeter } from "~/lib/files/progress.ts";
import type { Context } from "~/lib/reproduce/context.ts";
import { openEngineOnData } from "~/lib/reproduce/engine_on_data.ts";
import { estimateFrom } from "~/lib/reproduce/estimate.ts";
import { openShare } from "~/lib/reproduce/expectation.ts";
import { PROJECT_FOLDERS, type RunOptions } from "~/lib/reproduce/options.ts";
import { libraryOf } from "~/lib/reproduce/library.ts";
import { secondsLeft } from "~/lib/reproduce/seconds_left.ts";
import { isDone, missingWork } from "~/lib/reproduce/work.ts";
import { workOf, workThrough } from "~/lib/reproduce/work_through.ts";
import { readRecord, type TrajectoryRecord } from "~/lib/results.ts";
import { initialise } from "~/lib/model.ts";
import { checkStudy, listTrajectories, type Study } from "~/lib/study.ts";
import { CHECKPOINT_SECONDS, type Trajectory } from "~/lib/trainer.ts";

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
 * Passes over the same runs that complete none of them: a trajectory that another machine began takes
 * two, one to find out and one to go on.
 */
const PASSES_WITHOUT_PROGRESS = 3;

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
  const trajectories = listTrajectories(study).filter(options.only ?? (() => true));
  const records = new Map<Trajectory, TrajectoryRecord>();
  async function lookAt(among: readonly Trajectory[]): Promise<Trajectory[]> {
    const open: Trajectory[] = [];
    for (const trajectory of among) {
      const record = await readRecord(folders.results, trajectory, onMessage);
      if (record !== undefined) records.set(trajectory, record);
      const work = await workOf({ study, folders, networks, onMessage }, trajectory, record);
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
    const left = new Map<Trajectory, number>();
    for (const trajectory of missing) {
      const record = options.fresh ? undefined : records.get(trajectory);
      const work = missingWork(study, trajectory, record);
      const losses = record?.content.epochLosses ?? [];
      const unfinished = { models: folders.models, trajectory, work, losses };
      left.set(trajectory, await secondsLeft(estimate, unfinished));
    }
    const total = [...left.values()].reduce((sum, seconds) => sum + seconds, 0);
    if (options.wait === false) {
      missing = missing.toSorted((a, b) => left.get(b)! - left.get(a)!);
    }
    const { engine, data } = options.opened ??
      await openEngineOnData(
        study.images,
        options,
        await libraryOf(folders.models, [...missing, ...trajectories], records),
      );
    const meter = startMeter(total);
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
      meter,
      share: openShare(meter, left),
      onProgress: options.onProgress ?? ((): void => {}),
      onMessage,
      checkpointSeconds: options.checkpointSeconds ?? CHECKPOINT_SECONDS,
      signal: options.signal ?? new AbortController().signal,
    };
    let idle = 0;
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
        if (missing.length < before) idle = 0;
        else if (done.length > 0 && ++idle > PASSES_WITHOUT_PROGRESS) {
          onMessage(`${missing.length} runs cannot be completed: see the messages above`);
          break;
        }
        if (done.length > 0 || missing.length < before) continue;
        if (options.wait === false) break;
        context.onProgress(
          context.meter.report(`waiting for another process to finish ${missing.length} runs`),
        );
        await delay(1000, undefined, { signal: context.signal }).catch(() => {});
        context.signal.throwIfAborted();
      }
    } finally {
      if (options.opened === undefined) await engine.close();
    }
  }
  return {
    records: trajectories.flatMap((trajectory) => records.get(trajectory) ?? []),
    cachedRuns,
    computedRuns: computed.size,
    missingRuns: missing.length,
  };
}
