/**
 * Every option of every command, once: its help, and the schema from its text to its value.
 *
 * @module
 */
import { z } from "zod";
import { sbatchOptions } from "~/lib/cluster.ts";
import * as domain from "~/lib/domain.ts";
import { ENGINE_NAMES, GEMM_LIBRARIES } from "~/lib/engine.ts";
import { openMeasure } from "~/lib/measure.ts";
import { openOptimizer } from "~/lib/optimizer.ts";
import { PRESETS } from "~/lib/study.ts";
import { openStop, STOP_HELP } from "~/lib/trainer.ts";

/** What a command may do with a path: read it, keep files in it, or write it in its folder. */
export type PathUse = "read" | "keep" | "write";

/** An option as the table has it. */
export interface Option {
  /** Name of the value in the help; absent for a switch. */
  readonly value?: string;
  readonly help: string;
  /** From the text; its description completes "must be ...". */
  readonly schema: z.ZodType;
  /** Of paths. */
  readonly path?: PathUse;
}

const SWITCH = z.literal(true).describe("given without a value");

const number = (of: z.ZodType<number>): z.ZodType<number> =>
  z.string().transform(domain.readNumber).pipe(of).describe(of.description!);

const choice = <T extends string>(names: readonly T[]): z.ZodType<T> =>
  z.string().transform((text) =>
    names.find((name) => name.toLowerCase() === text.toLowerCase()) ?? text
  ).pipe(z.enum(names as [T, ...T[]])).describe(names.join(" or "));

/** Texts that a function of the field reads: optimizers, stops, measures; canonical then. */
const named = (open: (text: string) => { text: string }, what: string): z.ZodType<string> =>
  z.string().transform((text) => open(text).text).describe(what);

const list = <T>(item: z.ZodType<T>): z.ZodType<T[]> =>
  z.string().transform(domain.splitList).pipe(z.array(item))
    .refine((items) => new Set(items.map((each) => JSON.stringify(each))).size === items.length)
    .describe(`a list, each ${item.description}, none twice`);

const orNone = <T>(of: z.ZodType<T[]>): z.ZodType<T[]> =>
  z.union([z.literal("-").transform((): T[] => []), of]).describe(of.description!);

const pair: z.ZodType<{ learningRate: number; batchSize: number }> = z.string()
  .transform((text) => text.split(":").map(domain.readNumber))
  .pipe(z.tuple([domain.learningRate, domain.batchSize]))
  .transform(([learningRate, batchSize]) => ({ learningRate, batchSize }))
  .describe("a learning rate > 0 and a batch size >= 1 as LR:B");

const path: z.ZodType<string> = z.string().regex(/^\P{Cc}+$/u)
  .describe("a path, not empty, without control characters");

const text = (schema: z.ZodType<string[]>): z.ZodType<string[]> =>
  z.string().min(1).pipe(schema).describe("options, not empty");

/** All options by name, in the order in which the help has them. */
export const OPTIONS = {
  model: {
    value: "FILE",
    help: "safetensors with PyTorch's names and layout",
    schema: path,
    path: "read",
  },
  preset: { value: "NAME", help: "standard (default), quick or paper", schema: choice(PRESETS) },
  effects: {
    value: "LIST",
    help: "learning-rate,batch-size (default: the preset's, both)",
    schema: list(choice(["learning-rate", "batch-size"])),
  },
  "learning-rate": {
    value: "LR",
    help: domain.learningRate.description!,
    schema: number(domain.learningRate),
  },
  "batch-size": { value: "B", help: "images a batch", schema: number(domain.batchSize) },
  optimizer: {
    value: "NAME",
    help: 'e.g. SGD or "SGD(momentum=0.9)"',
    schema: named(openOptimizer, "an optimizer"),
  },
  optimizers: {
    value: "LIST",
    help: 'e.g. SGD,AdaGrad or "SGD(momentum=0.9)"',
    schema: list(named(openOptimizer, "an optimizer")),
  },
  "learning-rates": {
    value: "LIST",
    help: "in place of the preset's, e.g. 1e-3,1e-2",
    schema: list(number(domain.learningRate)),
  },
  "batch-sizes": {
    value: "LIST",
    help: "in place of the preset's, e.g. 32,128",
    schema: list(number(domain.batchSize)),
  },
  cells: {
    value: "LIST",
    help: "pairs LR:B in place of both effects, e.g. 1e-4:128,4e-4:512",
    schema: list(pair),
  },
  seed: { value: "S", help: "seed of the initial weights", schema: number(domain.seed) },
  seeds: {
    value: "LIST",
    help: "seeds of the initial weights, e.g. 0,1,2",
    schema: list(number(domain.seed)),
  },
  init: { value: "FILE", help: "start from these weights instead", schema: path, path: "read" },
  images: {
    value: "N",
    help: "the first N training images (default: all 50000; 10000 for the preset quick)",
    schema: number(domain.images),
  },
  "max-epochs": {
    value: "N",
    help: "epochs at most; a stop not reached by then is taken there; 0: the initial weights",
    schema: number(domain.epochs),
  },
  stops: {
    value: "LIST",
    help: `${STOP_HELP}; figures show the first`,
    schema: list(named(openStop, "a stop")),
  },
  measures: {
    value: "LIST",
    help: "taken at the first stop, in place of the preset's; none: -",
    schema: orNone(list(named(openMeasure, "a measure"))),
  },
  directions: {
    value: "K",
    help: "random directions of sharpness (reproduce: also of antithetic and frozen-batchnorm; default 49)",
    schema: number(domain.directions),
  },
  radius: {
    value: "R",
    help: "length of their steps in parameter space (default 5)",
    schema: number(domain.radius),
  },
  models: {
    value: "DIR",
    help: "where networks are kept (default models/)",
    schema: path,
    path: "keep",
  },
  results: {
    value: "DIR",
    help: "where records and figures are kept (default results/)",
    schema: path,
    path: "keep",
  },
  out: { value: "FILE", help: "where the network is written", schema: path, path: "write" },
  "cached-only": { help: "compute nothing, draw from what is there", schema: SWITCH },
  verify: {
    value: "N",
    help: "compute N cached runs again, apart, and compare",
    schema: number(domain.count),
  },
  "verify-seed": {
    value: "S",
    help: "chooses those runs (default: the time)",
    schema: number(domain.seed),
  },
  fresh: { help: "compute again what exists, replacing it run by run", schema: SWITCH },
  "no-wait": {
    help: "end when the runs that are left are held by other processes",
    schema: SWITCH,
  },
  "dry-run": {
    help: "list the runs: cached, running or missing; their time and memory",
    schema: SWITCH,
  },
  slurm: {
    value: "TASKS",
    help: "submit the study to Slurm, as an array of so many tasks; with --dry-run: their time",
    schema: number(domain.count),
  },
  sbatch: {
    value: "OPTIONS",
    help: 'for sbatch, e.g. "--partition=long --time=04:00:00"',
    schema: text(z.string().transform(sbatchOptions)),
  },
  libraries: {
    value: "LIST",
    help: "matrix libraries: blas,onnxruntime (default: the one fast here)",
    schema: list(choice(GEMM_LIBRARIES)),
  },
  against: {
    value: "REF",
    help: "measure a committed build, too, in turn, and compare: HEAD, a branch, a commit",
    schema: z.string().regex(/^[\w][\w./~^@{}-]*$/).describe("a commit as git names it"),
  },
  engine: {
    value: "NAME",
    help: `auto (default), ${ENGINE_NAMES.filter((name) => name !== "auto").join(", ")}`,
    schema: choice(ENGINE_NAMES),
  },
  threads: {
    value: "N",
    help: "threads of the CPU engine (default: the machine's cores)",
    schema: number(domain.threads),
  },
  data: {
    value: "DIR",
    help: "CIFAR-10 that is there already: its folder or tarball (default: CIFAR10_DIR, data/)",
    schema: path,
    path: "read",
  },
  cpu: { help: "for the CPU, without CUDA", schema: SWITCH },
  json: { help: "print one JSON document on stdout; messages go to stderr", schema: SWITCH },
} as const satisfies Readonly<Record<string, Option>>;

/** An option's name. */
export type OptionName = keyof typeof OPTIONS;

/** What a command line says, by option; of required ones it is known that they are there. */
export type Values<Required extends OptionName = never> =
  & { readonly [Name in OptionName]?: z.output<(typeof OPTIONS)[Name]["schema"]> }
  & { readonly [Name in Required]: z.output<(typeof OPTIONS)[Name]["schema"]> };
