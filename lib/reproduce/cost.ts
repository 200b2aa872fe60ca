/**
 * What a run costs, for estimates and for starting the longest runs first.
 *
 * @module
 */
import type { RunConfig, Study } from "~/lib/study.ts";

/**
 * Seconds a training image and a batch on one thread of the machine that the README names, fitted to
 * `deno task bench` there. Only ratios matter once a study has begun.
 */
const SECONDS = {
  image: 46e-6,
  batch: { SGD: 0.4e-3, AdaGrad: 1.7e-3 },
  /** A sharpness sample against a training epoch of the same images. */
  sample: 0.1,
} as const;

/** Seconds of one epoch of a run on one thread of the nominal machine. */
export function epochCost(study: Study, { optimizer, batchSize }: RunConfig): number {
  const { images } = study.training;
  return images * SECONDS.image + Math.ceil(images / batchSize) * SECONDS.batch[optimizer];
}

/** Seconds of a run's training if it uses all its epochs. */
export function trainingCost(study: Study, config: RunConfig): number {
  return study.training.maxEpochs * epochCost(study, config);
}

/** Seconds of a run's sharpness samples. */
export function sharpnessCost(study: Study): number {
  return study.sharpness.directions * study.training.images * SECONDS.image * SECONDS.sample;
}
