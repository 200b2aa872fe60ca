/**
 * Trains the runs that have neither a result nor a model, in stacks, as many at once as the engine
 * has lanes for.
 *
 * @module
 */
import type { EngineInfo } from "~/lib/engine.ts";
import type { Lock } from "~/lib/files/lock.ts";
import { initialise } from "~/lib/model.ts";
import { allocateState } from "~/lib/optimizer.ts";
import { type Claim, claim, type Context, releasedOnFailure } from "~/lib/reproduce/context.ts";
import { epochCost, trainingCost } from "~/lib/reproduce/cost.ts";
import {
  type ModelRecord,
  readCheckpoint,
  readModel,
  readResult,
  removeCheckpoint,
  writeCheckpoint,
  writeModel,
  writeResult,
} from "~/lib/results.ts";
import { type RunConfig, runPath, type TrainingProtocol } from "~/lib/study.ts";
import { learn, type Learner, type Stopped } from "~/lib/trainer.ts";

/** A claimed run with its network. */
interface Pupil extends Claim {
  readonly learner: Learner;
  /** Every engine that has trained it. */
  readonly engines: EngineInfo[];
}

/** Which runs count as trained. */
export interface TrainRunsOptions {
  /** A result does not replace a model. Default false. */
  readonly evenWithResult?: boolean;
}

/** Trains what is missing and free. @returns How many runs were trained, and diverged among them. */
export async function trainRuns(
  context: Context,
  configs: readonly RunConfig[],
  { evenWithResult = false }: TrainRunsOptions = {},
): Promise<{ trained: number; diverged: number }> {
  const { engine, study } = context;
  // The longest first, so that no lane is left alone with a long one at the end.
  const queue = [...configs].sort((a, b) => trainingCost(study, b) - trainingCost(study, a));
  const failure = new AbortController();
  const signal = AbortSignal.any([context.signal, failure.signal]);
  let trained = 0;
  let diverged = 0;
  async function lane(): Promise<void> {
    while (queue.length > 0 && !signal.aborted) {
      const pupils = await takeStack(context, queue, evenWithResult);
      try {
        const ended = await trainStack({ ...context, signal }, pupils);
        diverged += ended.filter((stopped) => stopped === "diverged").length;
        trained += pupils.length;
      } finally {
        for (const { lock } of pupils) lock.release();
      }
    }
  }
  const lanes = Array.from({ length: engine.concurrency }, () =>
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
  return { trained, diverged };
}

/** Takes runs that can be trained together from the queue, the first free one and its like. */
function takeStack(
  context: Context,
  queue: RunConfig[],
  evenWithResult: boolean,
): Promise<Pupil[]> {
  const { engine, study: { training: { sizes } } } = context;
  const held = new Set<Lock>();
  return releasedOnFailure(held, async () => {
    const pupils: Pupil[] = [];
    for (let index = 0; index < queue.length;) {
      const config = queue[index]!;
      const { optimizer, batchSize } = config;
      const first = pupils[0]?.config;
      if (first && (first.optimizer !== optimizer || first.batchSize !== batchSize)) {
        index++;
        continue;
      }
      if (pupils.length >= engine.stackSize({ sizes, optimizer, batchSize })) break;
      queue.splice(index, 1);
      const claimed = await claim(context, config);
      if (claimed === undefined) continue;
      held.add(claimed.lock);
      if (await isTrained(context, claimed, evenWithResult)) {
        held.delete(claimed.lock);
        claimed.lock.release();
      } else pupils.push(await startOrResume(context, claimed));
    }
    return pupils;
  });
}

async function isTrained(
  { onMessage }: Context,
  { files }: Claim,
  evenWithResult: boolean,
): Promise<boolean> {
  if (!evenWithResult && await readResult(files, onMessage) !== undefined) return true;
  if (await readModel(files, onMessage) === undefined) return false;
  // Its process may have been killed between the two.
  await removeCheckpoint(files);
  return true;
}

async function startOrResume(context: Context, claimed: Claim): Promise<Pupil> {
  const { files, config } = claimed;
  const { engine, meter, onMessage, study } = context;
  const { sizes } = study.training;
  const checkpoint = await readCheckpoint(files, onMessage);
  const parameters = checkpoint?.model.parameters ?? initialise(sizes, config.seed);
  const state = allocateState(config.optimizer, parameters.length);
  if (checkpoint) state.set(checkpoint.model.state);
  const epochLosses = checkpoint?.record.epochLosses ?? [];
  if (checkpoint) onMessage(`${runPath(config)}: going on after epoch ${epochLosses.length}`);
  meter.add(epochLosses.length * epochCost(study, config));
  const engines = checkpoint?.record.engines ?? [];
  return {
    ...claimed,
    learner: {
      learningRate: config.learningRate,
      parameters,
      state,
      epochLosses,
      seconds: checkpoint?.seconds ?? 0,
    },
    engines: engines.some((info) => JSON.stringify(info) === JSON.stringify(engine.info))
      ? engines
      : [...engines, engine.info],
  };
}

/** Trains a stack to its end. @returns Why each of its runs ended. */
async function trainStack(context: Context, pupils: readonly Pupil[]): Promise<Stopped[]> {
  const [first] = pupils;
  if (first === undefined) return [];
  const ended: Stopped[] = [];
  const { engine, study, meter, onProgress, signal, checkpointSeconds } = context;
  const byLearner = new Map(pupils.map((pupil) => [pupil.learner, pupil]));
  const { optimizer, batchSize } = first.config;
  await learn(engine, pupils.map(({ learner }) => learner), {
    ...study.training,
    optimizer,
    batchSize,
    signal,
    checkpointSeconds,
    onEpoch(learners): void {
      meter.add(learners.length * epochCost(study, first.config));
      const { epochLosses } = learners[0];
      const others = learners.length > 1 ? ` and ${learners.length - 1} more` : "";
      onProgress(meter.report(
        `${runPath(byLearner.get(learners[0])!.config)}${others}: ` +
          `epoch ${epochLosses.length}, loss ${epochLosses.at(-1)?.toFixed(4)}`,
      ));
    },
    async onCheckpoint(learners): Promise<void> {
      for (const learner of learners) {
        const { files, config, engines } = byLearner.get(learner)!;
        const { epochLosses, seconds } = learner;
        const { data } = context;
        const record = { config, protocol: protocolOf(context), data, engines, epochLosses };
        await writeCheckpoint(files, learner, { record, seconds });
      }
    },
    async onFinish(learner, stopped): Promise<void> {
      const unused = study.training.maxEpochs - learner.epochLosses.length;
      meter.add(unused * epochCost(study, first.config));
      ended.push(await finish(context, byLearner.get(learner)!, stopped));
    },
  });
  return ended;
}

/** Evaluates a trained network and writes its model; a diverged one has a result at once. */
async function finish(context: Context, pupil: Pupil, stopped: Stopped): Promise<Stopped> {
  const { files, learner: { parameters, epochLosses, seconds }, config, engines } = pupil;
  const { engine, data, study } = context;
  const start = performance.now();
  const training = await evaluateTrained(
    { engine, protocol: study.training },
    parameters,
    { epochLosses, stopped },
  );
  const record: ModelRecord = { config, protocol: protocolOf(context), data, engines, training };
  const trainSeconds = seconds + (performance.now() - start) / 1000;
  if (training.stopped !== "diverged") {
    await writeModel(files, parameters, { record, seconds: trainSeconds });
    return training.stopped;
  }
  context.onMessage(
    `${runPath(config)}: training diverged in epoch ${epochLosses.length + 1}; recorded as such`,
  );
  const protocol = { ...record.protocol, ...study.sharpness };
  await writeResult(files, {
    run: {
      config,
      protocol,
      data,
      engines: { training: engines, sharpness: null },
      training,
      sharpness: null,
    },
    timing: {
      trainSeconds,
      sharpnessSeconds: 0,
      threads: engine.concurrency,
      finished: new Date().toISOString(),
    },
  });
  await removeCheckpoint(files);
  return training.stopped;
}

/** The training record of a network; one whose evaluation is not finite has diverged. */
export async function evaluateTrained(
  { engine, protocol: { sizes } }: Pick<Context, "engine"> & { protocol: TrainingProtocol },
  parameters: Learner["parameters"],
  { epochLosses, stopped }: { epochLosses: number[]; stopped: Stopped },
): Promise<ModelRecord["training"]> {
  const diverged = {
    epochLosses,
    epochs: epochLosses.length,
    stopped: "diverged" as const,
    trainLoss: null,
    trainAccuracy: null,
    testLoss: null,
    testAccuracy: null,
    gradientNorm: null,
    weightNorm: null,
  };
  if (stopped === "diverged") return diverged;
  const [train] = await engine.evaluate(sizes, [parameters], { split: "train", gradient: true });
  const [test] = await engine.evaluate(sizes, [parameters], { split: "test", gradient: false });
  let squares = 0;
  for (const value of parameters) squares += value * value;
  const record = {
    epochLosses,
    epochs: epochLosses.length,
    stopped,
    trainLoss: train!.loss,
    trainAccuracy: train!.accuracy,
    testLoss: test!.loss,
    testAccuracy: test!.accuracy,
    gradientNorm: train!.gradientNorm,
    weightNorm: Math.sqrt(squares),
  };
  const { trainLoss, testLoss, gradientNorm, weightNorm } = record;
  return [trainLoss, testLoss, gradientNorm, weightNorm].every(Number.isFinite) ? record : diverged;
}

function protocolOf({ study }: Context): ModelRecord["protocol"] {
  return { ...study.training, sizes: [...study.training.sizes] };
}
