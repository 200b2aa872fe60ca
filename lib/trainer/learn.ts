/**
 * Trains stacks of networks until each has passed all stops that are asked of it.
 *
 * @module
 */
import { count, demand, epochs as epochsDomain, learningRate } from "~/lib/domain.ts";
import type { Engine, SharedFloats, StackOptions } from "~/lib/engine.ts";
import { openOptimizer } from "~/lib/optimizer.ts";
import { isFarEnough, type Stop } from "~/lib/trainer/stop.ts";

/** A network in training: what is kept of it, and all that the next epoch depends on. */
export interface Learner {
  readonly learningRate: number;
  /** Flat parameters, shape [P]; those of the last epoch whenever a callback is called with it. */
  readonly parameters: SharedFloats;
  /** The optimizer's state, shape [S * P]. */
  readonly state: SharedFloats;
  /** Mean batch loss of every epoch so far in nats. */
  readonly epochLosses: number[];
  /** Wall time of training so far; a stack's time is shared equally by its members. */
  seconds: number;
  /** Epochs, besides those of the stops, whose networks are wanted. */
  readonly wanted?: ReadonlySet<number>;
}

/** Why training ended: all stops passed, epochs used up, or a loss that is not finite. */
export type Ended = "stopped" | "epoch limit" | "diverged";

/** What is asked, and what happens while a stack learns. */
export interface LearnOptions extends StackOptions {
  /** Networks at these are kept. */
  readonly stops: readonly Stop[];
  /** Whether a learner is trained until it has passed them; else to what it wants. Default: it is. */
  readonly goesOn?: (learner: Learner) => boolean;
  /** Epochs at most. */
  readonly maxEpochs: number;
  /** After every epoch, with the learners still in the stack. */
  readonly onEpoch?: (learners: readonly [Learner, ...Learner[]]) => void;
  /** A network that is to be kept: at a stop, or at an epoch that was wanted. */
  readonly onNetwork: (learner: Learner) => Promise<void>;
  /** A learner is done; its parameters and state are final. Of a diverged one they say nothing. */
  readonly onEnd: (learner: Learner, ended: Ended) => Promise<void>;
  /** The time to keep all that the next epoch depends on. */
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
 * An epoch's loss is the unweighted mean of its batch losses. A loss that is not finite ends a
 * learner's training, and that epoch is no part of its record.
 *
 * @throws {UsageError} If a number is out of its domain; nothing is trained then.
 * @throws The signal's reason, after a checkpoint.
 */
export async function learn(
  engine: Engine,
  learners: readonly Learner[],
  options: LearnOptions,
): Promise<void> {
  const { stops, maxEpochs, onNetwork, onEnd, onEpoch, onCheckpoint, signal } = options;
  checkDomains(options, learners);
  const checkpointSeconds = options.checkpointSeconds ?? CHECKPOINT_SECONDS;
  function endOf(learner: Learner): Ended | undefined {
    const { epochLosses, wanted } = learner;
    const ahead = wanted !== undefined && [...wanted].some((epoch) => epoch > epochLosses.length);
    const goesOn = options.goesOn?.(learner) ?? true;
    if ((!goesOn || isFarEnough(stops, epochLosses)) && !ahead) return "stopped";
    return epochLosses.length >= maxEpochs ? "epoch limit" : undefined;
  }
  let active: Learner[] = [];
  for (const learner of learners) {
    if (isKept(learner, stops)) await onNetwork(learner);
    const ended = endOf(learner);
    if (ended === undefined) active.push(learner);
    else await onEnd(learner, ended);
  }
  if (active.length === 0) return;

  const { sizes, batchSize, optimizer } = options;
  const stack = await engine.createStack(
    { sizes, batchSize, optimizer },
    active.map(({ learningRate, parameters, state, epochLosses }) => (
      { learningRate, parameters, state, epochs: epochLosses.length }
    )),
  );
  let lastCheckpoint = performance.now();
  try {
    while (active.length > 0) {
      const start = performance.now();
      const losses = await stack.trainEpoch();
      const seconds = (performance.now() - start) / 1000 / active.length;
      const ends = active.map((learner, index): Ended | undefined => {
        learner.seconds += seconds;
        if (!Number.isFinite(losses[index])) return "diverged";
        learner.epochLosses.push(losses[index]!);
        return endOf(learner);
      });
      onEpoch?.(active as [Learner, ...Learner[]]);
      const kept = active.map((learner, index) =>
        ends[index] !== "diverged" && isKept(learner, stops)
      );
      if (kept.includes(true) || ends.some((ended) => ended !== undefined)) {
        await stack.save();
        for (const [index, learner] of active.entries()) {
          if (kept[index]) await onNetwork(learner);
          if (ends[index] !== undefined) await onEnd(learner, ends[index]);
        }
        const going = ends.map((ended) => ended === undefined);
        active = active.filter((_, index) => going[index]);
        stack.retain(going);
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

/** Whether the network of the last epoch is at a stop, or wanted for itself. */
function isKept({ epochLosses, wanted }: Learner, stops: readonly Stop[]): boolean {
  const epoch = epochLosses.length;
  return wanted?.has(epoch) || stops.some((stop) => stop.epoch(epochLosses) === epoch);
}

function checkDomains(
  { optimizer, batchSize, maxEpochs }: LearnOptions,
  learners: readonly Learner[],
): void {
  openOptimizer(optimizer);
  demand(count, batchSize, "Cannot train as batch size");
  demand(epochsDomain, maxEpochs, "Cannot train as max epochs");
  for (const learner of learners) {
    demand(learningRate, learner.learningRate, "Cannot train as learning rate");
  }
}
