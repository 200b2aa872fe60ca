/**
 * `deno task bench`: images and samples a second on this machine, and the share of what its matrix
 * library reaches.
 *
 * @module
 */
import type { Main } from "~/lib/cli/main.ts";
import { firstRows, loadImagesLabels } from "~/lib/dataset.ts";
import { type CpuEngine, createCpuEngine } from "~/lib/engine.ts";
import { parseMeasure, validateAvailable } from "~/lib/measure.ts";
import { countParameters, initialise, MLP_1 } from "~/lib/model.ts";
import { allocateState } from "~/lib/optimizer.ts";
import { benchAgainst } from "~/tests/bench/against.ts";
import { benchFullSet } from "~/tests/bench/full_set.ts";
import { describeRow, medianSeconds, type Row } from "~/tests/bench/row.ts";

/** Whole batches of every usual size, and a fifth of the set: the rates are those of all images. */
const TRAINING_IMAGES = 10_240;

/** Four blocks of rows: what random directions cost is a tenth more here than on all images. */
const FULL_SET_IMAGES = 2048;

/** Operations an image: twice the weights forward, four times backward, less layer 1's inputs. */
const FLOP = 2 * (3 * countParameters(MLP_1) - MLP_1[0]! * MLP_1[1]!);

/** Where something is measured. */
export interface EngineBench {
  readonly engine: CpuEngine;
  /** Images of the engine's training set. */
  readonly images: number;
  /** Its matrix library's rate on all threads, FLOP/s. */
  readonly peak: number;
  readonly signal: AbortSignal;
}

/** Times what is asked for; everything, if nothing is. */
export const main: Main = async (values, about) => {
  const { measures, images, threads, data } = values;
  validateAvailable((measures ?? []).map(parseMeasure), {
    sizes: MLP_1,
    parameters: new Float32Array(new SharedArrayBuffer(4)),
  });
  if (values.against !== undefined) {
    return await benchAgainst(values.against, about);
  }
  const asksTraining = values.optimizers !== undefined || values["batch-sizes"] !== undefined;
  const rows: Row[] = [];
  const add = (row: Row): void => {
    rows.push(row);
    about.onMessage(describeRow(row));
  };
  const whole = await loadImagesLabels(Math.ceil((images ?? TRAINING_IMAGES) / 10_000), {
    ...about,
    directory: data,
  });
  for (const library of values.libraries ?? [undefined]) {
    /** One engine at a time, all on the same images: memory does not add up. */
    const open = async (
      count: number,
      run: (on: EngineBench) => Promise<void>,
    ): Promise<void> => {
      const engine = await createCpuEngine({
        dataset: { ...whole, train: firstRows(whole.train, count) },
        ...(threads === undefined ? {} : { threads }),
        onMessage: about.onMessage,
      }, library);
      await run({ engine, images: count, peak: await engine.peak(), signal: about.signal });
      await engine.close();
    };
    if (asksTraining || measures === undefined || measures.length === 0) {
      await open(images ?? TRAINING_IMAGES, async (on) => {
        for (const batchSize of values["batch-sizes"] ?? [32, 128, 1024]) {
          for (const optimizer of values.optimizers ?? ["SGD", "AdaGrad"]) {
            add(await benchTraining(on, { optimizer, batchSize }));
          }
        }
      });
    }
    if (measures === undefined ? !asksTraining : measures.length > 0) {
      await open(images ?? FULL_SET_IMAGES, async (on) => {
        for await (const row of benchFullSet(on, measures)) add(row);
      });
    }
  }
  return rows;
};

/** Images a second over all threads, one network each; an epoch before the first warms up. */
async function benchTraining(
  { engine, images, peak, signal }: EngineBench,
  { optimizer, batchSize }: { readonly optimizer: string; readonly batchSize: number },
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
  const seconds = await medianSeconds(() => stack.trainEpoch(), signal);
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
