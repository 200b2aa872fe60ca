/**
 * The domains of what a user can set, one schema each: command line, notebooks, files and functions
 * read these and no others. A schema's description completes "must be ...".
 *
 * @module
 */
import { z } from "zod";

/** Integers from one number to another, both included. */
export const integer = (low: number, high: number): z.ZodInt =>
  z.int().min(low).max(high).describe(`an integer in ${low}..${high}`);
/** Whatever has no other bound. */
export const positive = z.number().positive().describe("a number > 0");
/** Factor of an optimizer's step. */
export const learningRate = positive;
/** Images a batch. */
export const batchSize = integer(1, 1e6);
/** Of initial weights and of directions; the generator takes 32 bits. */
export const seed = integer(0, 2 ** 32 - 1);
/** A learning rate with its batch size. */
export const pair = z.object({ learningRate, batchSize })
  .describe("learning rates > 0 with batch sizes >= 1");
/** The first so many training images. */
export const images = integer(1, 50_000);
/** Passes over the training images; 0 trains nothing. */
export const epochs = integer(0, 1e6);
/** Number of random directions. */
export const directions = integer(1, 10_000);
/** Length of a step in parameter space. */
export const radius = z.number().min(0).describe("a number >= 0");
/** Threads of the CPU engine at most. */
const MAX_THREADS = 256;
/** Threads of the CPU engine. */
export const threads = integer(1, MAX_THREADS);
/** Threads where none are asked for: the machine's cores. */
export const defaultThreads = (): number => Math.min(navigator.hardwareConcurrency, MAX_THREADS);
/** Number of things. */
export const count = integer(1, 1e6);
/** Place in an order. */
export const place = z.int().min(0).describe("an integer >= 0");
/** A loss, or a change of one. */
export const nats = z.number().min(0).describe("a number of nats >= 0");
/** Of what is remembered from step to step: momentum, moving averages. */
export const decay = z.number().min(0).lt(1).describe("a number in [0, 1)");
/** What keeps a float32 from being divided by 0: no less than its smallest normal number. */
export const epsilon = z.number().min(1.2e-38).describe("a number >= 1.2e-38");
/** A switch. */
export const flag = z.boolean().describe("true or false");

/** The command line or a call asks for something that is not in its domain; nothing was done. */
export class UsageError extends RangeError {
  override readonly name: string = "UsageError";
}

/** Parameters of an optimizer or a measure, by name. */
export type Parameters = Readonly<Record<string, number | boolean>>;

/** What a parameter may be, its default, and one line of help. */
export interface ParameterDomain {
  readonly schema: z.ZodType<number | boolean>;
  readonly default: number | boolean;
  readonly help: string;
}

/**
 * Checks a value against its domain.
 *
 * @param what Begins the message: "Cannot plan the study as batch size".
 * @throws {UsageError} "<what> must be <domain>: current value is <value>".
 */
export function validate<T>(schema: z.ZodType<T>, value: unknown, what: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const shown = typeof value === "object" ? JSON.stringify(value) : String(value) || "(empty)";
  const cut = shown.length > 200 ? `${shown.slice(0, 200)}...` : shown;
  throw new UsageError(`${what} must be ${schema.description}: current value is ${cut}`);
}

/**
 * The number that a text is, as people write it, else the text as it is, for `validate` to refuse and
 * to show: Number("") is 0 and Number("0x10") is 16, and neither is meant.
 */
export function readNumber(text: string): number | string {
  return /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text) ? Number(text) : text;
}

/** What is called by its name, with parameters: an optimizer, a measure. */
export interface Callable {
  /** As it stands in file names and results. */
  readonly name: string;
  /** One sentence with the formula. */
  readonly summary: string;
  readonly parameters: Readonly<Record<string, ParameterDomain>>;
}

/**
 * Reads `name` or `name(key=value,...)`, the name's case ignored.
 *
 * @param kind Names what is read in messages: "optimizer", "measure".
 * @returns All parameters, and the canonical text, which leaves out those at their defaults.
 * @throws {UsageError} If the name or a key is unknown, a key stands twice, or a value is out of its domain.
 */
export function parseCall<D extends Callable>(
  text: string,
  kind: string,
  definitions: readonly D[],
): { readonly definition: D; readonly parameters: Parameters; readonly text: string } {
  const fail = (reason: string): never => {
    throw new UsageError(`Cannot use ${kind} ${text.slice(0, 200) || "(empty)"} as ${reason}`);
  };
  const match = /^\s*([\w-]+)\s*(?:\(([^()]*)\))?\s*$/.exec(text);
  const wanted = (match?.[1] ?? text.trim()).toLowerCase();
  const definition = definitions.find(({ name }) => name.toLowerCase() === wanted);
  if (match === null || definition === undefined) {
    const names = definitions.map(({ name }) => name).join(" or ");
    return fail(`it must be ${names}, with (key=value) where wanted`);
  }
  const { name, parameters: domains } = definition;
  const given: Record<string, number | boolean> = {};
  for (const part of (match[2] ?? "").split(",").filter((each) => each.trim() !== "")) {
    const [key = "", ...rest] = part.split("=").map((each) => each.trim());
    const value = rest.join("=");
    if (Object.hasOwn(given, key)) fail(`${key} must be given once`);
    const domain = Object.hasOwn(domains, key) ? domains[key]! : fail(
      `it has no ${key}: there is ${Object.keys(domains).join(", ") || "nothing to set"}`,
    );
    const read = value === "true" ? true : value === "false" ? false : readNumber(value);
    given[key] = validate(domain.schema, read, `Cannot use ${kind} ${name} as ${key}`);
  }
  const parameters = Object.fromEntries(
    Object.entries(domains).map(([key, domain]) => [key, given[key] ?? domain.default]),
  );
  const set = Object.entries(domains)
    .filter(([key, domain]) => parameters[key] !== domain.default)
    .map(([key]) => `${key}=${parameters[key]}`);
  return { definition, parameters, text: set.length === 0 ? name : `${name}(${set.join(",")})` };
}

/** Help: a line each, with its unit where it has one, and a line a parameter. */
export function callHelp(
  definitions: readonly (Callable & { readonly unit?: string })[],
): string[] {
  return definitions.flatMap(({ name, summary, unit, parameters }) => [
    `${name}: ${summary}${unit === undefined ? "" : ` [${unit}]`}`,
    ...Object.entries(parameters).map(([key, { default: usual, help, schema }]) =>
      `  ${key}: ${help}, ${schema.description} (default ${usual})`
    ),
  ]);
}

/** Splits a list at the commas outside brackets: `SGD,Adam(beta1=0.8,beta2=0.9)`. */
export function splitList(text: string): string[] {
  return text.split(/,(?![^(]*\))/).map((part) => part.trim());
}
