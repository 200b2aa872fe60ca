/**
 * A study as data: a grid of trajectories, and what is asked of each.
 *
 * @module
 */
import { z } from "zod";
import * as domain from "~/lib/domain.ts";
import { openMeasure } from "~/lib/measure.ts";
import { type LayerSizes, MLP_1 } from "~/lib/model.ts";
import { openOptimizer } from "~/lib/optimizer.ts";
import { openStop } from "~/lib/trainer.ts";

/** What a study varies: one factor at a time, or pairs of both. */
export const EFFECTS = ["learning-rate", "batch-size", "pairs"] as const;
export type Effect = typeof EFFECTS[number];

/** A learning rate and a batch size. */
export interface Pair {
  readonly learningRate: number;
  readonly batchSize: number;
}

/** Which cells are trained. */
export interface Grid {
  readonly effects: readonly Effect[];
  /** Canonical texts of optimizers. */
  readonly optimizers: readonly string[];
  /** At `baseBatchSize`. */
  readonly learningRates: readonly number[];
  /** At `baseLearningRate`. */
  readonly batchSizes: readonly number[];
  readonly baseLearningRate: number;
  readonly baseBatchSize: number;
  /** Of the effect "pairs". */
  readonly pairs: readonly Pair[];
  readonly seeds: readonly number[];
}

/** Which measures are taken where, canonical texts. */
export interface MeasurePlan {
  /** Of every network at the first stop. */
  readonly first: readonly string[];
  /** Of every network at the other stops. */
  readonly others: readonly string[];
  /** Also at the first stop of the grid's first seed: the expensive ones. */
  readonly once: readonly string[];
}

/** A study: a grid, the stops and measures that are asked of its trajectories. */
export interface Study {
  /** The preset that it came from. */
  readonly preset: string;
  readonly grid: Grid;
  readonly sizes: LayerSizes;
  /** Of trajectories that start from given weights: see `Trajectory`. */
  readonly init?: string;
  /** The first so many training images are used; the test set is always whole. */
  readonly images: number;
  /** A trajectory ends here where a stop is not reached before. */
  readonly maxEpochs: number;
  /** Canonical texts; figures show the first. */
  readonly stops: readonly string[];
  readonly measures: MeasurePlan;
}

const list = <T>(item: z.ZodType<T>, what: string): z.ZodType<T[]> =>
  z.array(item).min(1).refine(
    (values) => new Set(values.map((value) => JSON.stringify(value))).size === values.length,
  ).describe(`a list of ${what}, at least 1, none twice`);

/**
 * Checks a study that a caller put together, and brings its texts into canonical form.
 *
 * @throws {UsageError} If a value is out of its domain, or a list empty or with duplicates.
 */
export function checkStudy(study: Study): Study {
  const { grid, measures } = study;
  const check = <T>(schema: z.ZodType<T>, value: unknown, name: string): T =>
    domain.demand(schema, value, `Cannot plan the study as ${name}`);
  const all = <T>(values: readonly unknown[], schema: z.ZodType<T>, name: string): T[] => {
    const checked = values.map((value) => check(schema, value, name));
    return check(list(schema, name), checked, name);
  };
  const texts = (
    values: readonly string[],
    open: (text: string) => { text: string },
  ): string[] => [...new Set(values.map((value) => open(value).text))];
  check(z.enum(PRESETS).describe(PRESETS.join(" or ")), study.preset, "preset");
  all(grid.effects, z.enum(EFFECTS).describe(EFFECTS.join(" or ")), "effects");
  const has = (effect: Effect): boolean => grid.effects.includes(effect);
  if (has("learning-rate")) all(grid.learningRates, domain.learningRate, "learning rates");
  if (has("batch-size")) all(grid.batchSizes, domain.batchSize, "batch sizes");
  if (has("pairs")) {
    all(
      grid.pairs,
      z.object({ learningRate: domain.learningRate, batchSize: domain.batchSize })
        .describe("learning rates > 0 with batch sizes >= 1"),
      "cells",
    );
  }
  all(grid.seeds, domain.seed, "seeds");
  check(domain.learningRate, grid.baseLearningRate, "base learning rate");
  check(domain.batchSize, grid.baseBatchSize, "base batch size");
  check(domain.images, study.images, "images");
  check(domain.epochs, study.maxEpochs, "max epochs");
  const sizes = z.array(z.int().min(1)).min(2).refine((values) =>
    values[0] === 3072 && values.at(-1) === 10
  )
    .describe("layer sizes that begin with 3072 inputs and end with 10 classes");
  check(sizes, study.sizes, "layer sizes");
  if (study.stops.length === 0 || grid.optimizers.length === 0) {
    throw new domain.UsageError(
      "Cannot plan the study as there must be at least 1 stop and 1 optimizer",
    );
  }
  return {
    ...study,
    grid: { ...grid, optimizers: texts(grid.optimizers, openOptimizer) },
    stops: texts(study.stops, openStop),
    measures: {
      first: texts(measures.first, openMeasure),
      others: texts(measures.others, openMeasure),
      once: texts(measures.once, openMeasure),
    },
  };
}

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
  stops: ["cumulative:1e-3", "loss:1.9", "loss:1.7", "loss:1.5", "loss:1.2", "loss:1", "loss:0.7"],
  measures: {
    first: [
      "sharpness",
      "antithetic",
      "radius-curve",
      "trace",
      "relative-tensor",
      "relative-filter",
      "frozen",
      "generalisation",
    ],
    others: ["antithetic(directions=16)", "generalisation"],
    once: ["lambda-max", "worst-case"],
  },
};

export const PRESETS = ["quick", "standard", "paper"] as const;
export type PresetName = typeof PRESETS[number];

/** Views of the same trajectories: a first look in minutes, hours on a laptop, days. */
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
    // All of them for every network, with few directions and steps: a first look.
    measures: {
      first: [
        "sharpness(directions=16)",
        "antithetic(directions=16)",
        "radius-curve(directions=8)",
        "trace(directions=16)",
        "hessian-trace(directions=2)",
        "lambda-max(iterations=20,tolerance=0.01)",
        "preconditioned-lambda-max(iterations=20,tolerance=0.01)",
        "relative-tensor(directions=8)",
        "relative-filter(directions=8)",
        "worst-case(steps=5)",
        "adaptive-worst-case(steps=5)",
        "frozen(directions=16)",
        "generalisation",
        "weight-norm",
      ],
      others: FULL.measures.others,
      once: [],
    },
  },
  standard: { ...FULL, preset: "standard" },
  paper: {
    ...FULL,
    preset: "paper",
    grid: { ...FULL.grid, seeds: [0, 1, 2, 3, 4, 5] },
    stops: ["cumulative:1e-4", "consecutive:1e-3", ...FULL.stops],
  },
};
