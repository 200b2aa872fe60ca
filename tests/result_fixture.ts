/**
 * A small study and the result of one of its runs, made up.
 *
 * @module
 */
import type { ResultFile } from "~/lib/results.ts";
import { presets, type RunConfig, type Study } from "~/lib/study.ts";
import { syntheticResult } from "~/tests/synthetic_results.ts";

/** A study of two runs of a tiny network; real data are needed to run it. */
export const TINY_STUDY: Study = {
  preset: "quick",
  grid: {
    ...presets.quick.grid,
    effects: ["learning-rate"],
    optimizers: ["SGD"],
    learningRates: [0.1],
    seeds: [0, 1],
  },
  training: { ...presets.quick.training, sizes: [3072, 2, 10], images: 20, maxEpochs: 2 },
  sharpness: { ...presets.quick.sharpness, directions: 3 },
};

/** The first of its runs. */
export const TINY_RUN: RunConfig = { optimizer: "SGD", learningRate: 0.1, batchSize: 128, seed: 0 };

/** What a result file of it holds. */
export const TINY_RESULT: Pick<ResultFile, "run" | "timing"> = {
  run: {
    ...syntheticResult(TINY_STUDY, TINY_RUN, {
      epochs: 2,
      trainLoss: 1.25,
      samples: [0.1, -1e-7, 1 / 3],
    }),
    data: { "data_batch_1.bin": "5dd7e06a14cb22eb9f671a540d1b7c25" },
  },
  timing: {
    trainSeconds: 1.5,
    sharpnessSeconds: 0.25,
    threads: 2,
    finished: "2025-11-23T12:00:00.000Z",
  },
};
