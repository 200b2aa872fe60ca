/**
 * The whole study headless: train, evaluate, measure whatever is missing.
 *
 * @module
 */
import { setTimeout as delay } from "node:timers/promises";
import { plural } from "~/lib/files/numbers.ts";
import { Meter } from "~/lib/files/progress.ts";
import { type Claim, claim, type Context } from "~/lib/reproduce/claim.ts";
import {
  checkInitial,
  type FilledOptions,
  libraryOf,
  revision,
  type RunOptions,
  withDefaults,
  withEngine,
} from "~/lib/reproduce/options.ts";
import { measure, train } from "~/lib/reproduce/steps.ts";
import { inspect, type Inspected, type Plan, planOf } from "~/lib/reproduce/plan.ts";
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
 * @throws {UsageError} If the study is not a valid one, or names initial weights that are not given (or the
 * other way round); nothing is written then.
 */
export async function run(
  asked: Study,
  { onPlan, trajectories: some, ...given }: RunOptions & {
    /** Some of the study's; default: all. */
    readonly trajectories?: readonly Trajectory[];
    /** Told once what there is and what is missing, before anything is computed. */
    readonly onPlan?: (plan: Plan) => void;
  } = {},
): Promise<RunOutcome> {
  const study = checkStudy(asked);
  const trajectories = some ?? listTrajectories(study);
  const options = withDefaults(given);
  const { onMessage, cachedOnly } = options;
  const before = await inspect(study, trajectories, options, onMessage);
  onPlan?.(await planOf(before, options));
  const open = before.filter(({ isDone }) => !isDone);
  const isIdle = open.length === 0 || cachedOnly;
  const { worked, elsewhere } = isIdle
    ? { worked: 0, elsewhere: [] }
    : await compute(study, before, options);
  const after = isIdle
    ? before
    : await inspect(study, trajectories, { ...options, fresh: false }, onMessage);
  const missing = new Set(
    [...after.filter(({ isDone }) => !isDone), ...elsewhere].map(({ trajectory }) => trajectory),
  );
  const incomplete = missing.size - elsewhere.length;
  if (incomplete > 0 && !isIdle) {
    onMessage(`${plural(incomplete, "run")} cannot be completed: see the messages above`);
  }
  return {
    records: after.flatMap(({ record }) => record ?? []),
    cachedRuns: trajectories.length - open.length,
    computedRuns: worked,
    missingRuns: missing.size,
  };
}

/** Trajectories that lacked something and are now as far as they can be; those that others held. */
interface Worked {
  readonly worked: number;
  readonly elsewhere: readonly Inspected[];
}

/** Computes what can be computed; waits for what others hold, unless told not to. */
async function compute(
  study: Study,
  inspected: readonly Inspected[],
  options: FilledOptions,
): Promise<Worked> {
  const { wait = true, onProgress, folders: { models } } = options;
  const { signal = new AbortController().signal } = options;
  checkInitial(study, options);
  revision();
  const queue = inspected.filter(({ isDone }) => !isDone);
  const prefer = await libraryOf(models, [...queue, ...inspected]);
  if (!wait) queue.sort((a, b) => b.cost - a.cost);
  return await withEngine(study.images, options, async (opened) => {
    const meter = new Meter<Trajectory>();
    let [worked, left]: [number, readonly Inspected[]] = [0, queue];
    for (;;) {
      const done = await work({ ...opened, study, options, signal, meter }, left);
      [worked, left] = [worked + done.worked, done.elsewhere];
      if (left.length === 0 || !wait) return { worked, elsewhere: left };
      if (done.worked > 0) continue;
      onProgress?.(
        meter.report(`waiting for another process to finish ${plural(left.length, "run")}`),
      );
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
 * Works through a queue once, in as many lanes as the engine has; a lane that finds enough networks to
 * measure measures them while the others train on.
 */
async function work(whole: Context, queue: readonly Inspected[]): Promise<Worked> {
  const { engine: { concurrency }, meter, options: { fresh, onMessage } } = whole;
  const failure = new AbortController();
  const context = { ...whole, signal: AbortSignal.any([whole.signal, failure.signal]) };
  const elsewhere: Inspected[] = [];
  const held = new Set<Claim>();
  let [pending, worked]: [Claim[], number] = [[], 0];
  function finish(claim: Claim): void {
    held.delete(claim);
    claim.release();
    worked++;
  }
  async function measurePending(): Promise<void> {
    const group = pending;
    pending = [];
    await measure(context, group);
    group.forEach(finish);
  }
  async function claimFree(asked: Inspected): Promise<Claim[]> {
    const found = await claim(context, asked.trajectory);
    if (found === undefined) {
      elsewhere.push(asked);
      meter.expect(asked.trajectory, 0);
    } else if (canBeWorkedOn(found)) {
      held.add(found);
      return [found];
    } else found.release();
    return [];
  }
  /** Trains those that are free; measures what waits for it, where it is enough. */
  async function trainTogether(together: readonly Inspected[]): Promise<void> {
    const stack = (await Array.fromAsync(together, claimFree)).flat();
    // A second time where a record turned out to be another machine's.
    for (let time = 0; time < 2; time++) {
      const lacking = stack.filter((claim) => claim.next().kind === "train");
      if (lacking.length > 0) await train(context, lacking);
    }
    for (const claim of stack) {
      const { kind } = claim.next();
      // What is computed afresh takes its predecessor's place when it has its measures too.
      if (kind !== "measure" || !fresh) await claim.save();
      if (kind === "measure") pending.push(claim);
      else finish(claim);
    }
    const networks = pending.reduce((sum, claim) => sum + claim.next().measure.size, 0);
    if (networks >= GROUP) await measurePending();
  }
  async function lane(left: Iterable<readonly Inspected[]>): Promise<void> {
    try {
      for (const together of left) {
        if (context.signal.aborted) return;
        await trainTogether(together);
      }
    } catch (error) {
      // A checkpoint that could not be written is no part of what is kept.
      if (whole.signal.aborted && error !== whole.signal.reason) {
        onMessage((error as Error).message);
      }
      failure.abort(error);
    }
  }
  for (const { trajectory, cost } of queue) meter.expect(trajectory, cost);
  const left = stacksOf(whole, queue).values();
  try {
    await Promise.all(Array.from({ length: concurrency }, () => lane(left)));
    context.signal.throwIfAborted();
    await measurePending();
    return { worked, elsewhere };
  } finally {
    for (const { lock } of held) lock.release();
  }
}

/** Whether a trajectory lacks something, and its record can be gone on with. */
function canBeWorkedOn(claim: Claim): boolean {
  const fault = claim.record && checkProvenance(claim.record);
  if (fault === undefined) return claim.next().kind !== "done";
  claim.context.options.onMessage(
    `${describeTrajectory(claim.trajectory)}: its record is left as it is, as ${fault}; --fresh ` +
      "computes it again",
  );
  return false;
}

/** What can be trained together, in the order of its first: one optimizer and batch size. */
function stacksOf({ engine }: Context, queue: readonly Inspected[]): Inspected[][] {
  const stacks: Inspected[][] = [];
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
