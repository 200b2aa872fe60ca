/**
 * The studies that have names.
 *
 * @module
 */
import { MLP_1 } from "~/lib/model.ts";
import type { PresetName, Study } from "~/lib/study/study.ts";

/** At equal losses along training. */
const LOSS_STOPS = [1.9, 1.7, 1.5, 1.3, 1.1, 0.9, 0.7].map((loss) => `loss:${loss}`);

/** The largest eigenvalue to a residual of 1 %. */
const LAMBDA_MAX = "lambda-max(iterations=30,tolerance=0.01)";

/** What the presets have in common. */
const FULL: Omit<Study, "preset"> = {
  grid: {
    effects: ["learning-rate", "batch-size"],
    optimizers: ["SGD", "AdaGrad"],
    learningRates: [1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1],
    batchSizes: [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 50000],
    baseLearningRate: 1e-4,
    baseBatchSize: 128,
    pairs: [],
    seeds: [0, 1, 2],
  },
  sizes: MLP_1,
  images: 50_000,
  maxEpochs: 20_000,
  stops: ["cumulative:1e-3", ...LOSS_STOPS],
  measures: {
    first: [
      "sharpness",
      "antithetic",
      "radius-curve",
      "trace",
      "relative-tensor",
      "relative-filter",
      "frozen-batchnorm",
      LAMBDA_MAX,
      `preconditioned-${LAMBDA_MAX}`,
      "generalization-gap",
    ],
    others: ["antithetic(directions=16)", "relative-filter", "generalization-gap"],
  },
};

/**
 * A first look in minutes, on fewer images; and two views of the same trajectories: the study in hours,
 * the published criterion in days.
 */
export const presets: Readonly<Record<PresetName, Study>> = {
  quick: {
    ...FULL,
    preset: "quick",
    grid: {
      ...FULL.grid,
      learningRates: [1e-3, 1e-2, 1e-1],
      batchSizes: [32, 128, 1024],
      baseLearningRate: 1e-2,
    },
    images: 10_000,
    stops: ["epochs:10"],
    // Most of them for every network, with few directions and steps.
    measures: {
      first: [
        "sharpness(directions=16)",
        "antithetic(directions=16)",
        "radius-curve(directions=3)",
        "trace(directions=8)",
        "relative-tensor(directions=4)",
        "relative-filter(directions=4)",
        "frozen-batchnorm(directions=16)",
        "generalization-gap",
        "weight-norm",
        "hessian-trace(directions=2)",
        LAMBDA_MAX,
        `preconditioned-${LAMBDA_MAX}`,
        "worst-case(steps=2)",
        "adaptive-worst-case(steps=2)",
      ],
      others: ["antithetic(directions=16)", "relative-filter(directions=4)", "generalization-gap"],
    },
  },
  standard: { ...FULL, preset: "standard" },
  paper: {
    ...FULL,
    preset: "paper",
    grid: { ...FULL.grid, seeds: [0, 1, 2, 3, 4, 5] },
    stops: ["cumulative:1e-4", "cumulative:1e-3", "consecutive:1e-3", ...LOSS_STOPS],
  },
};

/** Few enough images that a full batch is quick, enough that it is CIFAR-10. */
const EDGE_IMAGES = 5000;
const EDGE_EPOCHS = [50, 100, 200, 300, 400, 600, 800, 1000, 1200, 1400, 1600];

/**
 * The Hessian's largest eigenvalue along training (Cohen et al. arXiv 2103.00065, section 3): SGD with
 * the full batch, with mini-batches, and AdaGrad. The learning rate is small enough that the way up to
 * 2 / lr = 1000 is seen, large enough that training gets there.
 */
export const edgeStudy: Study = {
  ...presets.quick,
  grid: {
    ...presets.quick.grid,
    effects: ["pairs"],
    pairs: [EDGE_IMAGES, 128].map((batchSize) => ({ learningRate: 2e-3, batchSize })),
    seeds: [0],
  },
  images: EDGE_IMAGES,
  stops: EDGE_EPOCHS.toReversed().map((epoch) => `epochs:${epoch}`),
  measures: { first: [LAMBDA_MAX], others: [LAMBDA_MAX] },
};

/**
 * Whether it is the batch size that counts, or learning rate / batch size, with SGD. It has both effects,
 * and pairs in which the learning rate grows with the batch size from the base cell on: an epoch goes
 * the same way, learning rate x updates, in each.
 */
export function equalRatioStudy(study: Study, batchSizes: readonly number[]): Study {
  const { baseLearningRate, baseBatchSize } = study.grid;
  const pairs = batchSizes.map((batchSize) => (
    { learningRate: baseLearningRate * batchSize / baseBatchSize, batchSize }
  ));
  const effects = ["learning-rate", "batch-size", "pairs"] as const;
  return {
    ...study,
    grid: {
      ...study.grid,
      effects: effects.filter((effect) => effect !== "pairs" || pairs.length > 0),
      optimizers: ["SGD"],
      pairs,
    },
  };
}

/**
 * Learning rate and batch size at once, for SGD on 10,000 images to the stop of standard: whether
 * their ratio, the learning rate alone or the loss explains sharpness.
 */
export const axesStudy: Study = {
  ...presets.quick,
  grid: {
    ...presets.quick.grid,
    effects: ["pairs"],
    optimizers: ["SGD"],
    pairs: [1e-3, 1e-2, 1e-1].flatMap((learningRate) =>
      [32, 128, 1024].map((batchSize) => ({ learningRate, batchSize }))
    ),
  },
  stops: ["cumulative:1e-3", ...LOSS_STOPS],
  measures: {
    first: ["sharpness", "antithetic", "relative-filter", "generalization-gap"],
    others: FULL.measures.others,
  },
};

/** The cells of batch size 128 of `axesStudy`, with the images in a new order every epoch. */
export const shuffledStudy: Study = {
  ...axesStudy,
  order: "shuffled",
  grid: {
    ...axesStudy.grid,
    pairs: axesStudy.grid.pairs.filter(({ batchSize }) => batchSize === 128),
  },
};

/**
 * Momentum, Adam and RMSprop on all images to the stop of standard, one seed. Momentum 0.9 makes steps
 * ten times as long, so its learning rates are a tenth of SGD's; the others' steps have about the
 * learning rate's length.
 */
export const optimizersStudy: Study = {
  ...axesStudy,
  grid: {
    ...presets.standard.grid,
    effects: ["learning-rate"],
    optimizers: ["SGD(momentum=0.9)", "Adam", "RMSprop"],
    learningRates: [1e-4, 1e-3, 1e-2],
    seeds: [0],
  },
  images: presets.standard.images,
};
