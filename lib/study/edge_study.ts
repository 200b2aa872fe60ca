/**
 * The study of the edge of stability: the Hessian's largest eigenvalue along training.
 *
 * @module
 */
import { presets } from "~/lib/study/presets.ts";
import type { Study } from "~/lib/study/study.ts";

/** Few enough images that a full batch is quick, enough that it is CIFAR-10. */
const IMAGES = 5000;
const EPOCHS = [50, 100, 200, 300, 400, 600, 800, 1000, 1200, 1400, 1600];
/** Small enough that the way up to 2 / lr = 1000 is seen, large enough that training gets there. */
const LEARNING_RATE = 2e-3;
const EIGENVALUE = "lambda-max(iterations=30,tolerance=0.01)";

/**
 * SGD with the full batch at a learning rate whose edge 2 / lr training reaches, the same with
 * mini-batches, and AdaGrad (Cohen et al. arXiv 2103.00065, section 3).
 */
export const edgeStudy: Study = {
  ...presets.quick,
  grid: {
    ...presets.quick.grid,
    effects: ["pairs"],
    optimizers: ["SGD", "AdaGrad"],
    pairs: [IMAGES, 128].map((batchSize) => ({ learningRate: LEARNING_RATE, batchSize })),
    seeds: [0],
  },
  images: IMAGES,
  stops: EPOCHS.toReversed().map((epoch) => `epochs:${epoch}`),
  measures: { first: [EIGENVALUE], others: [EIGENVALUE] },
};
