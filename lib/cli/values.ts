/**
 * Values of options: from text to what they mean, or one clear line of what is wrong.
 *
 * @module
 */
import type { z } from "zod";
import type { Values } from "~/lib/cli/command.ts";
import { demand, splitList, UsageError } from "~/lib/domain.ts";

/** A number; undefined if the option is not given. */
export function numberOption(
  values: Values,
  name: string,
  domain: z.ZodType<number>,
): number | undefined {
  const text = values[name];
  return text === undefined ? undefined : toNumber(name, String(text), domain);
}

/** A list of numbers, separated by commas. */
export function numbersOption(
  values: Values,
  name: string,
  domain: z.ZodType<number>,
): number[] | undefined {
  return listOption(values, name)?.map((text) => toNumber(name, text, domain));
}

/** A list of texts that a function of the field reads: optimizers, stops, measures. */
export function textsOption(
  values: Values,
  name: string,
  open: (text: string) => { text: string },
): string[] | undefined {
  const texts = listOption(values, name)?.map((text) => open(text).text);
  // "SGD,SGD(momentum=0)" is one optimizer, twice.
  if (texts !== undefined) demandDistinct(texts, values, name);
  return texts;
}

/** A list of pairs `a:b`. */
export function pairsOption(
  values: Values,
  name: string,
  [first, second]: readonly [z.ZodType<number>, z.ZodType<number>],
): [number, number][] | undefined {
  return listOption(values, name)?.map((text) => {
    const parts = text.split(":");
    if (parts.length !== 2) {
      throw new UsageError(`--${name} must be a list of A:B: current value is ${text || "empty"}`);
    }
    return [toNumber(name, parts[0]!, first), toNumber(name, parts[1]!, second)];
  });
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
  const text = textOption(values, name);
  if (text === undefined) return undefined;
  const parts = splitList(text);
  demandDistinct(parts.map((part) => Number(part) || part), values, name);
  return parts;
}

function demandDistinct(list: readonly (string | number)[], values: Values, name: string): void {
  if (new Set(list).size < list.length) {
    throw new UsageError(`--${name} must not name a value twice: current value is ${values[name]}`);
  }
}

function toNumber(name: string, text: string, domain: z.ZodType<number>): number {
  // Number("") is 0 and Number("0x10") is 16: neither is meant.
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN;
  if (Number.isNaN(value)) {
    throw new UsageError(
      `--${name} must be ${domain.description}: current value is ${text || "empty"}`,
    );
  }
  return demand(domain, value, `--${name}`);
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
