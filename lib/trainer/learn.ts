/**
 * One network by hand: the counterpart of the original's `learn`.
 *
 * @module
 */
import type { Engine } from "~/lib/engine.ts";
import { initialise, type LayerSizes, MLP_1, type SharedFloats } from "~/lib/model.ts";
import { allocateState } from "~/lib/optimizer.ts";
import { parseStop } from "~/lib/trainer/stop.ts";
import { type Ended, trainStack } from "~/lib/trainer/train_stack.ts";

/** What decides one network. */
export interface LearnOptions {
  readonly learningRate: number;
  readonly batchSize: number;
  /** "epochs:3", "loss:1.5", or the original's rule, "cumulative:1e-4:5": see `parseStop`. */
  readonly stop: string;
  /** Default "SGD". */
  readonly optimizer?: string;
  /** Of the initial weights. Default 0. */
  readonly seed?: number;
  /** Default `MLP_1`. */
  readonly sizes?: LayerSizes;
  /** Default 20,000. */
  readonly maxEpochs?: number;
  /** After every epoch, with its mean batch loss in nats, finite or not. */
  readonly onEpoch?: (epoch: number, loss: number) => void;
}

/** A trained network, and how its training went. */
export interface LearnedNetwork {
  readonly sizes: LayerSizes;
  /** Flat parameters, shape [P]; of a diverged training they say nothing. */
  readonly parameters: SharedFloats;
  /** Mean batch loss of every epoch in nats. */
  readonly epochLosses: readonly number[];
  readonly ended: Ended;
}

/**
 * Trains one network from its initial weights to a stop; nothing is written.
 *
 * @throws {UsageError} If a value is out of its domain; nothing is trained then.
 * @throws {RangeError} If the layer sizes do not fit the images.
 */
export async function learn(engine: Engine, options: LearnOptions): Promise<LearnedNetwork> {
  const { learningRate, batchSize, stop, optimizer = "SGD", seed = 0, sizes = MLP_1 } = options;
  const { maxEpochs = 20_000, onEpoch } = options;
  const stops = [parseStop(stop)];
  const parameters = initialise(sizes, seed);
  const state = allocateState(optimizer, parameters.length);
  const run = { learningRate, parameters, state, epochLosses: [] as number[], seconds: 0 };
  let ended: Ended = "stopped";
  let epoch = 0;
  await trainStack(engine, [run], {
    ...{ sizes, optimizer, batchSize, stops, maxEpochs },
    // One that diverges is no part of the run's losses.
    onEpoch: (_, [loss]) => onEpoch?.(++epoch, loss!),
    onEnd: (_, why) => void (ended = why),
  });
  return { sizes, parameters, epochLosses: run.epochLosses, ended };
}
