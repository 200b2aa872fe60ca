/**
 * The whole study headless: plan, train, measure, draw.
 *
 * @module
 */
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { firstRows, loadImagesLabels } from "~/lib/dataset.ts";
import { type EngineName, openEngine } from "~/lib/engine.ts";
import type { SharedFloats } from "~/lib/engine.ts";
import { type OnProgress, startMeter } from "~/lib/files/progress.ts";
import { claim, type Context, type EngineOnData } from "~/lib/reproduce/context.ts";
import { sharpnessCost, trainingCost } from "~/lib/reproduce/cost.ts";
import { measureRuns } from "~/lib/reproduce/measure_runs.ts";
import { trainRuns } from "~/lib/reproduce/train_runs.ts";
import type { ResultFile } from "~/lib/results.ts";
import {
  type Folders,
  forget,
  hasResult,
  readModel,
  readResult,
  runFiles,
} from "~/lib/results.ts";
import { listRuns, type RunConfig, runPath, type Study } from "~/lib/study.ts";
import { checkStudy } from "~/lib/study.ts";
import { CHECKPOINT_SECONDS } from "~/lib/trainer.ts";

/** How a study is run. */
export interface RunOptions {
  /** Default: models/ and results/ of the project. */
  readonly folders?: Folders;
  /** Folder or tarball of the data; default: CIFAR10_DIR, else data/ of the project. */
  readonly data?: string;
  /** Default "auto". */
  readonly engine?: EngineName;
  /** Threads of the CPU engine; default: the machine's cores. */
  readonly threads?: number;
  /** Computes again what exists. Default false. */
  readonly fresh?: boolean;
  readonly onProgress?: OnProgress;
  readonly onMessage?: (message: string) => void;
  /** Ends the work after the epoch in progress; what is finished is kept. */
  readonly signal?: AbortSignal;
  /** Seconds between checkpoints; default 30. */
  readonly checkpointSeconds?: number;
}

/** What `run` found and did. */
export interface RunOutcome {
  /** One a run, in the grid's order. */
  readonly results: readonly ResultFile[];
  readonly cachedRuns: number;
  readonly computedRuns: number;
}

/** The project's own folders. */
export const PROJECT_FOLDERS: Folders = {
  models: fileURLToPath(new URL("../../models", import.meta.url)),
  results: fileURLToPath(new URL("../../results", import.meta.url)),
};

/**
 * Trains and measures the runs of a study that have no result yet; does nothing where all have.
 *
 * The data are loaded and the engine is started only if there is something to compute. Another
 * process on the same folders shares the work: a run is claimed by a lock, and whoever runs out of
 * free runs waits for the others' results.
 *
 * @throws {RangeError | TypeError} If the study is not a valid one; nothing is written then.
 */
export async function run(study: Study, options: RunOptions = {}): Promise<RunOutcome> {
  checkStudy(study);
  const { folders = PROJECT_FOLDERS, onMessage = console.error } = options;
  const configs = listRuns(study.grid);
  const results = new Map<RunConfig, ResultFile>();
  async function collect(): Promise<RunConfig[]> {
    for (const config of configs) {
      if (results.has(config)) continue;
      const result = await readResult(runFiles(study, config, folders), onMessage);
      if (result !== undefined) results.set(config, result);
    }
    return configs.filter((config) => !results.has(config));
  }
  if (options.fresh) {
    onMessage(`Removing the results and models of ${configs.length} runs to compute them again`);
    for (const config of configs) {
      const claimed = await claim({ study, folders, onMessage }, config);
      if (claimed === undefined) {
        onMessage(`${runPath(config)}: another process works on it; its files are kept`);
        continue;
      }
      try {
        await forget(claimed.files, onMessage);
      } finally {
        claimed.lock.release();
      }
    }
  }
  let missing = await collect();
  const cachedRuns = configs.length - missing.length;
  let computedRuns = 0;
  if (missing.length > 0) {
    const total = missing.reduce(
      (sum, config) => sum + trainingCost(study, config) + sharpnessCost(study),
      0,
    );
    const { engine, data } = await openEngineOnData(study, options);
    const context: Context = {
      study,
      folders,
      engine,
      data,
      meter: startMeter(total),
      onProgress: options.onProgress ?? ((): void => {}),
      onMessage,
      checkpointSeconds: options.checkpointSeconds ?? CHECKPOINT_SECONDS,
      signal: options.signal ?? new AbortController().signal,
    };
    try {
      while (missing.length > 0) {
        const { trained, diverged } = await trainRuns(context, missing);
        computedRuns += diverged + await measureRuns(context, missing);
        const before = missing.length;
        missing = await collect();
        if (trained === 0 && missing.length === before && missing.length > 0) {
          context.onProgress(
            context.meter.report(`waiting for another process to finish ${missing.length} runs`),
          );
          await delay(1000, undefined, { signal: context.signal }).catch(() => {});
          context.signal.throwIfAborted();
        }
      }
    } finally {
      await engine.close();
    }
  }
  return {
    results: configs.map((config) => results.get(config)!),
    cachedRuns,
    computedRuns: Math.min(computedRuns, configs.length - cachedRuns),
  };
}

/**
 * Gives the trained network of a run: from models/ if it is there, else it is trained and kept.
 *
 * @throws {TypeError} If the run diverged, or another process trains it: there is no network then.
 */
export async function getModelReady(
  study: Study,
  config: RunConfig,
  options: RunOptions = {},
): Promise<SharedFloats> {
  const { folders = PROJECT_FOLDERS, onMessage = console.error } = options;
  const { optimizer, learningRate, batchSize, seed } = config;
  const single: Study = {
    ...study,
    grid: {
      ...study.grid,
      effects: ["learning-rate"],
      optimizers: [optimizer],
      learningRates: [learningRate],
      baseBatchSize: batchSize,
      seeds: [seed],
    },
  };
  checkStudy(single);
  const files = runFiles(study, config, folders);
  const there = await readModel(files, onMessage);
  if (there !== undefined) return there.model.parameters;
  const { engine, data } = await openEngineOnData(study, options);
  try {
    await trainRuns(
      {
        study,
        folders,
        engine,
        data,
        meter: startMeter(trainingCost(study, config)),
        onProgress: options.onProgress ?? ((): void => {}),
        onMessage,
        checkpointSeconds: options.checkpointSeconds ?? CHECKPOINT_SECONDS,
        signal: options.signal ?? new AbortController().signal,
      },
      [config],
      { evenWithResult: true },
    );
  } finally {
    await engine.close();
  }
  const trained = await readModel(files, onMessage);
  if (trained === undefined) {
    const reason = await hasResult(files)
      ? "its training diverged"
      : "another process trains it: wait for that to end";
    throw new TypeError(`Cannot get the model of ${runPath(config)} ready as ${reason}`);
  }
  return trained.model.parameters;
}

/** What a study consists of and what is missing. */
export interface Plan {
  readonly runs: readonly { readonly config: RunConfig; readonly cached: boolean }[];
  /** An upper bound: runs that converge before their last epoch take less. */
  readonly secondsOfMissing: number;
}

/** Lists a study's runs without computing anything. */
export async function plan(
  study: Study,
  { folders = PROJECT_FOLDERS, threads = navigator.hardwareConcurrency }: RunOptions = {},
): Promise<Plan> {
  checkStudy(study);
  const runs = await Promise.all(
    listRuns(study.grid).map(async (config) => ({
      config,
      cached: await hasResult(runFiles(study, config, folders)),
    })),
  );
  const secondsOfMissing = runs.filter(({ cached }) => !cached).reduce(
    (sum, { config }) => sum + trainingCost(study, config) + sharpnessCost(study),
    0,
  ) / threads;
  return { runs, secondsOfMissing };
}

/**
 * Loads the study's training images and the test set, and opens an engine on them.
 */
export async function openEngineOnData(
  { training: { images } }: Pick<Study, "training">,
  { data: directory, engine = "auto", threads, ...options }: RunOptions,
): Promise<EngineOnData> {
  const { onProgress, onMessage = console.error } = options;
  const dataset = await loadImagesLabels(Math.ceil(images / 10_000), {
    ...(directory === undefined ? {} : { directory }),
    // What is not counted is said once, as that a file is damaged: no display may pass over it.
    onProgress: (progress) =>
      progress.done === undefined ? onMessage(progress.message) : onProgress?.(progress),
  });
  const used = { ...dataset, train: firstRows(dataset.train, images) };
  return {
    engine: await openEngine(engine, {
      dataset: used,
      ...(threads === undefined ? {} : { threads }),
    }),
    data: dataset.md5,
  };
}
