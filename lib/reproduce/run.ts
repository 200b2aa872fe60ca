/**
 * The whole study headless: train, evaluate, measure whatever is missing.
 *
 * @module
 */
import { setTimeout as delay } from "node:timers/promises";
import { startMeter } from "~/lib/files/progress.ts";
import { type Claim, claim, type Context, readKept } from "~/lib/reproduce/claim.ts";
import {
  libraryOf,
  placed,
  type PlacedOptions,
  revision,
  type RunOptions,
  withEngine,
} from "~/lib/reproduce/options.ts";
import { measure, train } from "~/lib/reproduce/steps.ts";
import { nextStep } from "~/lib/reproduce/next_step.ts";
import { costsLeft, known, planFrom, type Records } from "~/lib/reproduce/plan.ts";
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
  return await runThese(study, listTrajectories(study), placed(given));
}

/** The same of some of its trajectories, for a study that was checked. */
export async function runThese(
  study: Study,
  all: readonly Trajectory[],
  options: PlacedOptions,
): Promise<RunOutcome> {
  const before = await survey(study, all, options);
  options.onPlan?.(await planFrom(study, before.records, options));
  const open = options.fresh ? all : before.open;
  const cachedRuns = all.length - open.length;
  if (open.length === 0 || options.cachedOnly) {
    const records = known(before.records);
    return { records, cachedRuns, computedRuns: 0, missingRuns: open.length };
  }
  revision();
  const { computed, elsewhere } = await compute(study, { ...options, ...before, open });
  const after = await survey(study, all, options);
  const missing = new Set([...after.open, ...elsewhere]);
  const incomplete = missing.size - elsewhere.length;
  if (incomplete > 0) {
    options.onMessage(`${incomplete} runs cannot be completed: see the messages above`);
  }
  const records = known(after.records);
  return { records, cachedRuns, computedRuns: computed, missingRuns: missing.size };
}

/** What there is of a study's trajectories, and which of them lack something. */
interface Survey {
  readonly records: Records;
  readonly open: readonly Trajectory[];
}

async function survey(
  study: Study,
  trajectories: readonly Trajectory[],
  options: PlacedOptions,
): Promise<Survey> {
  const { networks, folders: { results }, onMessage } = options;
  const records = new Map<Trajectory, TrajectoryRecord | undefined>();
  const open: Trajectory[] = [];
  for (const trajectory of trajectories) {
    const record = await readRecord(results, trajectory, onMessage);
    records.set(trajectory, record);
    const kept = networks ? await readKept(options, trajectory) : [];
    const { kind } = nextStep({ study, trajectory, networks }, record, kept);
    if (kind !== "done") open.push(trajectory);
  }
  return { records, open };
}

/** Computes what can be computed. @returns How many, and what other processes hold if none waits. */
async function compute(
  study: Study,
  { records, open, ...options }: PlacedOptions & Survey,
): Promise<{ computed: number; elsewhere: readonly Trajectory[] }> {
  const { wait = true, onProgress, folders: { models } } = options;
  const { signal = new AbortController().signal } = options;
  const costs = await costsLeft(study, records, options);
  const openFirst = [...open, ...records.keys()].map((each) => [each, records.get(each)] as const);
  const prefer = await libraryOf(models, new Map(openFirst));
  return await withEngine(study.images, options, async (opened) => {
    const context = { ...opened, study, options, signal, costs, meter: startMeter(0) };
    let queue = wait ? open : open.toSorted((a, b) => costs.get(b)! - costs.get(a)!);
    let computed = 0;
    for (;;) {
      const { worked, elsewhere } = await workThrough(context, queue);
      computed += worked;
      if (elsewhere.length === 0 || !wait) return { computed, elsewhere };
      queue = elsewhere;
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
 *
 * @returns The number of those that were free and lacked something, now as far as they can be, and
 * those that others hold.
 */
async function workThrough(
  whole: Context,
  trajectories: readonly Trajectory[],
): Promise<{ worked: number; elsewhere: readonly Trajectory[] }> {
  const failure = new AbortController();
  const signal = AbortSignal.any([whole.signal, failure.signal]);
  const work = new Work({ ...whole, signal });
  for (const trajectory of trajectories) whole.meter.expect(whole.costs.get(trajectory)!);
  const left = stacksOf(whole, trajectories).values();
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
class Work {
  readonly held = new Set<Claim>();
  readonly elsewhere: Trajectory[] = [];
  worked = 0;
  /** Trained, and to be measured together. */
  #pending: Claim[] = [];

  constructor(readonly context: Context) {}

  /** Trains those that are free; measures what waits for it, where it is enough. */
  async trainStack(together: readonly Trajectory[]): Promise<void> {
    const stack: Claim[] = [];
    for (const trajectory of together) stack.push(...await this.#take(trajectory));
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
  async #take(trajectory: Trajectory): Promise<Claim[]> {
    const { context: { meter, costs, options: { onMessage } } } = this;
    const found = await claim(this.context, trajectory);
    if (found === undefined) {
      this.elsewhere.push(trajectory);
      meter.expect(-costs.get(trajectory)!);
      return [];
    }
    const fault = found.record && checkProvenance(found.record);
    if (fault !== undefined) {
      onMessage(
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
function stacksOf({ engine }: Context, trajectories: readonly Trajectory[]): Trajectory[][] {
  const stacks: Trajectory[][] = [];
  for (const trajectory of trajectories) {
    const { optimizer, batchSize } = trajectory;
    const open = stacks.find((stack) =>
      stack[0]!.optimizer === optimizer && stack[0]!.batchSize === batchSize &&
      stack.length < engine.stackSize(trajectory)
    );
    if (open === undefined) stacks.push([trajectory]);
    else open.push(trajectory);
  }
  return stacks;
}
