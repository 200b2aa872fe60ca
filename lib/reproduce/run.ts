/**
 * The whole study headless: train, evaluate, measure whatever is missing.
 *
 * @module
 */
import { setTimeout as delay } from "node:timers/promises";
import { Meter } from "~/lib/files/progress.ts";
import { type Claim, claim, type Context } from "~/lib/reproduce/claim.ts";
import {
  libraryOf,
  placed,
  type PlacedOptions,
  revision,
  type RunOptions,
  withEngine,
} from "~/lib/reproduce/options.ts";
import { measure, train } from "~/lib/reproduce/steps.ts";
import { planOf, type Survey, survey } from "~/lib/reproduce/plan.ts";
import { checkProvenance, type TrajectoryRecord } from "~/lib/results.ts";
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
  return await runThese(study, listTrajectories(study), placed(given));
}

/** The same of some of its trajectories, for a study that was checked. */
export async function runThese(
  study: Study,
  trajectories: readonly Trajectory[],
  options: PlacedOptions,
): Promise<RunOutcome> {
  const { onMessage, onPlan, cachedOnly } = options;
  const before = await survey(study, trajectories, options, onMessage);
  onPlan?.(await planOf(before, options));
  const open = before.filter(({ isDone }) => !isDone);
  const isIdle = open.length === 0 || cachedOnly;
  const { worked, elsewhere } = isIdle
    ? { worked: 0, elsewhere: [] }
    : await compute(study, before, options);
  const after = isIdle
    ? before
    : await survey(study, trajectories, { ...options, fresh: false }, onMessage);
  const missing = new Set(
    [...after.filter(({ isDone }) => !isDone), ...elsewhere].map(({ trajectory }) => trajectory),
  );
  const incomplete = missing.size - elsewhere.length;
  if (incomplete > 0 && !isIdle) {
    onMessage(`${incomplete} runs cannot be completed: see the messages above`);
  }
  return {
    records: after.flatMap(({ record }) => record ?? []),
    cachedRuns: trajectories.length - open.length,
    computedRuns: worked,
    missingRuns: missing.size,
  };
}

/** What was done. */
interface Worked {
  /** Trajectories that lacked something and are now as far as they can be. */
  readonly worked: number;
  /** Those that other processes hold. */
  readonly elsewhere: readonly Survey[];
}

/** Computes what can be computed; waits for what others hold, unless told not to. */
async function compute(
  study: Study,
  surveyed: readonly Survey[],
  options: PlacedOptions,
): Promise<Worked> {
  const { wait = true, onProgress, folders: { models } } = options;
  const { signal = new AbortController().signal } = options;
  revision();
  let queue = surveyed.filter(({ isDone }) => !isDone);
  const prefer = await libraryOf(models, [...queue, ...surveyed]);
  if (!wait) queue.sort((a, b) => b.cost - a.cost);
  return await withEngine(study.images, options, async (opened) => {
    const context = { ...opened, study, options, signal, meter: new Meter<Trajectory>() };
    for (let all = 0;;) {
      const { worked, elsewhere } = await workThrough(context, queue);
      all += worked;
      if (elsewhere.length === 0 || !wait) return { worked: all, elsewhere };
      queue = [...elsewhere];
      if (worked > 0) continue;
      const waiting = `waiting for another process to finish ${queue.length} runs`;
      onProgress?.(context.meter.report(waiting));
      await delay(1000, undefined, { signal }).catch(() => {});
    }
  }, prefer);
}

/**
 * Networks that are measured together: enough to share the directions' products, few enough that an
 * interruption costs minutes.
 */
const GROUP = 18;

/**
 * Works on trajectories in their order, in as many lanes as the engine has; a lane that finds enough
 * networks to measure measures them while the others train on.
 */
async function workThrough(whole: Context, queue: readonly Survey[]): Promise<Worked> {
  const failure = new AbortController();
  const signal = AbortSignal.any([whole.signal, failure.signal]);
  const work = new Work({ ...whole, signal });
  for (const { trajectory, cost } of queue) whole.meter.expect(trajectory, cost);
  const left = stacksOf(whole, queue).values();
  async function lane(): Promise<void> {
    for (const together of left) {
      if (signal.aborted) return;
      await work.trainStack(together);
    }
  }
  try {
    await Promise.all(
      Array.from({ length: whole.engine.concurrency }, () =>
        lane().catch((error) => {
          // A checkpoint that could not be written is no part of what is kept.
          if (whole.signal.aborted && error !== whole.signal.reason) {
            whole.options.onMessage(error.message);
          }
          failure.abort(error);
        })),
    );
    whole.signal.throwIfAborted();
    failure.signal.throwIfAborted();
    await work.measurePending();
  } finally {
    for (const { lock } of work.held) lock.release();
  }
  return work;
}

/** What all lanes share. */
class Work implements Worked {
  readonly held = new Set<Claim>();
  readonly elsewhere: Survey[] = [];
  worked = 0;
  /** Trained, and to be measured together. */
  #pending: Claim[] = [];

  constructor(readonly context: Context) {}

  /** Trains those that are free; measures what waits for it, where it is enough. */
  async trainStack(together: readonly Survey[]): Promise<void> {
    const stack: Claim[] = [];
    for (const each of together) stack.push(...await this.#take(each));
    // A second time where a record turned out to be another machine's.
    for (let time = 0; time < 2; time++) {
      const lacking = stack.filter((claim) => claim.next().kind === "train");
      if (lacking.length > 0) await train(this.context, lacking);
    }
    for (const claim of stack) {
      const { kind } = claim.next();
      // What is computed afresh takes its predecessor's place when it has its measures too.
      if (kind !== "measure" || !this.context.options.fresh) await claim.save();
      if (kind === "measure") this.#pending.push(claim);
      else this.#release(claim);
    }
    const networks = this.#pending.reduce((sum, claim) => sum + claim.next().measure.size, 0);
    if (networks >= GROUP) await this.measurePending();
  }

  async measurePending(): Promise<void> {
    const group = this.#pending;
    this.#pending = [];
    await measure(this.context, group);
    for (const claim of group) this.#release(claim);
  }

  /** Claims a trajectory that is free, lacks something and has a record that can be gone on with. */
  async #take(asked: Survey): Promise<Claim[]> {
    const { trajectory } = asked;
    const found = await claim(this.context, trajectory);
    if (found === undefined) {
      this.elsewhere.push(asked);
      this.context.meter.expect(trajectory, 0);
      return [];
    }
    const fault = found.record && checkProvenance(found.record);
    if (fault !== undefined) {
      this.context.options.onMessage(
        `${describeTrajectory(trajectory)}: its record is left as it is, as ${fault}; --fresh ` +
          "computes it again",
      );
    } else if (found.next().kind !== "done") {
      this.held.add(found);
      return [found];
    }
    found.release();
    return [];
  }

  #release(claim: Claim): void {
    this.held.delete(claim);
    claim.release();
    this.worked++;
  }
}

/** What can be trained together, in the order of its first: one optimizer and batch size. */
function stacksOf({ engine }: Context, queue: readonly Survey[]): Survey[][] {
  const stacks: Survey[][] = [];
  for (const each of queue) {
    const { optimizer, batchSize } = each.trajectory;
    const open = stacks.find(([first, ...others]) =>
      first!.trajectory.optimizer === optimizer && first!.trajectory.batchSize === batchSize &&
      others.length + 1 < engine.stackSize(each.trajectory)
    );
    if (open === undefined) stacks.push([each]);
    else open.push(each);
  }
  return stacks;
}
