/**
 * What the order of the images does to the loss that a stop looks at: computed once and kept.
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import type { Dataset } from "~/lib/dataset.ts";
import { createCpuEngine, type GemmLibraryName, gemmLibraryOf } from "~/lib/engine.ts";
import { readCheckedJson } from "~/lib/files/checked.ts";
import { writeWhole } from "~/lib/files/files.ts";
import { initialise, type LayerSizes, share, shareCopy, type SharedFloats } from "~/lib/model.ts";
import { allocateState } from "~/lib/optimizer.ts";
import {
  checkInitial,
  revision,
  type RunOptions,
  withDefaults,
  withEngine,
} from "~/lib/reproduce/options.ts";
import { parseStop, type Trajectory, trajectoryPath } from "~/lib/trainer.ts";

const epochNumber = z.int().nullable();
const trace = z.looseObject({
  trajectory: z.string(),
  order: z.enum(["file", "shuffled"]),
  learningRate: z.number(),
  seed: z.int(),
  /** A stop's text, and the epoch where it ends on the batches' mean loss and on the full-set loss. */
  rule: z.string(),
  stops: z.object({ batches: epochNumber, fullSet: epochNumber }),
  /** Losses in nats: mean over an epoch's batches while they train, full set at its end. */
  epochs: z.array(z.object({ batches: z.number(), fullSet: z.number() })),
  /**
   * Of every part of the batches of the rule's epoch: those between its middle and the end of the epoch,
   * which say how long ago the network saw it, and the mean of its batch losses in nats, each
   * normalised by its own rows, as in training.
   */
  ages: z.array(z.object({ age: z.number(), loss: z.number() })),
});
/** One trajectory's losses by epoch and by the age of the batch. */
export type OrderTrace = z.infer<typeof trace>;

/** Epochs after which a trace ends without a stop; one also ends before a loss that is not finite. */
const MOST_EPOCHS = 250;

/**
 * Trains a trajectory until a rule has ended on both losses, evaluating the full set after every
 * epoch; read from results/order where it was kept.
 *
 * @param options rule: default the stop of standard.
 * @returns Undefined where it is not there and `cachedOnly` forbids to compute.
 * @throws {UsageError} If it names initial weights that are not given, or the reverse.
 */
export async function traceOrder(
  trajectory: Trajectory,
  { rule = "cumulative:1e-3", ...options }: RunOptions & { readonly rule?: string } = {},
): Promise<OrderTrace | undefined> {
  const { folders: { results }, onMessage, onProgress, signal } = withDefaults(options);
  const { images, sizes, optimizer, batchSize, learningRate, seed, order = "file" } = trajectory;
  const name = trajectoryPath({ ...trajectory, order: undefined }).replaceAll("/", ",");
  const path = join(results, "order", `${name},order=${order}.json`);
  const kept = await readCheckedJson(path, onMessage, trace);
  if (kept?.rule === rule && !options.fresh) return kept;
  if (options.cachedOnly) return undefined;
  checkInitial(trajectory, options);
  return await withEngine(images, options, async ({ engine, dataset }) => {
    const start = performance.now();
    const stop = parseStop(rule);
    const { initial } = options;
    const parameters = initial === undefined ? initialise(sizes, seed) : shareCopy(initial);
    const state = allocateState(optimizer, parameters.length);
    const shuffle = order === "shuffled" ? seed : undefined;
    const stack = await engine.createStack({ sizes, batchSize, optimizer }, [
      { learningRate, parameters, state, epochs: 0, shuffle },
    ]);
    const epochs: OrderTrace["epochs"] = [];
    const found = (key: "batches" | "fullSet"): number | null =>
      stop.epoch(epochs.map((epoch) => epoch[key])) ?? null;
    let ages: OrderTrace["ages"] = [];
    try {
      while (
        epochs.length < MOST_EPOCHS && (found("batches") === null || found("fullSet") === null)
      ) {
        signal?.throwIfAborted();
        const [batches] = await stack.trainEpoch();
        await stack.save();
        const [whole] = await engine.evaluate(sizes, [parameters], { split: "train" });
        if (!Number.isFinite(batches! + whole!.loss)) break;
        epochs.push({ batches: batches!, fullSet: whole!.loss });
        onProgress?.({ message: `${name}: epoch ${epochs.length}`, done: epochs.length });
        if (found("batches") !== epochs.length) continue;
        ages = await lossByAge(dataset, { sizes, parameters }, {
          batchSize,
          library: gemmLibraryOf(engine.info),
        });
      }
    } finally {
      stack.dispose();
    }
    const whole: OrderTrace = {
      ...{ trajectory: trajectoryPath(trajectory), order, learningRate, seed, rule },
      ...{ stops: { batches: found("batches"), fullSet: found("fullSet") }, epochs, ages },
      ...{ revision: revision(), engine: engine.info },
      seconds: Math.round((performance.now() - start) / 1000),
    };
    await writeWhole(path, `${JSON.stringify(whole)}\n`);
    return whole;
  });
}

/**
 * Mean batch loss of each tenth or so of an epoch, the oldest first: level where the order of the
 * images does not matter, lower where training has just been or, in file order, is to come next.
 *
 * @param network Read, never written: shape [P].
 * @param options parts: default 10; fewer where there are fewer batches. library: of the matrix
 * products; default: what is fast here.
 */
export async function lossByAge(
  dataset: Dataset,
  { sizes, parameters }: { readonly sizes: LayerSizes; readonly parameters: SharedFloats },
  { batchSize, parts = 10, library }: {
    readonly batchSize: number;
    readonly parts?: number;
    readonly library?: GemmLibraryName | undefined;
  },
): Promise<OrderTrace["ages"]> {
  const { pixels, labels, size } = dataset.train;
  const inputs = pixels.length / size;
  const batches = Math.ceil(size / batchSize);
  const length = Math.ceil(batches / parts);
  const found: OrderTrace["ages"] = [];
  for (let first = 0; first < batches; first += length) {
    const last = Math.min(batches, first + length);
    const [from, to] = [first * batchSize, Math.min(size, last * batchSize)];
    const train = {
      pixels: pixels.subarray(from * inputs, to * inputs),
      labels: labels.subarray(from, to),
      size: to - from,
    };
    const engine = await createCpuEngine({ dataset: { ...dataset, train }, threads: 1 }, library);
    try {
      // An epoch at a rate of 0 changes no weight.
      const stack = await engine.createStack(
        { sizes, batchSize, optimizer: "SGD" },
        [{ learningRate: 0, parameters, state: share(0), epochs: 0 }],
      );
      const [loss] = await stack.trainEpoch();
      found.push({ age: batches - (first + last) / 2, loss: loss! });
      stack.dispose();
    } finally {
      await engine.close();
    }
  }
  return found;
}
