/**
 * The whole study headless: train, evaluate, measure whatever is missing.
 *
 * @module
 */
import { setTimeout as delay } from "node:timers/promises";
import { startMeter } from "~/lib/files/progress.ts";
import { initialise } from "~/lib/model.ts";
import {
  claim,
  type Claimed,
  type Context,
  nextOf,
  readKept,
  save,
} from "~/lib/reproduce/claim.ts";
import { libraryOf, openEngineOnData, revision } from "~/lib/reproduce/engine_on_data.ts";
import { estimateFrom } from "~/lib/reproduce/plan.ts";
import { evaluate, measure, type NetworkToMeasure } from "~/lib/reproduce/measure.ts";
import { nextStep, type TrainStep } from "~/lib/reproduce/next_step.ts";
import { PROJECT_FOLDERS, type RunOptions } from "~/lib/reproduce/options.ts";
import { train } from "~/lib/reproduce/train.ts";
import { checkProvenance, readRecord, type TrajectoryRecord } from "~/lib/results.ts";
import { checkStudy, listTrajectories, type Study } from "~/lib/study.ts";
import { describeTrajectory, type Trajectory } from "~/lib/trainer.ts";

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
  const { folders = PROJECT_FOLDERS, onMessage = console.error } = options;
  const { networks = false, fresh = false, cachedOnly = false } = options;
  const all = listTrajectories(study).filter(options.only ?? (() => true));
  const records = new Map<Trajectory, TrajectoryRecord>();
  async function findOpen(among: readonly Trajectory[]): Promise<Trajectory[]> {
    const open: Trajectory[] = [];
    for (const trajectory of among) {
      const record = await readRecord(folders.results, trajectory, onMessage);
      if (record !== undefined) records.set(trajectory, record);
      const kept = networks ? await readKept({ folders, onMessage }, trajectory) : [];
      const { kind } = nextStep({ study, trajectory, networks }, record, kept);
      if (kind !== "done") open.push(trajectory);
    }
    return open;
  }
  const found = await findOpen(all);
  let open = fresh ? all : found;
  const cachedRuns = all.length - open.length;
  const computed = new Set<Trajectory>();
  let incomplete = 0;
  if (open.length > 0 && !cachedOnly) {
    revision();
    const sound = fresh ? open : open.filter((each) => isSound(each, records.get(each), onMessage));
    incomplete = open.length - sound.length;
    open = sound;
    const context = await openContext({ study, folders, open, records }, options);
    if (options.wait === false) open = context.longestFirst(open);
    try {
      while (open.length > 0) {
        const worked = await workThrough(context, open);
        for (const trajectory of worked) computed.add(trajectory);
        incomplete += (await findOpen(worked)).length;
        const others = open.filter((trajectory) => !worked.includes(trajectory));
        const left = fresh ? others : await findOpen(others);
        const isLess = left.length < open.length;
        open = left;
        if (isLess) continue;
        if (options.wait === false) break;
        context.worked(`waiting for another process to finish ${open.length} runs`, []);
        await delay(1000, undefined, { signal: context.signal }).catch(() => {});
        context.signal.throwIfAborted();
      }
    } finally {
      if (options.opened === undefined) await context.engine.close();
    }
    if (incomplete > 0) {
      onMessage(`${incomplete} runs cannot be completed: see the messages above`);
    }
  }
  return {
    records: all.flatMap((trajectory) => records.get(trajectory) ?? []),
    cachedRuns,
    computedRuns: computed.size,
    missingRuns: open.length + incomplete,
  };
}

/** Whether a record can be gone on from; what cannot is said. */
function isSound(
  trajectory: Trajectory,
  record: TrajectoryRecord | undefined,
  onMessage: (message: string) => void,
): boolean {
  const fault = record && checkProvenance(record);
  if (fault !== undefined) {
    const name = describeTrajectory(trajectory);
    onMessage(`${name}: its record is left as it is, as ${fault}; --fresh computes it again`);
  }
  return fault === undefined;
}

/** What is to be done, and what is known of it. */
interface Found extends Pick<Context, "study" | "folders"> {
  readonly open: readonly Trajectory[];
  readonly records: ReadonlyMap<Trajectory, TrajectoryRecord>;
}

/** Loads the data, starts the engine, and keeps account of the seconds that work is expected to take. */
async function openContext(
  { study, folders, open, records }: Found,
  options: RunOptions,
): Promise<Context & { longestFirst(trajectories: readonly Trajectory[]): Trajectory[] }> {
  const { networks = false, fresh = false, initial, onMessage = console.error } = options;
  const estimate = estimateFrom(study, [...records.values()]);
  const whole = new Map<Trajectory, number>();
  for (const trajectory of open) {
    const record = fresh ? undefined : records.get(trajectory);
    const asked = { study, trajectory, networks };
    whole.set(trajectory, await estimate.secondsLeft(asked, record, folders.models));
  }
  const opened = options.opened ?? await openEngineOnData(
    study.images,
    options,
    await libraryOf(folders.models, [...open, ...records.keys()], records),
  );
  const left = new Map(whole);
  const meter = startMeter([...left.values()].reduce((sum, seconds) => sum + seconds, 0));
  function expect(trajectory: Trajectory, seconds: number): void {
    meter.expect(seconds - (left.get(trajectory) ?? 0));
    left.set(trajectory, seconds);
  }
  return {
    ...opened,
    study,
    folders,
    fresh,
    networks,
    estimate,
    checkpointSeconds: options.checkpointSeconds,
    signal: options.signal ?? new AbortController().signal,
    initialWeights: ({ sizes, seed }) =>
      initial === undefined ? initialise(sizes, seed) : new Float32Array(initial.buffer.slice(0)),
    worked(message, parts): void {
      for (const [trajectory, seconds] of parts) {
        // Work beyond what was expected is expected as it is done.
        if (seconds > left.get(trajectory)!) expect(trajectory, seconds);
        left.set(trajectory, left.get(trajectory)! - seconds);
        meter.add(seconds);
      }
      options.onProgress?.(meter.report(message));
    },
    settle: (trajectory, isOurs) => expect(trajectory, isOurs ? whole.get(trajectory)! : 0),
    longestFirst: (trajectories) => trajectories.toSorted((a, b) => whole.get(b)! - whole.get(a)!),
    onMessage,
  };
}

/**
 * Networks that are measured together: enough to share the directions' products, few enough that an
 * interruption costs minutes.
 */
const GROUP = 18;

/**
 * Works on trajectories in their order, in as many lanes as the engine has; a lane that finds enough
 * networks to measure measures them while the others train on.
 *
 * @returns Those that were free and lacked something, now as far as they can be.
 */
async function workThrough(
  whole: Context,
  trajectories: readonly Trajectory[],
): Promise<Trajectory[]> {
  const failure = new AbortController();
  const signal = AbortSignal.any([whole.signal, failure.signal]);
  const context = { ...whole, signal };
  const queue = [...trajectories];
  const done: Trajectory[] = [];
  const held = new Set<Claimed>();
  let pending: NetworkToMeasure[] = [];
  function release(claimed: Claimed): void {
    held.delete(claimed);
    claimed.lock.release();
    context.settle(claimed.trajectory, false);
    done.push(claimed.trajectory);
  }
  async function measurePending(): Promise<void> {
    const group = pending;
    pending = [];
    await measure(context, group);
    for (const claimed of new Set(group.map((each) => each.claimed))) release(claimed);
  }
  async function lane(): Promise<void> {
    while (queue.length > 0 && !signal.aborted) {
      const stack = await takeStack(context, queue, held);
      await trainAll(context, stack);
      for (const claimed of stack) {
        const wanted = await evaluateAll(context, claimed);
        if (wanted.length > 0) pending.push(...wanted);
        else release(claimed);
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
    if (whole.signal.aborted) {
      // A checkpoint that could not be written is no part of what is kept.
      for (const reason of failures) {
        if (reason !== whole.signal.reason) context.onMessage((reason as Error).message);
      }
    }
    whole.signal.throwIfAborted();
    for (const reason of failures) throw reason;
    if (pending.length > 0) await measurePending();
  } finally {
    for (const { lock } of held) lock.release();
  }
  return done;
}

/** Takes what can be trained together from the queue: the first that is free, and its like. */
async function takeStack(
  context: Context,
  queue: Trajectory[],
  held: Set<Claimed>,
): Promise<Claimed[]> {
  const stack: Claimed[] = [];
  for (;;) {
    const first = stack[0]?.trajectory;
    if (first !== undefined && stack.length >= context.engine.stackSize(first)) return stack;
    const index = queue.findIndex(({ optimizer, batchSize }) =>
      first === undefined || (optimizer === first.optimizer && batchSize === first.batchSize)
    );
    if (index < 0) return stack;
    const [trajectory] = queue.splice(index, 1) as [Trajectory];
    const claimed = await claim(context, trajectory);
    const isOurs = claimed !== undefined && nextOf(context, claimed).kind !== "done";
    context.settle(trajectory, isOurs);
    if (isOurs) {
      held.add(claimed);
      stack.push(claimed);
    } else claimed?.lock.release();
  }
}

/** Trains those of a stack that need it; again where a record turned out to be another machine's. */
async function trainAll(context: Context, stack: readonly Claimed[]): Promise<void> {
  for (let time = 0; time < 2; time++) {
    const steps = new Map<Claimed, TrainStep>();
    for (const claimed of stack) {
      const step = nextOf(context, claimed);
      if (step.kind === "train") steps.set(claimed, step);
    }
    if (steps.size > 0) await train(context, steps);
  }
}

/** Evaluates what was not evaluated and writes the record. @returns What is to be measured. */
async function evaluateAll(context: Context, claimed: Claimed): Promise<NetworkToMeasure[]> {
  const step = nextOf(context, claimed);
  if (step.kind === "evaluate") await evaluate(context, claimed, step.epochs);
  const next = nextOf(context, claimed);
  const isMeasured = next.kind === "measure";
  // What is computed afresh takes its predecessor's place when it has its measures too.
  if (!context.fresh || !isMeasured) await save(context, claimed);
  return isMeasured ? [...next.measures].map(([epoch, texts]) => ({ claimed, epoch, texts })) : [];
}
