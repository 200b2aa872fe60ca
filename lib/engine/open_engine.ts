/**
 * The choice of an engine.
 *
 * @module
 */
import { z } from "zod";
import { type Dataset, firstRows } from "~/lib/dataset.ts";
import { validate } from "~/lib/domain.ts";
import { createCpuEngine } from "~/lib/engine/cpu/cpu_engine.ts";
import { GEMM_LIBRARIES, type LibrarySource } from "~/lib/engine/cpu/gemm/gemm_library.ts";
import type { Engine, EngineOptions } from "~/lib/engine/engine.ts";
import {
  findRealGpu,
  TENSORFLOW_BACKENDS,
  type TensorFlowBackend,
} from "~/lib/engine/tensorflow/backends.ts";
import { initialise, type LayerSizes, MLP_1, share } from "~/lib/model.ts";

/** Names that `openEngine` takes. */
export const ENGINE_NAMES = [
  "auto",
  "auto:measure",
  "cpu",
  "cpu:measure",
  ...GEMM_LIBRARIES.map((library) => `cpu:${library}` as const),
  "tensorflow",
  ...TENSORFLOW_BACKENDS.map((backend) => `tensorflow:${backend}` as const),
] as const;
/** One of `ENGINE_NAMES`, or "cpu:" and the file of a BLAS: "cpu:libmkl_rt.so.2". */
export type EngineName = typeof ENGINE_NAMES[number] | `cpu:${string}.${string}`;

/** What `openEngine` takes. */
export const engineName = z.string().refine((name): name is EngineName =>
  ENGINE_NAMES.some((each) => each === name) || /^cpu:.+\.(so|dylib|dll)[.\d]*$/.test(name)
).describe(`${ENGINE_NAMES.join(" or ")}, or cpu: and a BLAS's file (.so, .dylib, .dll)`);

/**
 * Opens an engine on a data set.
 *
 * @param name "auto" takes a GPU where there is a real one that trains faster than the CPU, else the
 * CPU engine; "cpu" takes the matrix library that is fast here. With ":measure" the libraries are
 * measured again, whatever is kept in `options.choices`.
 * @throws {UsageError} If there is no engine of that name.
 * @throws {Error} If what the name demands is not there; the message says what to install.
 */
export async function openEngine(name: EngineName, options: EngineOptions): Promise<Engine> {
  validate(engineName, name, "Cannot open an engine as its name");
  const [, kind, part] = /^(\w+)(?::(.+))?$/.exec(name)!;
  if (kind === "tensorflow") {
    return await openTensorFlow(options, part as TensorFlowBackend | undefined);
  }
  const openCpu = (options: EngineOptions): Promise<Engine> =>
    createCpuEngine(options, part as LibrarySource | "measure" | undefined);
  // A run that was begun on the CPU goes on there, and one that was begun on a GPU there.
  const { prefer } = options;
  if (kind === "cpu" || (prefer !== undefined && prefer !== "gpu")) return await openCpu(options);
  const gpu = await findRealGpu();
  if (gpu === undefined) return await openCpu(options);
  if (prefer === "gpu") return await openTensorFlow(options);
  return await openFaster({ gpu, openCpu, openGpu: openTensorFlow }, options);
}

async function openTensorFlow(
  options: EngineOptions,
  backend?: TensorFlowBackend,
): Promise<Engine> {
  const { createTensorFlowEngine } = await import("~/lib/engine/tensorflow/tensorflow_engine.ts");
  return await createTensorFlowEngine(backend, options);
}

/** The study's usual one. A trial is four of them. */
const BATCH_SIZE = 128;

/** Networks of a GPU's stack: fewer than fit, so that a slow one is found out soon. */
const MEMBERS = 6;

export interface Contestants {
  readonly gpu: string;
  readonly openCpu: (options: EngineOptions) => Promise<Engine>;
  readonly openGpu: (options: EngineOptions) => Promise<Engine>;
  /** Rate of an engine in images/s. Default: `trainingRate`. */
  readonly measure?: (engine: Engine, dataset: Dataset) => Promise<number>;
}

/** Opens the engine that trains faster; a GPU that fails, in the trial or with all images, is left alone. */
export async function openFaster(
  { gpu, openCpu, openGpu, measure = trainingRate }: Contestants,
  options: EngineOptions,
): Promise<Engine> {
  const { dataset } = options;
  const train = firstRows(dataset.train, Math.min(4 * BATCH_SIZE, dataset.train.size));
  const trial = { ...options, dataset: { ...dataset, train }, onMessage: undefined };
  async function rateOf(open: (options: EngineOptions) => Promise<Engine>): Promise<number> {
    const engine = await open(trial);
    try {
      return await measure(engine, trial.dataset);
    } finally {
      await engine.close();
    }
  }
  const cpuRate = await rateOf(openCpu);
  let why: string;
  try {
    const gpuRate = await rateOf(openGpu);
    why = `${gpuRate.toFixed(0)} images/s in a trial, the CPU ${cpuRate.toFixed(0)}`;
    if (gpuRate > cpuRate) {
      const engine = await openGpu(options);
      options.onMessage?.(`Training on ${gpu}: ${why}`);
      return { ...engine, info: { ...engine.info, chosen: "faster than the CPU here" } };
    }
  } catch (error) {
    why = error instanceof Error ? error.message : String(error);
  }
  options.onMessage?.(`Training on the CPU, not on ${gpu}: ${why}`);
  return await openCpu(options);
}

/**
 * Images a second, summed over the networks that the engine works on at once, in the better of two
 * epochs of the study's network with SGD; one before them compiles what has to be compiled.
 *
 * @param dataset That of the engine.
 */
export async function trainingRate(engine: Engine, { train }: Dataset): Promise<number> {
  const sizes: LayerSizes = [train.pixels.length / train.size, ...MLP_1.slice(1)];
  const options = { sizes, batchSize: BATCH_SIZE, optimizer: "SGD" };
  const members = Math.max(engine.concurrency, Math.min(MEMBERS, engine.stackSize(options)));
  const stack = await engine.createStack(
    options,
    Array.from({ length: members }, (_, seed) => {
      const parameters = initialise(sizes, seed);
      return { learningRate: 1e-3, parameters, state: share(0), epochs: 0 };
    }),
  );
  try {
    const times: number[] = [];
    for (let epoch = 0; epoch < 3; epoch++) {
      const start = performance.now();
      await stack.trainEpoch();
      times.push(performance.now() - start);
    }
    return 1000 * members * train.size / Math.min(...times.slice(1));
  } finally {
    stack.dispose();
  }
}
