/**
 * Trains and evaluates a single network, without files.
 *
 * @module
 */
import type { SharedFloats } from "~/lib/engine.ts";
import { allocateState } from "~/lib/optimizer.ts";
import { type OnProgress, startMeter } from "~/lib/files/progress.ts";
import type { EngineOnData } from "~/lib/reproduce.ts";
import { evaluateTrained } from "~/lib/reproduce.ts";
import type { ModelRecord } from "~/lib/results.ts";
import { type RunConfig, runPath, type TrainingProtocol } from "~/lib/study.ts";
import { learn, type Stopped } from "~/lib/trainer/learn.ts";

/** What to train and how. */
export interface TrainOneOptions {
  readonly config: RunConfig;
  readonly protocol: TrainingProtocol;
  /** Where training starts; holds the trained parameters afterwards. */
  readonly parameters: SharedFloats;
  readonly onProgress?: OnProgress;
  readonly signal?: AbortSignal;
}

/** Trains one network to its end and evaluates it on both splits. */
export async function trainOne(
  { engine, data }: EngineOnData,
  { config, protocol, parameters, onProgress, signal }: TrainOneOptions,
): Promise<Pick<ModelRecord, "training" | "data" | "engines">> {
  const meter = startMeter(protocol.maxEpochs);
  const learner = {
    learningRate: config.learningRate,
    parameters,
    state: allocateState(config.optimizer, parameters.length),
    epochLosses: [],
    seconds: 0,
  };
  let ended: Stopped = "epoch limit";
  await learn(engine, [learner], {
    ...protocol,
    optimizer: config.optimizer,
    batchSize: config.batchSize,
    ...(signal ? { signal } : {}),
    checkpointSeconds: Infinity,
    onEpoch([{ epochLosses }]): void {
      meter.add(1);
      const loss = epochLosses.at(-1)?.toFixed(4);
      onProgress?.(
        meter.report(`${runPath(config)}: epoch ${epochLosses.length}, loss ${loss}`),
      );
    },
    onFinish(_, stopped): Promise<void> {
      ended = stopped;
      return Promise.resolve();
    },
  });
  const training = await evaluateTrained({ engine, protocol }, parameters, {
    epochLosses: learner.epochLosses,
    stopped: ended,
  });
  return { training, data, engines: [engine.info] };
}
