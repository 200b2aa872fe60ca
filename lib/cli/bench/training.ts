/**
 * How fast the study's network is trained.
 *
 * @module
 */
import type { Row } from "~/lib/cli/bench/row.ts";
import { type EngineBench, medianSeconds } from "~/lib/cli/bench/timing.ts";
import { countParameters, initialise, MLP_1 } from "~/lib/model.ts";
import { allocateState } from "~/lib/optimizer.ts";

/** Operations an image: twice the weights forward, four times backward, less layer 1's inputs. */
const FLOP = 2 * (3 * countParameters(MLP_1) - MLP_1[0]! * MLP_1[1]!);

/** What is trained, on which engine. */
export interface TrainingBench extends EngineBench {
  readonly optimizer: string;
  readonly batchSize: number;
}

/** Images a second over all threads, one network each; an epoch before the first warms up. */
export async function benchTraining(
  { engine, images, peak, optimizer, batchSize, signal }: TrainingBench,
): Promise<Row> {
  const threads = engine.concurrency;
  const members = Array.from({ length: threads }, (_, seed) => ({
    learningRate: 1e-3,
    parameters: initialise(MLP_1, seed),
    state: allocateState(optimizer, countParameters(MLP_1)),
    epochs: 0,
  }));
  const stack = await engine.createStack({ sizes: MLP_1, batchSize, optimizer }, members);
  await stack.trainEpoch();
  const seconds = await medianSeconds(() => stack.trainEpoch(), { signal });
  stack.dispose();
  const samplesPerSecond = threads * images / seconds;
  return {
    optimizer,
    batchSize: Math.min(batchSize, images),
    engine: engine.info.library,
    threads,
    images,
    samplesPerSecond,
    peakShare: samplesPerSecond * FLOP / peak,
  };
}
