/**
 * The whole study headless: train, evaluate, measure whatever is missing.
 *
 * @module
 */
import { setTimeout as delay } from "node:timers/promises";
import { startMeter } from "~/lib/files/progress.ts";
import { claim, type Claimed, type Context, nextOf, readKept } from "~/lib/reproduce/claim.ts";
import { libraryOf, openEngineOnData, revision } from "~/lib/reproduce/engine_on_data.ts";
import { evaluate, measure, type NetworkToMeasure } from "~/lib/reproduce/measure.ts";
import { nextStep } from "~/lib/reproduce/next_step.ts";
import { placed, type PlacedOptions, type RunOptions } from "~/lib/reproduce/options.ts";
import { estimateFrom, planFrom } from "~/lib/reproduce/plan.ts";
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
export async function run(asked: Study, given: RunOptions = {}): Promise<RunOutcome> {
  const study = checkStudy(asked);
  const options = placed(given);
  const all = listTrajectories(study).filter(options.only ?? (() => true));
  const before = await survey(study, all, options);
  if (options.onPlan !== undefined) {
    const listed = all.map((trajectory) => [trajectory, before.records.get(trajectory)] as const);
    options.onPlan(await planFrom(study, listed, options));
  }
  const open = options.fresh ? all : before.open;
  const cachedRuns = all.length - open.length;
  if (open.length === 0 || options.cachedOnly) {
    const records = [...before.records.values()];
    return { records, cachedRuns, computedRuns: 0, missingRuns: open.length };
  }
  revision();
  const { computed, elsewhere } = await compute({ ...before, study, options, open });
  const after = await survey(study, all, options);
  const missing = new Set([...after.open, ...elsewhere]);
  const incomplete = missing.size - elsewhere.length;
  if (incomplete > 0) {
    options.onMessage(`${incomplete} runs cannot be completed: see the messages above`);
  }
  const records = [...after.records.values()];
  return { records, cachedRuns, computedRuns: computed, missingRuns: missing.size };
}

/** What there is of a study's trajectories. */
interface Survey {
  readonly records: ReadonlyMap<Trajectory, TrajectoryRecord>;
  /** Those that lack something. */
  readonly open: readonly Trajectory[];
}

async function survey(
  study: Study,
  trajectories: readonly Trajectory[],
  options: PlacedOptions,
): Promise<Survey> {
  const { networks, folders: { results }, onMessage } = options;
  const records = new Map<Trajectory, TrajectoryRecord>();
  const open: Trajectory[] = [];
  for (const trajectory of trajectories) {
    const record = await readRecord(results, trajectory, onMessage);
    if (record !== undefined) records.set(trajectory, record);
    const kept = networks ? await readKept(options, trajectory) : [];
    const { kind } = nextStep({ study, trajectory, networks }, record, kept);
    if (kind !== "done") open.push(trajectory);
  }
  return { records, open };
}

/** What is to be computed. */
type Task = Survey & Pick<Context, "study" | "options">;

/** Computes what can be computed. @returns How many, and what other processes hold if none waits. */
async function compute(task: Task): Promise<{ computed: number; elsewhere: Trajectory[] }> {
  const { options: { fresh, wait = true, opened }, records } = task;
  const open = task.open.filter((trajectory) => {
    const record = fresh ? undefined : records.get(trajectory);
    const fault = record && checkProvenance(record);
    if (fault === undefined) return true;
    task.options.onMessage(
      `${describeTrajectory(trajectory)}: its record is left as it is, as ${fault}; --fresh ` +
        "computes it again",
    );
    return false;
  });
  const { longestFirst, ...context } = await openContext({ ...task, open });
  let computed = 0;
  try {
    for (let queue = wait ? open : longestFirst;;) {
      const { worked, elsewhere } = await workThrough(context, queue);
      computed += worked;
      if (elsewhere.length === 0 || !wait) return { computed, elsewhere };
      queue = elsewhere;
      if (worked > 0) continue;
      context.worked(`waiting for another process to finish ${queue.length} runs`, []);
      await delay(1000, undefined, { signal: context.signal }).catch(() => {});
    }
  } finally {
    if (opened === undefined) await context.engine.close();
  }
}

/** Loads the data, starts the engine, and keeps account of the seconds that work is expected to take. */
async function openContext(
  { study, options, records, open }: Task,
): Promise<Context & { longestFirst: readonly Trajectory[] }> {
  const { networks, fresh, folders: { models } } = options;
  const estimate = estimateFrom(study, [...records.values()]);
  const whole = new Map<Trajectory, number>();
  for (const trajectory of open) {
    const record = fresh ? undefined : records.get(trajectory);
    const asked = { study, trajectory, networks };
    whole.set(trajectory, await estimate.secondsLeft(asked, record, models));
  }
  const opened = options.opened ?? await openEngineOnData(
    study.images,
    options,
    await libraryOf(models, [...open, ...records.keys()], records),
  );
  const left = new Map(whole);
  const meter = startMeter([...left.values()].reduce((sum, seconds) => sum + seconds, 0));
  return {
    ...{ ...opened, study, options, estimate },
    signal: options.signal ?? new AbortController().signal,
    longestFirst: open.toSorted((a, b) => whole.get(b)! - whole.get(a)!),
    worked(message, parts): void {
      for (const [trajectory, seconds] of parts) {
        const expected = left.get(trajectory)!;
        // Work beyond what was expected is expected as it is done.
        meter.expect(Math.max(0, seconds - expected));
        meter.add(seconds);
        left.set(trajectory, Math.max(0, expected - seconds));
      }
      options.onProgress?.(meter.report(message));
    },
    settle(trajectory, isOurs): void {
      const seconds = isOurs ? whole.get(trajectory)! : 0;
      meter.expect(seconds - left.get(trajectory)!);
      left.set(trajectory, seconds);
    },
  };
}

/**
 * Networks that are measured together: enough to share the directions' products, few enough that an
 * interruption costs minutes.
 */
const GROUP = 18;

/** Trajectories that are being worked on. */
interface Work {
  /** To be looked at. */
  readonly queue: Trajectory[];
  /** Whose locks this process holds. */
  readonly claimed: Set<Claimed>;
  /** Whose locks others hold. */
  readonly elsewhere: Trajectory[];
}

/**
 * Works on trajectories in their order, in as many lanes as the engine has; a lane that finds enough
 * networks to measure measures them while the others train on.
 *
 * @returns The number of those that were free and lacked something, now as far as they can be, and
 * those that others hold.
 */
async function workThrough(
  whole: Context,
  trajectories: readonly Trajectory[],
): Promise<{ worked: number; elsewhere: Trajectory[] }> {
  const failure = new AbortController();
  const signal = AbortSignal.any([whole.signal, failure.signal]);
  const context = { ...whole, signal };
  const work: Work = { queue: [...trajectories], claimed: new Set(), elsewhere: [] };
  let pending: NetworkToMeasure[] = [];
  let worked = 0;
  function release(claimed: Claimed): void {
    work.claimed.delete(claimed);
    claimed.lock.release();
    context.settle(claimed.trajectory, false);
    worked++;
  }
  async function measurePending(): Promise<void> {
    const group = pending;
    pending = [];
    await measure(context, group);
    for (const claimed of new Set(group.map((each) => each.claimed))) release(claimed);
  }
  async function lane(): Promise<void> {
    while (work.queue.length > 0 && !signal.aborted) {
      const stack = await takeStack(context, work);
      // A second time where a record turned out to be another machine's.
      for (let time = 0; time < 2; time++) {
        const lacking = stack.filter((claimed) => nextOf(context, claimed).kind === "train");
        if (lacking.length > 0) await train(context, lacking);
      }
      for (const claimed of stack) {
        const wanted = await evaluate(context, claimed);
        pending.push(...wanted);
        if (wanted.length === 0) release(claimed);
      }
      if (pending.length >= GROUP) await measurePending();
    }
  }
  try {
    const lanes = Array.from({ length: context.engine.concurrency }, lane);
    for (const each of lanes) each.catch((error) => failure.abort(error));
    const failures = (await Promise.allSettled(lanes)).flatMap((end) =>
      end.status === "rejected" ? [end.reason as Error] : []
    );
    if (whole.signal.aborted) {
      // A checkpoint that could not be written is no part of what is kept.
      const others = failures.filter((reason) => reason !== whole.signal.reason);
      for (const { message } of others) context.options.onMessage(message);
    }
    whole.signal.throwIfAborted();
    for (const reason of failures) throw reason;
    if (pending.length > 0) await measurePending();
  } finally {
    for (const { lock } of work.claimed) lock.release();
  }
  return { worked, elsewhere: work.elsewhere };
}

/** Takes what can be trained together from the queue: the first that is free, and its like. */
async function takeStack(
  context: Context,
  { queue, claimed, elsewhere }: Work,
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
    const found = await claim(context, trajectory);
    const isOurs = found !== undefined && nextOf(context, found).kind !== "done";
    context.settle(trajectory, isOurs);
    if (isOurs) {
      claimed.add(found);
      stack.push(found);
    } else if (found === undefined) elsewhere.push(trajectory);
    else found.lock.release();
  }
}
