/**
 * The study of the edge of stability: the Hessian's largest eigenvalue along training.
 *
 * @module
 */
import { presets } from "~/lib/study/presets.ts";
import type { Study } from "~/lib/study/study.ts";

/** Few enough images that a full batch is quick, enough that it is CIFAR-10. */
const IMAGES = 5000;
const EVERY = 20;
const LAST = 300;
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
    pairs: [{ learningRate: 0.05, batchSize: IMAGES }, { learningRate: 0.05, batchSize: 128 }],
    seeds: [0],
  },
  images: IMAGES,
  stops: Array.from({ length: LAST / EVERY }, (_, i) => `epochs:${LAST - EVERY * i}`),
  measures: { first: [EIGENVALUE], others: [EIGENVALUE], once: [] },
};
