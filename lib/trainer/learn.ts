/**
 * Trains stacks of networks until each has converged, diverged or used up its epochs.
 *
 * @module
 */
import type { Engine, SharedFloats, StackOptions } from "~/lib/engine.ts";
import { OPTIMIZERS } from "~/lib/optimizer.ts";
import { hasConverged } from "~/lib/trainer/stopping.ts";
import type { TrainingProtocol } from "~/lib/study.ts";
import { isCount } from "~/lib/study.ts";

/** A network in training: what a checkpoint keeps, and all that the next epoch depends on. */
export interface Learner {
  readonly learningRate: number;
  /** Flat parameters, shape [P]; written when a checkpoint is due and at the end. */
  readonly parameters: SharedFloats;
  /** The optimizer's state, shape [stateSlots * P]. */
  readonly state: SharedFloats;
  /** Mean batch loss of every epoch so far in nats. */
  readonly epochLosses: number[];
  /** Wall time of training so far; a stack's time is shared equally by its members. */
  seconds: number;
}

/** Why training ended. */
export type Stopped = "converged" | "epoch limit" | "diverged";

/** What happens while a stack learns. */
export interface LearnOptions {
  /** After every epoch, with the learners still in the stack. */
  readonly onEpoch?: (learners: readonly [Learner, ...Learner[]]) => void;
  /** A learner is done; its parameters are final. */
  readonly onFinish: (learner: Learner, stopped: Stopped) => Promise<void>;
  /** The learners' arrays are those after their last epoch: the time to keep them. */
  readonly onCheckpoint?: (learners: readonly Learner[]) => Promise<void>;
  /** Seconds between checkpoints. */
  readonly checkpointSeconds?: number;
  /** Ends training after the epoch in progress, with a checkpoint, by throwing its reason. */
  readonly signal?: AbortSignal;
}

/** Seconds of work that an interruption may cost at most. */
export const CHECKPOINT_SECONDS = 30;

/**
 * Trains learners of one shape, batch size and optimizer in lock-step, from wherever they are.
 *
 * An epoch's loss is the unweighted mean of its batch losses. Training ends for a learner when
 * `hasConverged` says so, after `maxEpochs` epochs, or when a loss is not finite; that epoch is then
 * not part of its record.
 *
 * @throws {RangeError} If a number is out of its domain; nothing is trained then.
 * @throws The signal's reason, after a checkpoint.
 */
export async function learn(
  engine: Engine,
  learners: readonly Learner[],
  { maxEpochs, onFinish, onEpoch, onCheckpoint, signal, ...options }:
    & StackOptions
    & TrainingProtocol
    & LearnOptions,
): Promise<void> {
  checkNumbers({ maxEpochs, ...options }, learners);
  const checkpointSeconds = options.checkpointSeconds ?? CHECKPOINT_SECONDS;
  function outcome({ epochLosses }: Learner): Stopped | undefined {
    if (hasConverged(epochLosses, options)) return "converged";
    return epochLosses.length >= maxEpochs ? "epoch limit" : undefined;
  }
  let active: Learner[] = [];
  for (const learner of learners) {
    const stopped = outcome(learner);
    if (stopped === undefined) active.push(learner);
    else await onFinish(learner, stopped);
  }
  if (active.length === 0) return;

  const { sizes, batchSize, optimizer } = options;
  const stack = await engine.createStack({ sizes, batchSize, optimizer }, active);
  let lastCheckpoint = performance.now();
  try {
    while (active.length > 0) {
      const start = performance.now();
      const losses = await stack.trainEpoch();
      const seconds = (performance.now() - start) / 1000 / active.length;
      const ends = active.map((learner, index): Stopped | undefined => {
        learner.seconds += seconds;
        if (!Number.isFinite(losses[index])) return "diverged";
        learner.epochLosses.push(losses[index]!);
        return outcome(learner);
      });
      onEpoch?.(active as [Learner, ...Learner[]]);
      if (ends.some((stopped) => stopped !== undefined)) {
        await stack.save();
        for (const [index, stopped] of ends.entries()) {
          if (stopped !== undefined) await onFinish(active[index]!, stopped);
        }
        const keep = ends.map((stopped) => stopped === undefined);
        active = active.filter((_, index) => keep[index]);
        stack.retain(keep);
      }
      const due = performance.now() - lastCheckpoint >= 1000 * checkpointSeconds;
      if (active.length > 0 && (due || signal?.aborted)) {
        await stack.save();
        await onCheckpoint?.(active);
        lastCheckpoint = performance.now();
        signal?.throwIfAborted();
      }
    }
  } finally {
    stack.dispose();
  }
}

function checkNumbers(
  { optimizer, batchSize, maxEpochs, ...stopping }: StackOptions & TrainingProtocol,
  learners: readonly Learner[],
): void {
  const { stoppingCriterion, stoppingCriterionEpochs } = stopping;
  const rates = learners.map(({ learningRate }) => learningRate);
  const rules: [string, unknown, boolean, string][] = [
    ["optimizer", optimizer, OPTIMIZERS.includes(optimizer), OPTIMIZERS.join(" or ")],
    ["batch size", batchSize, isCount(batchSize), "an integer >= 1"],
    ["max epochs", maxEpochs, maxEpochs === 0 || isCount(maxEpochs), "an integer >= 0"],
    ["stopping criterion", stoppingCriterion, stoppingCriterion >= 0, ">= 0"],
    [
      "stopping criterion epochs",
      stoppingCriterionEpochs,
      isCount(stoppingCriterionEpochs),
      "an integer >= 1",
    ],
    [
      "learning rates",
      rates,
      rates.every((rate) => rate >= 0 && rate < Infinity),
      "finite and >= 0",
    ],
  ];
  for (const [name, value, valid, domain] of rules) {
    if (!valid) {
      throw new RangeError(`Cannot train as ${name} must be ${domain}: current value is ${value}`);
    }
  }
}
