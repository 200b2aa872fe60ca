/**
 * Values of options: from text to what they mean, or one clear line of what is wrong.
 *
 * @module
 */
import { UsageError, type Values } from "~/lib/cli/command.ts";

/** Largest of an option's numbers that is taken. */
interface Range {
  readonly min: number;
  readonly max: number;
  /** Only whole numbers. */
  readonly integer?: boolean;
  /** `min` itself is excluded. */
  readonly above?: boolean;
}

/** Learning rates: finite and > 0. */
export const LEARNING_RATE: Range = { min: 0, max: Number.MAX_VALUE, above: true };
/** Images a batch. */
export const BATCH_SIZE: Range = { min: 1, max: 1_000_000, integer: true };
export const SEED: Range = { min: 0, max: 2 ** 32 - 1, integer: true };
export const IMAGES: Range = { min: 1, max: 50_000, integer: true };
export const EPOCHS: Range = { min: 0, max: 1_000_000, integer: true };
export const DIRECTIONS: Range = { min: 1, max: 10_000, integer: true };
/** Radius of a step, or a criterion. */
export const NON_NEGATIVE: Range = { min: 0, max: Number.MAX_VALUE };
export const THREADS: Range = { min: 1, max: 256, integer: true };

/** A number; undefined if the option is not given. */
export function numberOption(values: Values, name: string, range: Range): number | undefined {
  const text = values[name];
  return text === undefined ? undefined : toNumber(name, String(text), range);
}

/** A list of numbers, separated by commas. */
export function numbersOption(values: Values, name: string, range: Range): number[] | undefined {
  const parts = listOption(values, name);
  return parts?.map((text) => toNumber(name, text, range));
}

/** One of several words. */
export function choiceOption<T extends string>(
  values: Values,
  name: string,
  choices: readonly T[],
): T | undefined {
  const text = values[name];
  return text === undefined ? undefined : toChoice(name, String(text), choices);
}

/** A list of words, each one of several. */
export function choicesOption<T extends string>(
  values: Values,
  name: string,
  choices: readonly T[],
): T[] | undefined {
  return listOption(values, name)?.map((text) => toChoice(name, text, choices));
}

/** A path or other text that may not be empty. */
export function textOption(values: Values, name: string): string | undefined {
  const text = values[name];
  if (text === "") throw new UsageError(`--${name} must not be empty`);
  return text === undefined ? undefined : String(text);
}

/** The value of an option that must be given. */
export function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new UsageError(`--${name} is required; see --help`);
  return value;
}

function listOption(values: Values, name: string): string[] | undefined {
  const parts = textOption(values, name)?.split(",").map((text) => text.trim());
  if (
    parts !== undefined && new Set(parts.map((text) => Number(text) || text)).size < parts.length
  ) {
    throw new UsageError(`--${name} must not name a value twice: current value is ${values[name]}`);
  }
  return parts;
}

function toNumber(name: string, text: string, { min, max, integer, above }: Range): number {
  // Number("") is 0 and Number("0x10") is 16: neither is meant.
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
  const inside = (above ? value > min : value >= min) && value <= max;
  if (!inside || (integer && !Number.isInteger(value))) {
    const kind = integer ? "an integer" : "a number";
    const domain = max === Number.MAX_VALUE
      ? `${kind} ${above ? ">" : ">="} ${min}`
      : `${kind} in ${min}..${max}`;
    throw new UsageError(`--${name} must be ${domain}: current value is ${text || "empty"}`);
  }
  return value;
}

function toChoice<T extends string>(name: string, text: string, choices: readonly T[]): T {
  const choice = choices.find((candidate) => candidate.toLowerCase() === text.toLowerCase());
  if (choice === undefined) {
    throw new UsageError(
      `--${name} must be ${choices.join(" or ")}: current value is ${text || "empty"}`,
    );
  }
  return choice;
}
