/**
 * `deno task bench`: images and samples a second on this machine, and the share of what its matrix
 * library reaches.
 *
 * @module
 */
import { type Command, runCommand, UsageError } from "~/lib/cli/command.ts";
import { dataOption } from "~/lib/cli/common_options.ts";
import { openDisplay } from "~/lib/cli/terminal.ts";
import { BATCH_SIZE, numberOption, numbersOption, textOption, THREADS } from "~/lib/cli/values.ts";
import { type Dataset, firstRows, loadImagesLabels } from "~/lib/dataset.ts";
import { type CpuEngine, createCpuEngine } from "~/lib/engine.ts";
import { GEMM_LIBRARIES, type GemmLibraryName } from "~/lib/engine.ts";
import { countParameters, initialise, MLP_1 } from "~/lib/model.ts";
import { allocateState, type OptimizerName, OPTIMIZERS } from "~/lib/optimizer.ts";
import { DIRECTION_SEED } from "~/lib/study.ts";

/** Its options. */
export const COMMAND: Command = {
  name: "bench",
  summary: "Measures training and sharpness on the CPU with each matrix library, medians of 5.",
  options: {
    threads: { value: "N", help: "threads, one network each (default: the machine's cores)" },
    libraries: { value: "LIST", help: "blas, onnxruntime or both (default: those that are there)" },
    "batch-sizes": { value: "LIST", help: "default 32,128,1024,50000" },
    data: { value: "DIR", help: "CIFAR-10 that is there already: its folder or tarball" },
    json: { help: "print one JSON document on stdout; messages go to stderr" },
  },
};

const REPEATS = 5;
/** Models and directions of the sharpness measurement: a group of the study. */
const MODELS = 18;
const DIRECTIONS = 49;

/** Floating-point operations of an image: twice the weights forward, twice backward, less dX of layer 1. */
const TRAINING_FLOP = 2 * (3 * countParameters(MLP_1) - 3072 * 512);

interface Row {
  readonly optimizer: OptimizerName | "sharpness";
  readonly batchSize: number;
  readonly engine: string;
  readonly threads: number;
  /** Images a second, summed over threads; for sharpness, samples of 50,000 images. */
  readonly samplesPerSecond: number;
  /** Fraction 0..1 of the matrix library's rate in the same run. */
  readonly peakShare: number;
}

async function measureTraining(
  engine: CpuEngine,
  dataset: Dataset,
  { optimizer, batchSize, peak, signal }: {
    optimizer: OptimizerName;
    batchSize: number;
    peak: number;
    signal: AbortSignal;
  },
): Promise<Row> {
  const threads = engine.concurrency;
  const members = Array.from({ length: threads }, (_, seed) => ({
    learningRate: 1e-3,
    parameters: initialise(MLP_1, seed),
    state: allocateState(optimizer, countParameters(MLP_1)),
  }));
  const stack = await engine.createStack({ sizes: MLP_1, batchSize, optimizer }, members);
  await stack.trainEpoch();
  const rates: number[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    signal.throwIfAborted();
    const start = performance.now();
    await stack.trainEpoch();
    rates.push(1000 * threads * dataset.train.size / (performance.now() - start));
  }
  stack.dispose();
  const samplesPerSecond = median(rates);
  return {
    optimizer,
    batchSize,
    engine: engine.info.library,
    threads,
    samplesPerSecond,
    peakShare: samplesPerSecond * TRAINING_FLOP / peak,
  };
}

/** Sharpness samples a second, shared and one full pass a sample, on all 50,000 images. */
async function measureSharpness(
  engine: CpuEngine,
  { peak, signal }: { peak: number; signal: AbortSignal },
): Promise<Row & { speedup: number }> {
  const threads = engine.concurrency;
  const models = Array.from({ length: MODELS }, (_, seed) => initialise(MLP_1, seed));
  const evaluated = Array.from({ length: threads }, (_, index) => models[index % MODELS]!);
  const passes: number[] = [];
  async function measurePasses(): Promise<void> {
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      signal.throwIfAborted();
      const start = performance.now();
      await engine.evaluate(MLP_1, evaluated, { split: "train", gradient: false });
      passes.push((performance.now() - start) / 1000 / threads);
    }
  }
  // Before and after, as a machine's speed drifts.
  await measurePasses();
  const start = performance.now();
  await engine.perturbedLosses(MLP_1, models, {
    seed: DIRECTION_SEED,
    directions: Array.from({ length: DIRECTIONS }, (_, k) => k),
    radius: 5,
    signal,
  });
  const samplesPerSecond = 1000 * MODELS * DIRECTIONS / (performance.now() - start);
  await measurePasses();
  const flop = 2 * 50_000 * countParameters(MLP_1);
  return {
    optimizer: "sharpness",
    batchSize: 50_000,
    engine: engine.info.library,
    threads,
    samplesPerSecond,
    // The arithmetic that a full pass would take: above 1 where sharing saves more than is lost.
    peakShare: samplesPerSecond * flop / peak,
    speedup: samplesPerSecond * median(passes),
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1]!;
}

function librariesFrom(text: string | undefined): GemmLibraryName[] | undefined {
  return text?.split(",").map((name) => {
    const library = GEMM_LIBRARIES.find((candidate) => candidate === name);
    if (library === undefined) {
      throw new UsageError(
        `--libraries must be ${GEMM_LIBRARIES.join(" or ")}: current value is ${name}`,
      );
    }
    return library;
  });
}

if (import.meta.main) {
  await runCommand(COMMAND, async (values, signal) => {
    const threads = numberOption(values, "threads", THREADS);
    const demanded = librariesFrom(textOption(values, "libraries"));
    const batchSizes = numbersOption(values, "batch-sizes", BATCH_SIZE) ?? [32, 128, 1024, 50_000];
    const directory = dataOption(values);
    const { onProgress, onMessage, close } = openDisplay();
    const whole = await loadImagesLabels(5, {
      ...(directory === undefined ? {} : { directory }),
      onProgress,
    });
    const rows: (Row & { speedup?: number })[] = [];
    for (const library of demanded ?? GEMM_LIBRARIES) {
      try {
        for (const batchSize of batchSizes) {
          signal.throwIfAborted();
          // A fifth of the images says the same of small batches.
          const size = Math.min(50_000, Math.max(10_240, batchSize));
          const dataset = { ...whole, train: firstRows(whole.train, size) };
          const engine = await createCpuEngine({
            dataset,
            ...(threads === undefined ? {} : { threads }),
          }, library);
          const peak = await engine.peak();
          for (const optimizer of OPTIMIZERS) {
            const row = await measureTraining(engine, dataset, {
              optimizer,
              batchSize,
              peak,
              signal,
            });
            rows.push(row);
            onMessage(describe(row));
          }
          await engine.close();
        }
        const engine = await createCpuEngine({
          dataset: whole,
          ...(threads === undefined ? {} : { threads }),
        }, library);
        const row = await measureSharpness(engine, { peak: await engine.peak(), signal });
        await engine.close();
        rows.push(row);
        onMessage(`${describe(row)}, ${row.speedup.toFixed(1)} times as fast as full passes`);
      } catch (error) {
        if (demanded !== undefined || signal.aborted) throw error;
        onMessage((error as Error).message);
      }
    }
    close();
    if (values.json) console.log(JSON.stringify(rows));
  });
}

function describe({ optimizer, batchSize, engine, threads, ...row }: Row): string {
  const unit = optimizer === "sharpness" ? "samples/s" : "images/s";
  return `${engine}  ${threads} threads  ${optimizer.padEnd(9)}  batch ${
    String(batchSize).padStart(5)
  }  ${row.samplesPerSecond.toFixed(row.samplesPerSecond < 100 ? 2 : 0).padStart(8)} ${unit}  ${
    (100 * row.peakShare).toFixed(0).padStart(3)
  } % of sgemm`;
}
