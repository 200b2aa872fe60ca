/**
 * The check of a study that a caller put together.
 *
 * @module
 */
import { z } from "zod";
import * as domain from "~/lib/domain.ts";
import { openMeasure } from "~/lib/measure.ts";
import { openOptimizer } from "~/lib/optimizer.ts";
import { type EffectName, EFFECTS } from "~/lib/study/effects.ts";
import { PRESETS, type Study } from "~/lib/study/study.ts";
import { openStop } from "~/lib/trainer.ts";

const list = <T>(item: z.ZodType<T>, what: string): z.ZodType<T[]> =>
  z.array(item).min(1).refine(
    (values) => new Set(values.map((value) => JSON.stringify(value))).size === values.length,
  ).describe(`a list of ${what}, at least 1, none twice`);

/**
 * Checks a study that a caller put together, and brings its texts into canonical form.
 *
 * @throws {UsageError} If a value is out of its domain, or a list of the grid empty or with
 * duplicates. Optimizers, stops and measures that stand twice count once.
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
  all(
    grid.effects,
    z.enum(Object.keys(EFFECTS)).describe(Object.keys(EFFECTS).join(" or ")),
    "effects",
  );
  const has = (effect: EffectName): boolean => grid.effects.includes(effect);
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
    .describe("a list that begins with 3072 inputs and ends with 10 classes");
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
    },
  };
}
