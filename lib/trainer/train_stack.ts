/**
 * Trains stacks of networks until each has passed all stops that are asked of it.
 *
 * @module
 */
import { count, epochs as epochsDomain, learningRate, validate } from "~/lib/domain.ts";
import type { Engine, Member, StackOptions } from "~/lib/engine.ts";
import { isFarEnough, type Stop } from "~/lib/trainer/stop.ts";

/** A network in training: what is kept of it, and all that the next epoch depends on. */
export interface TrainingRun extends Omit<Member, "epochs"> {
  /** Mean batch loss of every epoch so far in nats. */
  readonly epochLosses: number[];
  /** Wall time of training so far; a stack's time is shared equally by its members. */
  seconds: number;
  /** Epochs, besides those of the stops, whose networks are wanted. */
  readonly wanted?: ReadonlySet<number>;
  /** Whether it is trained until it has passed the stops, or to what is wanted. Default true. */
  readonly goesOn?: boolean;
}

/** Why training ended: all stops passed, epochs used up, or a loss that is not finite. */
export type Ended = "stopped" | "epoch limit" | "diverged";

/** What is asked, and what happens while a stack is trained. */
export interface TrainStackOptions<R extends TrainingRun = TrainingRun> extends StackOptions {
  /** Networks at these are kept. */
  readonly stops: readonly Stop[];
  /** Epochs at most. */
  readonly maxEpochs: number;
  /** After every epoch, with the runs still in the stack and the loss of each, finite or not. */
  readonly onEpoch?: (runs: readonly [R, ...R[]], losses: readonly number[]) => void;
  /** A network that is to be kept: at a stop, or at an epoch that was wanted. */
  readonly onNetwork?: (run: R) => Promise<void>;
  /** A run is done; its parameters and state are final. Of a diverged one they say nothing. */
  readonly onEnd: (run: R, ended: Ended) => Promise<void> | void;
  /** The time to keep all that the next epoch depends on. */
  readonly onCheckpoint?: (runs: readonly R[]) => Promise<void>;
  /** Seconds between checkpoints: of work that an interruption may cost. Default 30. */
  readonly checkpointSeconds?: number | undefined;
  /** Ends training after the epoch in progress, with a checkpoint, by throwing its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Trains runs of one shape, batch size and optimizer in lock-step, from wherever they are.
 *
 * An epoch's loss is the unweighted mean of its batch losses. A loss that is not finite ends a run,
 * and that epoch is no part of its record.
 *
 * @throws {UsageError} If a number is out of its domain; nothing is trained then.
 * @throws The signal's reason, after a checkpoint.
 */
export async function trainStack<R extends TrainingRun>(
  engine: Engine,
  runs: readonly R[],
  options: TrainStackOptions<R>,
): Promise<void> {
  const { stops, onNetwork, onEnd, onEpoch, onCheckpoint, signal } = options;
  const { sizes, batchSize, optimizer, maxEpochs, checkpointSeconds = 30 } = options;
  validate(count, batchSize, "Cannot train as batch size");
  validate(epochsDomain, maxEpochs, "Cannot train as max epochs");
  for (const run of runs) validate(learningRate, run.learningRate, "Cannot train as learning rate");
  function isKept({ epochLosses, wanted }: R): boolean {
    const epoch = epochLosses.length;
    return wanted?.has(epoch) || stops.some((stop) => stop.epoch(epochLosses) === epoch);
  }
  function endOf({ epochLosses, wanted = new Set(), goesOn = true }: R): Ended | undefined {
    const epoch = epochLosses.length;
    const hasAll = [...wanted].every((other) => other <= epoch);
    if (hasAll && (!goesOn || isFarEnough(stops, epochLosses))) return "stopped";
    return epoch >= maxEpochs ? "epoch limit" : undefined;
  }
  /** Tells of what an epoch, or none, led to. @returns The runs that go on. */
  async function tell(told: readonly R[], ends: readonly (Ended | undefined)[]): Promise<R[]> {
    for (const [index, run] of told.entries()) {
      if (ends[index] !== "diverged" && isKept(run)) await onNetwork?.(run);
      if (ends[index] !== undefined) await onEnd(run, ends[index]);
    }
    return told.filter((_, index) => ends[index] === undefined);
  }
  let active = await tell(runs, runs.map(endOf));
  if (active.length === 0) return;

  const stack = await engine.createStack(
    { sizes, batchSize, optimizer },
    active.map(({ learningRate, parameters, state, shuffle, epochLosses }) => (
      { learningRate, parameters, state, shuffle, epochs: epochLosses.length }
    )),
  );
  let lastCheckpoint = performance.now();
  try {
    while (active.length > 0) {
      const start = performance.now();
      const losses = await stack.trainEpoch();
      const seconds = (performance.now() - start) / 1000 / active.length;
      const ends = active.map((run, index): Ended | undefined => {
        run.seconds += seconds;
        if (!Number.isFinite(losses[index])) return "diverged";
        run.epochLosses.push(losses[index]!);
        return endOf(run);
      });
      onEpoch?.(active as [R, ...R[]], losses);
      if (ends.some((ended) => ended !== undefined) || active.some(isKept)) {
        await stack.save();
        active = await tell(active, ends);
        stack.retain(ends.map((ended) => ended === undefined));
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
