/**
 * Works on a study's trajectories in as many lanes as the engine has.
 *
 * @module
 */
import type { Lock } from "~/lib/files/lock.ts";
import { claim, type Context, type Item } from "~/lib/reproduce/context.ts";
import { evaluateStage, type Pending, readAgreeing } from "~/lib/reproduce/evaluate_stage.ts";
import { measureStage } from "~/lib/reproduce/measure_stage.ts";
import { trainStage } from "~/lib/reproduce/train_stage.ts";
import { isDone, missingWork, withNetworks, type Work } from "~/lib/reproduce/work.ts";
import { readRecord, type TrajectoryRecord } from "~/lib/results.ts";
import type { Trajectory } from "~/lib/trainer.ts";

/**
 * Networks that are measured together: enough to share the directions' products, few enough that an
 * interruption costs minutes.
 */
const GROUP = 18;

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
    context.share(trajectory, claimed !== undefined);
    if (claimed === undefined) continue;
    try {
      const record = fresh ? undefined : await readRecord(folders.results, trajectory, onMessage);
      const work = await workOf(context, trajectory, record);
      if (isDone(work) || (first !== undefined && !work.train)) {
        claimed.lock.release();
        // Its turn comes when it is the first.
        if (!isDone(work)) queue.splice(index++, 0, trajectory);
        else context.share(trajectory, false);
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

/** What a trajectory lacks, its networks included where the study wants them. */
export async function workOf(
  { study, folders, networks, onMessage }: Pick<
    Context,
    "study" | "folders" | "networks" | "onMessage"
  >,
  trajectory: Trajectory,
  record: TrajectoryRecord | undefined,
): Promise<Work> {
  const work = missingWork(study, trajectory, record);
  if (!networks) return work;
  return await withNetworks(
    study,
    record,
    work,
    async (epoch) =>
      await readAgreeing({ folders, onMessage }, { trajectory, record }, epoch) !== undefined,
  );
}
