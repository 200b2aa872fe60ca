/**
 * Command lines: from words to values, and the text of `--help`.
 *
 * @module
 */
import type { Command } from "~/lib/cli/commands.ts";
import { type OptionName, optionOf, type Values } from "~/lib/cli/options.ts";
import { UsageError, validate } from "~/lib/domain.ts";
import { printable } from "~/lib/files/text.ts";

/** A command line by option: texts, and true for switches. */
export type Texts = Readonly<Record<string, string | true>>;

/**
 * Reads a command line's words: `--name value`, `--name=value` or `--switch`.
 *
 * @throws {UsageError} If one is no option, lacks its value or is given twice.
 */
export function readWords({ options }: Command, words: readonly string[]): Texts {
  const texts = new Map<string, string | true>();
  const left = [...words];
  for (let word = left.shift(); word !== undefined; word = left.shift()) {
    const fail = (reason: string): never => {
      throw new UsageError(`${reason}; see --help`);
    };
    if (word === "--help" || word === "-h") return { help: true };
    const [, given, joined] = /^--([^=]+)(?:=(.*))?$/s.exec(word) ?? [];
    const name = options.find((each) => each === given) ??
      fail(`Cannot use ${word} as it must be an option of this command`);
    const { value } = optionOf(name);
    if (texts.has(name)) fail(`--${name} must be given once`);
    if (value === "") {
      if (joined !== undefined) fail(`--${name} must have no value: current value is ${joined}`);
      texts.set(name, true);
      continue;
    }
    // A number may be below 0, and what is for another program has its own dashes.
    const isNext = name === "sbatch" || !left[0]?.startsWith("--");
    const text = joined ?? (isNext ? left.shift() : undefined);
    texts.set(name, text ?? fail(`--${name} must have a value: --${name} ${value}`));
  }
  return Object.fromEntries(texts);
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
export function readValues(
  { required = [], apart = [], needs = {} }: Partial<Command>,
  texts: Texts,
): Values {
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
    Object.entries(texts).map(([name, text]) => [
      name,
      validate(optionOf(name as OptionName).schema, text, `--${name}`),
    ]),
  ) as Values;
}

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
    ...[hang("", summary), "", `deno task ${name} [options]`, ""],
    ...rows.map(([left, right]) => hang(left.padEnd(width), right)),
    ...Object.entries(notes).flatMap(([title, lines]) => [
      ...["", `${title}:`],
      ...lines.map((line) => hang(`  ${/^ */.exec(line)}`, line)),
    ]),
    "",
    hang(
      "",
      "Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted, 143 told to end.",
    ),
  ].join("\n");
}

/** A text beside what stands left of it, in lines of a hundred letters where words allow it. */
function hang(left: string, text: string): string {
  const line = new RegExp(`\\S.{0,${99 - left.length}}(?=\\s|$)|\\S+`, "g");
  return left + (text.match(line) ?? []).join(`\n${" ".repeat(left.length)}`);
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
