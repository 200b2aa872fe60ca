/**
 * Every option of every command, once: its help, and the schema from its text to its value.
 *
 * @module
 */
import { z } from "zod";
import { sbatchOptions } from "~/lib/cluster.ts";
import * as domain from "~/lib/domain.ts";
import { readNumber, splitList } from "~/lib/domain.ts";
import { ENGINE_NAMES, engineName, GEMM_LIBRARIES } from "~/lib/engine.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { parseOptimizer } from "~/lib/optimizer.ts";
import { PRESETS } from "~/lib/study.ts";
import { parseStop, STOP_HELP } from "~/lib/trainer.ts";

/** What a command may do with a path: read it, keep files in it, or write it in its folder. */
export type PathUse = "read" | "keep" | "write";

/** An option: its text's schema, whose description completes "must be ...", and its help. */
export interface Option<T = unknown> {
  readonly schema: z.ZodType<T>;
  /** Name of the value in the help; "" for a switch. */
  readonly value: string;
  readonly help: string;
  /** Of paths. */
  readonly path?: PathUse;
}

/** A schema of what `read` makes of a text. */
const from = <T>(read: (text: string) => unknown, schema: z.ZodType<T>): z.ZodType<T> =>
  z.preprocess((text) => read(String(text)), schema).describe(schema.description ?? "");

const number = (domain: z.ZodType<number>): z.ZodType<number> => from(readNumber, domain);

const oneOf = <const T extends string>(names: readonly T[]): z.ZodType<T> =>
  from(
    (text) => names.find((name) => name.toLowerCase() === text.toLowerCase()),
    z.enum(names as [T, ...T[]]).describe(names.join(" or ")),
  );

/** Texts that a function of the field reads: optimizers, stops, measures; canonical then. */
const named = (open: (text: string) => { text: string }, what: string): z.ZodType<string> =>
  from((text) => open(text).text, z.string().describe(what));

const pair = from((text) => {
  const [learningRate, batchSize, ...more] = text.split(":").map(readNumber);
  return more.length > 0 ? {} : { learningRate, batchSize };
}, domain.pair.describe("LR:B, a number > 0 and an integer >= 1"));

const points = domain.integer(2, 10_000);
const size: z.ZodType<[number, number]> = from(
  (text) => text.split("x").map(readNumber),
  z.tuple([points, points]).describe("WxH, two integers in 2..10000"),
);

const file = z.string().regex(/^\P{Cc}+$/u)
  .describe("a path, not empty, without control characters");
const optimizer = named(parseOptimizer, "an optimizer");
const measure = named(parseMeasure, "a measure");
const engine = from(
  (text) => ENGINE_NAMES.find((name) => name === text.toLowerCase()) ?? text,
  engineName,
);
const engines = ENGINE_NAMES.filter((name) => name !== "auto").join(", ");

const option = <T>(value: string, schema: z.ZodType<T>, help: string): Option<T> => (
  { schema, value, help }
);
const count = (value: string, domain: z.ZodType<number>, help: string): Option<number> =>
  option(value, number(domain), help);
const choice = <const T extends string>(names: readonly T[], help: string): Option<T> =>
  option(names.join("|"), oneOf(names), help);
const list = <T>(item: z.ZodType<T>, help: string, split = splitList): Option<T[]> => {
  const all = z.array(item)
    .refine((items) => new Set(items.map((each) => JSON.stringify(each))).size === items.length)
    .describe(`a list, each ${item.description}, none twice`);
  return option("LIST", from(split, all), help);
};
const flag = (help: string): Option<true> => option("", z.literal(true), help);
const path = (use: PathUse, value: string, help: string): Option<string> => (
  { ...option(value, file, help), path: use }
);

/** What the first two kinds of stop mean. */
export const FLAT_HELP =
  "in the first two each of EPOCHS (default 5), in a row or in all, changed the loss by less than NATS";

/** All options by name. */
export const OPTIONS = {
  model: path("read", "FILE", "safetensors with PyTorch's names and layout"),
  to: path("read", "FILE", "a second network: the line through both"),
  and: path("read", "FILE", "a third, with --to: the plane through all three"),
  points: count("N", points, "even points of a line (default 51)"),
  plane: option("WxH", size, "a plane of so many points (default 25x25 with three networks)"),
  normalise: choice(
    ["filter", "none"],
    "a random step of 1 moves each unit's weights by their norm (filter, default) or all by a " +
      "distance of 1 (none)",
  ),
  biases: choice(["move", "keep"], "whether a random step moves a layer's biases (default move)"),
  preset: choice(PRESETS, "the study that other options change (default standard)"),
  effects: list(
    oneOf(["learning-rate", "batch-size"]),
    "what is varied (default learning-rate,batch-size)",
  ),
  "learning-rate": count("LR", domain.learningRate, domain.learningRate.description!),
  "batch-size": count("B", domain.batchSize, "images a batch"),
  optimizer: option("NAME", optimizer, 'e.g. SGD or "SGD(momentum=0.9)"'),
  optimizers: list(optimizer, 'e.g. SGD,AdaGrad or "SGD(momentum=0.9)"'),
  "learning-rates": list(number(domain.learningRate), "instead of the preset's, e.g. 1e-3,1e-2"),
  "batch-sizes": list(number(domain.batchSize), "instead of the preset's, e.g. 32,128"),
  cells: list(pair, "pairs LR:B, instead of the two effects, e.g. 1e-4:128,4e-4:512"),
  seed: count("S", domain.seed, "seed of the initial weights"),
  seeds: list(number(domain.seed), "seeds of the initial weights, e.g. 0,1,2"),
  init: path("read", "FILE", "start from these weights instead"),
  images: count("N", domain.images, "the first N training images (default: all 50000)"),
  order: choice(
    ["file", "shuffled"],
    "order of the images (default file); shuffled: anew every epoch, CPU engine only",
  ),
  "max-epochs": count(
    "N",
    domain.epochs,
    "epochs at most: a stop not reached by then is taken there; 0: the initial weights",
  ),
  stops: list(
    named(parseStop, "a stop"),
    `when training ends: ${STOP_HELP}; ${FLAT_HELP}; figures show the first stop; a loss ends training ` +
      "only if all stops are losses",
  ),
  measures: list(
    measure,
    "taken at the first stop, instead of the preset's; none: -",
    (text) => text === "-" ? [] : splitList(text),
  ),
  directions: count(
    "K",
    domain.directions,
    "random directions of sharpness; in a study also of antithetic and frozen-batchnorm",
  ),
  radius: count("R", domain.radius, "length of the step in each (default 5)"),
  models: path("keep", "DIR", "where networks are kept (default models/)"),
  results: path("keep", "DIR", "where records and figures are kept (default results/)"),
  out: path("write", "FILE", "where the network is written"),
  "cached-only": flag("compute nothing, draw from what is there"),
  verify: count("N", domain.count, "compute N cached runs again and compare"),
  "verify-seed": count("S", domain.seed, "chooses those runs (default: the time)"),
  fresh: flag("compute again what exists, replacing it run by run"),
  "no-wait": flag("end when other processes hold what is left"),
  "dry-run": flag("list the runs: cached, running or missing; their time and memory"),
  slurm: count(
    "TASKS",
    domain.count,
    "submit the study to Slurm as so many tasks; with --dry-run: their time",
  ),
  sbatch: option(
    "OPTIONS",
    from(sbatchOptions, z.array(z.string()).min(1).describe("options for sbatch, not empty")),
    'for sbatch, e.g. "--partition=long --time=04:00:00"',
  ),
  libraries: list(oneOf(GEMM_LIBRARIES), `of ${GEMM_LIBRARIES} (default: the fastest here)`),
  against: option(
    "REF",
    z.string().regex(/^[\w][\w./~^@{}-]*$/).describe("a commit as git names it"),
    "compare with a committed build, in turn: HEAD, a branch, a commit",
  ),
  engine: option("NAME", engine, `auto (default), ${engines}, or cpu: and a BLAS's file`),
  threads: count("N", domain.threads, "threads of the CPU engine (default: the machine's cores)"),
  data: path(
    "read",
    "PATH",
    "CIFAR-10 that is there already: a folder with its binary files or cifar-10-batches-py, or a " +
      "tar.gz of either (default: CIFAR10_DIR, data/)",
  ),
  cpu: flag("for the CPU, without CUDA"),
  json: flag("print one JSON document on stdout; messages go to stderr"),
} as const;

export type OptionName = keyof typeof OPTIONS;

export const optionOf = (name: OptionName): Option => OPTIONS[name];

type ValueOf<Name extends OptionName> = (typeof OPTIONS)[Name] extends Option<infer T> ? T : never;

/** What a command line says, by option; of required ones it is known that they are there. */
export type Values<Required extends OptionName = never> =
  & { readonly [Name in OptionName]?: ValueOf<Name> }
  & { readonly [Name in Required]: ValueOf<Name> };
