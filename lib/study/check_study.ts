/**
 * The check of a study that a caller put together.
 *
 * @module
 */
import { z } from "zod";
import * as domain from "~/lib/domain.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { parseOptimizer } from "~/lib/optimizer.ts";
import { type EffectName, EFFECTS, type Grid, PRESETS, type Study } from "~/lib/study/study.ts";
import { parseStop } from "~/lib/trainer.ts";

type Check = (value: unknown) => void;

const text = z.string().describe("a text");
const texts = z.array(z.string()).describe("a list of texts");
const pair = z.object({ learningRate: domain.learningRate, batchSize: domain.batchSize })
  .describe("learning rates > 0 with batch sizes >= 1");
const sizes = z.array(z.int().min(1)).min(2).refine((all) => all[0] === 3072 && all.at(-1) === 10)
  .describe("a list that begins with 3072 inputs and ends with 10 classes");

const GRID: Readonly<Record<keyof Grid, Check>> = {
  effects: list("effects", oneOf(Object.keys(EFFECTS))),
  optimizers: list("optimizers", text),
  learningRates: list("learning rates", domain.learningRate),
  batchSizes: list("batch sizes", domain.batchSize),
  pairs: list("cells", pair),
  seeds: list("seeds", domain.seed),
  baseLearningRate: one("base learning rate", domain.learningRate),
  baseBatchSize: one("base batch size", domain.batchSize),
};
/** What only one effect has a use for. */
const USED_BY: Readonly<Record<string, EffectName>> = {
  ...{ learningRates: "learning-rate", batchSizes: "batch-size", pairs: "pairs" },
};
const MEASURES: Readonly<Record<keyof Study["measures"], Check>> = {
  first: one("measures at the first stop", texts),
  others: one("measures at the other stops", texts),
};
const STUDY: Readonly<Record<keyof Study, Check>> = {
  grid: (grid) => checkFields("grid", grid, GRID),
  measures: (measures) => checkFields("measures (first and others)", measures, MEASURES),
  preset: one("preset", oneOf(PRESETS)),
  images: one("images", domain.images),
  maxEpochs: one("max epochs", domain.epochs),
  sizes: one("layer sizes", sizes),
  stops: list("stops", text),
  order: one("order", z.literal("shuffled").optional().describe("shuffled or absent")),
  init: () => {},
};

/**
 * Checks a study that a caller put together, and brings its texts into canonical form.
 *
 * @throws {UsageError} If a value is missing or out of its domain, a list of the grid empty or with
 * duplicates, or a name of no field. Stops and measures that stand twice count once.
 */
export function checkStudy(study: Study): Study {
  checkFields("it", study, STUDY);
  const { grid, stops, measures: { first, others } } = study;
  const canonical = (values: readonly string[], parse: (text: string) => { text: string }) => [
    ...new Set(values.map((value) => parse(value).text)),
  ];
  return {
    ...study,
    grid: { ...grid, optimizers: canonical(grid.optimizers, parseOptimizer) },
    stops: canonical(stops, parseStop),
    measures: { first: canonical(first, parseMeasure), others: canonical(others, parseMeasure) },
  };
}

function checkFields(name: string, values: unknown, checks: Readonly<Record<string, Check>>): void {
  one(name, z.record(z.string(), z.unknown()).describe("an object"))(values);
  const known = values as Record<string, unknown>;
  const unknown = Object.keys(known).find((key) => !Object.hasOwn(checks, key));
  const keys = Object.keys(checks).join(", ");
  if (unknown !== undefined) one("its fields", z.never().describe(keys))(unknown);
  for (const [key, check] of Object.entries(checks)) {
    const effect = USED_BY[key];
    if (effect === undefined || (known.effects as EffectName[]).includes(effect)) check(known[key]);
  }
}

function one(name: string, schema: z.ZodType): Check {
  return (value) => void domain.validate(schema, value, `Cannot plan the study as ${name}`);
}

function list(name: string, item: z.ZodType): Check {
  const whole = z.array(z.unknown()).min(1)
    .refine((all) => new Set(all.map((each) => JSON.stringify(each))).size === all.length)
    .describe(`a list of ${name}, at least 1, none twice`);
  return (value) => {
    for (const each of Array.isArray(value) ? value : []) one(name, item)(each);
    one(name, whole)(value);
  };
}

function oneOf(names: readonly string[]): z.ZodType {
  return z.enum(names).describe(names.join(" or "));
}
