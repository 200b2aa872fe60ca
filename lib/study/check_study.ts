/**
 * The check of a study that a caller put together.
 *
 * @module
 */
import { z } from "zod";
import * as domain from "~/lib/domain.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { parseOptimizer } from "~/lib/optimizer.ts";
import { type EffectName, EFFECTS } from "~/lib/study/effects.ts";
import { type Grid, PRESETS, type Study } from "~/lib/study/study.ts";
import { parseStop } from "~/lib/trainer.ts";

/** What messages call a field, what it or each of its items may be, and which effect has a use for it. */
type Field = readonly [name: string, schema?: z.ZodType, kind?: "list", usedBy?: EffectName];

const oneOf = (names: readonly string[]): z.ZodType => z.enum(names).describe(names.join(" or "));
const text = z.string().describe("a text");
const texts = z.array(z.string()).describe("a list of texts");
const object = z.record(z.string(), z.unknown()).describe("an object");
const pair = z.object({ learningRate: domain.learningRate, batchSize: domain.batchSize });
const sizes = z.array(z.int().min(1)).min(2).refine((all) => all[0] === 3072 && all.at(-1) === 10);

const GRID: Readonly<Record<keyof Grid, Field>> = {
  effects: ["effects", oneOf(Object.keys(EFFECTS)), "list"],
  optimizers: ["optimizers", text, "list"],
  learningRates: ["learning rates", domain.learningRate, "list", "learning-rate"],
  batchSizes: ["batch sizes", domain.batchSize, "list", "batch-size"],
  pairs: ["cells", pair.describe("learning rates > 0 with batch sizes >= 1"), "list", "pairs"],
  seeds: ["seeds", domain.seed, "list"],
  baseLearningRate: ["base learning rate", domain.learningRate],
  baseBatchSize: ["base batch size", domain.batchSize],
};
const STUDY: Readonly<Record<keyof Study, Field>> = {
  preset: ["preset", oneOf(PRESETS)],
  images: ["images", domain.images],
  maxEpochs: ["max epochs", domain.epochs],
  sizes: [
    "layer sizes",
    sizes.describe("a list that begins with 3072 inputs and ends with 10 classes"),
  ],
  stops: ["stops", text, "list"],
  order: ["order", z.literal("shuffled").optional().describe("shuffled or absent")],
  grid: ["grid"],
  measures: ["measures"],
  init: ["init"],
};
const MEASURES: Readonly<Record<keyof Study["measures"], Field>> = {
  first: ["measures at the first stop", texts],
  others: ["measures at the other stops", texts],
};

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
  const isUsed = (effect: EffectName): boolean => grid.effects.includes(effect);
  checkFields(study, STUDY, isUsed);
  checkFields(grid, GRID, isUsed);
  checkFields(measures, MEASURES, isUsed);
  const canonical = (values: readonly string[], open: (text: string) => { text: string }) => [
    ...new Set(values.map((value) => open(value).text)),
  ];
  return {
    ...study,
    grid: { ...grid, optimizers: canonical(grid.optimizers, parseOptimizer) },
    stops: canonical(study.stops, parseStop),
    measures: {
      first: canonical(measures.first, parseMeasure),
      others: canonical(measures.others, parseMeasure),
    },
  };
}

function checkFields(
  values: object,
  fields: Readonly<Record<string, Field>>,
  isUsed: (effect: EffectName) => boolean,
): void {
  const unknown = Object.keys(values).find((key) => !Object.hasOwn(fields, key));
  if (unknown !== undefined) {
    check(z.never().describe(Object.keys(fields).join(", ")), unknown, "its fields");
  }
  for (const [key, [name, schema, kind, usedBy]] of Object.entries(fields)) {
    const value = (values as Record<string, unknown>)[key];
    if (schema === undefined || (usedBy !== undefined && !isUsed(usedBy))) continue;
    if (kind !== "list") {
      check(schema, value, name);
      continue;
    }
    for (const item of Array.isArray(value) ? value : []) check(schema, item, name);
    const list = z.array(z.unknown()).min(1).refine((all) =>
      new Set(all.map((item) => JSON.stringify(item))).size === all.length
    );
    check(list.describe(`a list of ${name}, at least 1, none twice`), value, name);
  }
}

function check(schema: z.ZodType, value: unknown, name: string): void {
  domain.validate(schema, value, `Cannot plan the study as ${name}`);
}
