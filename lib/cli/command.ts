/**
 * Command lines: from words to values, and the text of `--help`.
 *
 * @module
 */
import { parseArgs } from "node:util";
import type { Command } from "~/lib/cli/commands.ts";
import { type Option, type OptionName, OPTIONS, type Values } from "~/lib/cli/options.ts";
import { UsageError, validate } from "~/lib/domain.ts";
import { printable } from "~/lib/files/text.ts";

/** A command line by option: texts, and true for switches. */
export type Texts = Readonly<Record<string, string | true>>;

const optionOf = (name: OptionName): Option => OPTIONS[name];

/**
 * Reads a command line's words.
 *
 * @throws {UsageError} If an option is unknown, lacks its value or is given twice.
 */
export function readWords({ options }: Command, words: readonly string[]): Texts {
  try {
    const { values } = parseArgs({
      args: joinDashedValues(words),
      options: {
        help: { type: "boolean", short: "h" },
        ...Object.fromEntries(options.map((name) => {
          const type = optionOf(name).value === "" ? "boolean" : "string";
          return [name, { type, multiple: true } as const];
        })),
      },
      allowPositionals: false,
    });
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => {
        if (!Array.isArray(value)) return [name, true];
        if (value.length > 1) throw new UsageError(`--${name} must be given once`);
        return [name, value[0] as string | true];
      }),
    );
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split("\n")[0]}; see --help`);
  }
}

/**
 * "--learning-rate -1" as "--learning-rate=-1", so that the message is about the value; and options
 * for another program, which are no options here.
 */
function joinDashedValues(words: readonly string[]): string[] {
  const joined: string[] = [];
  for (const word of words) {
    const last = joined.at(-1);
    const isValue = /^-(?:[\d.]|$)/.test(word) && last?.startsWith("--") && !last.includes("=");
    if (isValue || last === "--sbatch") joined.push(`${joined.pop()}=${word}`);
    else joined.push(word);
  }
  return joined;
}

/** A command line's words again. */
export function toWords(texts: Texts): string[] {
  return Object.entries(texts)
    .map(([name, text]) => text === true ? `--${name}` : `--${name}=${text}`);
}

/**
 * Reads the values of a command's options.
 *
 * @throws {UsageError} If one is not in its domain, is missing, or excludes another that is given.
 */
export function readValues<Name extends OptionName = never>(
  { required = [], apart = [], needs = {} }: Partial<Command>,
  texts: Texts,
): Values<Name> {
  const has = (name: string): boolean => texts[name] !== undefined;
  for (const name of required) {
    if (!has(name)) throw new UsageError(`--${name} is required; see --help`);
  }
  for (const [one, other] of apart.map((names) => names.filter(has))) {
    if (other) throw new UsageError(`--${one} and --${other} must not be given together`);
  }
  for (const [name, other] of Object.entries(needs)) {
    if (has(name) && !has(other)) throw new UsageError(`--${name} must be given with --${other}`);
  }
  return Object.fromEntries(
    Object.entries(texts).filter(([name]) => name !== "help").map(([name, text]) => [
      name,
      validate(optionOf(name as OptionName).schema, text, `--${name}`),
    ]),
  ) as Values<Name>;
}

/** The text of `--help`. */
export function helpOf(name: string, command: Command): string {
  const { summary, options, required = [], help = {}, notes = {} } = command;
  const rows = options.map((option): [string, string] => {
    const { value, help: usual } = optionOf(option);
    return [
      `  --${option} ${value}`.trimEnd(),
      `${help[option] ?? usual}${required.includes(option) ? ", required" : ""}`,
    ];
  });
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return [
    ...[summary, "", `deno task ${name} [options]`, ""],
    ...rows.map(([left, right]) => left.padEnd(width) + right),
    ...Object.entries(notes).flatMap(([title, lines]) => [
      ...["", `${title}:`],
      ...lines.map((line) => `  ${line}`),
    ]),
    "",
    "Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted, 143 told to end (what is",
    "finished is kept).",
  ].join("\n");
}

/** Says what went wrong. @returns The exit status. */
export function sayError(error: unknown): number {
  const message = error instanceof Error ? error.message : String(error);
  const isUsage = error instanceof UsageError;
  // A message may have several lines; what a user typed is no line end.
  for (const line of isUsage ? [message] : message.split("\n")) {
    console.error(printable(line, 5000));
  }
  return isUsage ? 2 : 1;
}
