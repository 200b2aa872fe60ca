/**
 * Checks a study's grid and protocols before anything is trained or written.
 *
 * @module
 */
import { CLASSES, IMAGE_BYTES } from "~/lib/dataset.ts";
import { layoutLayers } from "~/lib/model.ts";
import { type OptimizerName, OPTIMIZERS } from "~/lib/optimizer.ts";
import { isSeed, MAX_SEED } from "~/lib/random.ts";
import { type Effect, EFFECTS, PRESETS, STOPPING_RULES, type Study } from "~/lib/study/study.ts";

/**
 * Checks a study that a caller put together.
 *
 * @throws {RangeError} If a value is out of its domain, a list empty or with duplicates, a network
 * not one for CIFAR-10's images and classes.
 */
export function checkStudy({ preset, grid, training, sharpness }: Study): void {
  checkChoice("preset", preset, PRESETS);
  const lists: [string, readonly unknown[], (value: never) => boolean, string][] = [
    ["effects", grid.effects, (value: Effect) => EFFECTS.includes(value), EFFECTS.join(" or ")],
    [
      "optimizers",
      grid.optimizers,
      (value: OptimizerName) => OPTIMIZERS.includes(value),
      OPTIMIZERS.join(" or "),
    ],
    ["learning rates", [...grid.learningRates], isLearningRate, "finite and > 0"],
    ["batch sizes", [...grid.batchSizes], isCount, "integers >= 1"],
    ["seeds", [...grid.seeds], isSeed, `integers in 0..${MAX_SEED}`],
  ];
  for (const [name, values, valid, domain] of lists) {
    const state = `current value is [${values.join(", ")}]`;
    if (!values.every((value) => valid(value as never))) {
      throw new RangeError(`Cannot plan the study as ${name} must be ${domain}: ${state}`);
    }
    if (values.length === 0 || new Set(values).size !== values.length) {
      throw new RangeError(
        `Cannot plan the study as ${name} must be distinct, at least 1: ${state}`,
      );
    }
  }
  const numbers: [string, unknown, (value: number) => boolean, string][] = [
    ["base learning rate", grid.baseLearningRate, isLearningRate, "finite and > 0"],
    ["base batch size", grid.baseBatchSize, isCount, "an integer >= 1"],
    ["images", training.images, isImages, "an integer in 1..50000"],
    ["max epochs", training.maxEpochs, isEpochs, "an integer in 0..1000000"],
    ["stopping criterion", training.stoppingCriterion, isNonNegative, "finite and >= 0"],
    ["stopping criterion epochs", training.stoppingCriterionEpochs, isCount, "an integer >= 1"],
    ["radius", sharpness.radius, isNonNegative, "finite and >= 0"],
    ["directions", sharpness.directions, isDirections, "an integer in 1..10000"],
    ["direction seed", sharpness.directionSeed, isSeed, `an integer in 0..${MAX_SEED}`],
  ];
  for (const [name, value, valid, domain] of numbers) {
    if (!valid(value as number)) {
      throw new RangeError(
        `Cannot plan the study as ${name} must be ${domain}: current value is ${value}`,
      );
    }
  }
  checkChoice("stopping", training.stopping, STOPPING_RULES);
  layoutLayers(training.sizes);
  if (training.sizes[0] !== IMAGE_BYTES || training.sizes.at(-1) !== CLASSES.length) {
    throw new RangeError(
      `Cannot plan the study as layer sizes must begin with ${IMAGE_BYTES} and end with ` +
        `${CLASSES.length}: current value is [${training.sizes.join(", ")}]`,
    );
  }
}

function checkChoice<T extends string>(name: string, value: T, choices: readonly T[]): void {
  if (!choices.includes(value)) {
    throw new RangeError(
      `Cannot plan the study as ${name} must be ${choices.join(" or ")}: current value is ${value}`,
    );
  }
}

function isLearningRate(value: number): boolean {
  return Number.isFinite(value) && value > 0;
}
function isNonNegative(value: number): boolean {
  return Number.isFinite(value) && value >= 0;
}
/** Whether a number counts something that there must be one of at least. */
export function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}
function isImages(value: number): boolean {
  return isCount(value) && value <= 50_000;
}
function isEpochs(value: number): boolean {
  return value === 0 || (isCount(value) && value <= 1_000_000);
}
function isDirections(value: number): boolean {
  return isCount(value) && value <= 10_000;
}
