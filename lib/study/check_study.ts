/**
 * The check of a study that a caller put together.
 *
 * @module
 */
import { z } from "zod";
import * as domain from "~/lib/domain.ts";
import { openMeasure } from "~/lib/measure.ts";
import { openOptimizer } from "~/lib/optimizer.ts";
import { EFFECTS } from "~/lib/study/effects.ts";
import { type Grid, PRESETS, type Study } from "~/lib/study/study.ts";
import { openStop } from "~/lib/trainer.ts";

/** What a field may be. */
interface Field {
  /** What messages call it. */
  readonly name: string;
  /** Of its value, or of each of its items where it is a list. */
  readonly schema: z.ZodType;
  readonly isList?: true;
  /** Whether the study has a use for it; default: always. */
  isUsed?(grid: Grid): boolean;
}

const oneOf = (names: readonly string[]): z.ZodType => z.enum(names).describe(names.join(" or "));
const text = z.string().describe("a text");

const GRID: Readonly<Record<keyof Grid, Field>> = {
  effects: { name: "effects", schema: oneOf(Object.keys(EFFECTS)), isList: true },
  optimizers: { name: "optimizers", schema: text, isList: true },
  learningRates: {
    ...{ name: "learning rates", schema: domain.learningRate, isList: true },
    isUsed: ({ effects }) => effects.includes("learning-rate"),
  },
  batchSizes: {
    ...{ name: "batch sizes", schema: domain.batchSize, isList: true },
    isUsed: ({ effects }) => effects.includes("batch-size"),
  },
  pairs: {
    ...{ name: "cells", isList: true },
    schema: z.object({ learningRate: domain.learningRate, batchSize: domain.batchSize })
      .describe("learning rates > 0 with batch sizes >= 1"),
    isUsed: ({ effects }) => effects.includes("pairs"),
  },
  seeds: { name: "seeds", schema: domain.seed, isList: true },
  baseLearningRate: { name: "base learning rate", schema: domain.learningRate },
  baseBatchSize: { name: "base batch size", schema: domain.batchSize },
};

const STUDY: Readonly<Record<Exclude<keyof Study, "grid" | "measures" | "init">, Field>> = {
  preset: { name: "preset", schema: oneOf(PRESETS) },
  images: { name: "images", schema: domain.images },
  maxEpochs: { name: "max epochs", schema: domain.epochs },
  sizes: {
    name: "layer sizes",
    schema: z.array(z.int().min(1)).min(2)
      .refine((sizes) => sizes[0] === 3072 && sizes.at(-1) === 10)
      .describe("a list that begins with 3072 inputs and ends with 10 classes"),
  },
  stops: { name: "stops", schema: text, isList: true },
  order: {
    name: "order",
    schema: z.literal("shuffled").optional().describe("shuffled or absent"),
  },
};

const object = z.record(z.string(), z.unknown()).describe("an object");
const texts = z.array(z.string()).describe("a list of texts");

/**
 * Checks a study that a caller put together, and brings its texts into canonical form.
 *
 * @throws {UsageError} If a value is missing or out of its domain, a list of the grid empty or with
 * duplicates, or a name of no field. Stops and measures that stand twice count once.
 */
export function checkStudy(study: Study): Study {
  check(object, study, "it");
  const { grid, measures } = study;
  check(object, grid, "grid");
  check(object, measures, "measures (first and others)");
  checkFields(study, { ...STUDY, grid: undefined, measures: undefined, init: undefined });
  checkFields(grid, GRID);
  checkFields(measures, { first: undefined, others: undefined });
  const canonical = (values: readonly string[], open: (text: string) => { text: string }) => [
    ...new Set(values.map((value) => open(value).text)),
  ];
  const { first, others } = measures;
  check(texts, first, "measures at the first stop");
  check(texts, others, "measures at the other stops");
  return {
    ...study,
    grid: { ...grid, optimizers: canonical(grid.optimizers, openOptimizer) },
    stops: canonical(study.stops, openStop),
    measures: { first: canonical(first, openMeasure), others: canonical(others, openMeasure) },
  };
}

function checkFields(values: object, fields: Readonly<Record<string, Field | undefined>>): void {
  const unknown = Object.keys(values).find((key) => !Object.hasOwn(fields, key));
  if (unknown !== undefined) {
    check(z.never().describe(Object.keys(fields).join(", ")), unknown, "its fields");
  }
  for (const [key, field] of Object.entries(fields)) {
    const { name, schema, isList, isUsed } = field ?? {};
    const value = (values as Record<string, unknown>)[key];
    if (schema === undefined || isUsed?.(values as Grid) === false) continue;
    if (isList === undefined) {
      check(schema, value, name!);
      continue;
    }
    const list = z.array(z.unknown()).min(1).describe(`a list of ${name}, at least 1, none twice`);
    for (const item of Array.isArray(value) ? value : []) check(schema, item, name!);
    check(
      list.refine((all) => new Set(all.map((item) => JSON.stringify(item))).size === all.length),
      value,
      name!,
    );
  }
}

function check(schema: z.ZodType, value: unknown, name: string): void {
  domain.demand(schema, value, `Cannot plan the study as ${name}`);
}
