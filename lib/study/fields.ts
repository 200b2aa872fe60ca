/**
 * The fields of a study: what each may be, and how a study that differs from its preset is called.
 *
 * @module
 */
import { join } from "node:path";
import { z } from "zod";
import * as domain from "~/lib/domain.ts";
import { sha256 } from "~/lib/files/files.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { parseOptimizer } from "~/lib/optimizer.ts";
import { presets } from "~/lib/study/presets.ts";
import {
  type EffectName,
  EFFECTS,
  type Grid,
  type PresetName,
  PRESETS,
  type Study,
} from "~/lib/study/study.ts";
import { parseStop } from "~/lib/trainer.ts";

/** A field of a study. */
interface Field {
  readonly of: (study: Study) => unknown;
  /** Of the value, or of each in its list. */
  readonly schema: z.ZodType;
  readonly isList?: boolean;
  /** The only effect that has a use for it. */
  readonly effect?: EffectName | undefined;
}

const text = z.string().describe("a text");
const texts = z.array(z.string()).describe("a list of texts");
const layers = z.array(z.int().min(1)).min(2)
  .refine((all) => all[0] === 3072 && all.at(-1) === 10)
  .describe("a list that begins with 3072 inputs and ends with 10 classes");
const init = z.string().optional().describe("a text or absent");
const order = z.literal("shuffled").optional().describe("shuffled or absent");
const oneOf = (names: readonly string[]) => z.enum(names).describe(names.join(" or "));

const one = (of: Field["of"], schema: z.ZodType): Field => ({ of, schema });
const list = (of: Field["of"], schema: z.ZodType, effect?: EffectName): Field => (
  { of, schema, isList: true, effect }
);

/** By the name that a study's figures and tables have of it. */
const FIELDS: Readonly<Record<string, Field>> = {
  preset: one(({ preset }) => preset, oneOf(PRESETS)),
  effects: list(({ grid }) => grid.effects, oneOf(Object.keys(EFFECTS))),
  optimizers: list(({ grid }) => grid.optimizers, text),
  "learning-rates": list(({ grid }) => grid.learningRates, domain.learningRate, "learning-rate"),
  "batch-sizes": list(({ grid }) => grid.batchSizes, domain.batchSize, "batch-size"),
  "base-learning-rate": one(({ grid }) => grid.baseLearningRate, domain.learningRate),
  "base-batch-size": one(({ grid }) => grid.baseBatchSize, domain.batchSize),
  cells: list(({ grid }) => grid.pairs, domain.pair, "pairs"),
  seeds: list(({ grid }) => grid.seeds, domain.seed),
  layers: one(({ sizes }) => sizes, layers),
  images: one(({ images }) => images, domain.images),
  "max-epochs": one(({ maxEpochs }) => maxEpochs, domain.epochs),
  stops: list(({ stops }) => stops, text),
  measures: one(({ measures }) => measures.first, texts),
  "other-measures": one(({ measures }) => measures.others, texts),
  init: one(({ init }) => init, init),
  order: one(({ order }) => order, order),
};

/**
 * Checks a study that a caller put together, and brings its texts into canonical form.
 *
 * @throws {UsageError} If a value is missing or out of its domain, a list of the grid empty or with
 * duplicates, or a name of no field. Stops and measures that stand twice count once.
 */
export function checkStudy(study: Study): Study {
  const { quick } = presets;
  checkKeys("it", study, [...Object.keys(quick), "init", "order"]);
  checkKeys("grid", study.grid, Object.keys(quick.grid));
  checkKeys("measures (first and others)", study.measures, Object.keys(quick.measures));
  for (const [key, { of, schema, isList, effect }] of Object.entries(FIELDS)) {
    if (effect !== undefined && !study.grid.effects.includes(effect)) continue;
    const [name, value] = [key.replaceAll("-", " "), of(study)];
    if (isList) check(name, listed.describe(`a list of ${name}, at least 1, none twice`), value);
    for (const each of isList ? value as unknown[] : [value]) check(name, schema, each);
  }
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

const listed = z.array(z.unknown()).min(1)
  .refine((all) => new Set(all.map((each) => JSON.stringify(each))).size === all.length);

/**
 * The study of a preset with parts of its grid replaced, checked.
 *
 * @throws {UsageError} If there is no such preset, or a value is out of its domain.
 */
export function studyOf(preset: string, grid: Partial<Grid> = {}): Study {
  check("preset", oneOf(PRESETS), preset);
  const study = presets[preset as PresetName];
  return checkStudy({ ...study, grid: { ...study.grid, ...grid } });
}

function check(name: string, schema: z.ZodType, value: unknown): void {
  domain.validate(schema, value, `Cannot plan the study as ${name}`);
}

function checkKeys(name: string, value: object, keys: readonly string[]): void {
  check(name, z.record(z.string(), z.unknown()).describe("an object"), value);
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  if (unknown !== undefined) check("its fields", z.never().describe(keys.join(", ")), unknown);
}

/**
 * Names a study: "quick", or "quick,seeds=0,1,images=5000".
 *
 * Trajectories and their results have no part in it: they belong to every study that asks for them.
 */
export function studyName(study: Study): string {
  const usual = presets[study.preset as PresetName];
  const partOf = (part: unknown): unknown =>
    part instanceof Object ? Object.values(part).join(":") : part;
  const differing = Object.entries(FIELDS).flatMap(([key, { of }]) => {
    const [own, other] = [study, usual].map((each) => String([of(each)].flat().map(partOf)));
    return own === other ? [] : [`${key}=${own}`];
  });
  const whole = [study.preset, ...differing].join(",").replaceAll(/[:/]/g, "_");
  // File systems take 255 bytes a name.
  return whole.length <= 150 ? whole : `${whole.slice(0, 140)}-${sha256(whole).slice(0, 8)}`;
}

/** What is written about a study: `NAME` for the preset that the results are about, else `STUDY.NAME`. */
export function studyFile(study: Study, folder: string, name: string): string {
  const own = studyName(study);
  return join(folder, own === "standard" ? name : `${own}.${name}`);
}
