/**
 * What all commands share: options, exit statuses, interruption.
 *
 * Exit status: 0 done, 1 failed, 2 wrong usage (nothing written), 130 interrupted, 143 terminated.
 *
 * @module
 */
import { parseArgs } from "node:util";
import { UsageError } from "~/lib/domain.ts";
import { printable } from "~/lib/files/text.ts";

/** An option: what `--help` says of its value, and the sentence beside it. */
export interface Option {
  /** Name of the value; absent for a switch. */
  readonly value?: string;
  readonly help: string;
}

/** A command: its one sentence and its options. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly options: Readonly<Record<string, Option>>;
  /** Paragraphs below the options, line by line. */
  readonly notes?: readonly string[];
}

/** Parsed options: text by name, switches as true. */
export type Values = Readonly<Record<string, string | true | undefined>>;

/**
 * Runs a command and ends the process with its status.
 *
 * @param main Gets the options and a signal that is aborted when the user interrupts.
 */
export async function runCommand(
  command: Command,
  main: (values: Values, signal: AbortSignal) => Promise<void>,
): Promise<never> {
  const interruption = new AbortController();
  let status = 0;
  listen("SIGINT", 130);
  if (Deno.build.os !== "windows") listen("SIGTERM", 143);
  function listen(name: Deno.Signal, code: number): void {
    let last = -Infinity;
    Deno.addSignalListener(name, () => {
      const now = performance.now();
      if (interruption.signal.aborted && now - last > 500) Deno.exit(code);
      last = now;
      if (interruption.signal.aborted) return;
      status = code;
      console.error("\nStopping after the epoch in progress; once more to stop at once");
      interruption.abort(new Error("interrupted"));
    });
  }
  try {
    const values = parseOptions(command, Deno.args);
    if (values.help) console.log(help(command));
    else await main(values, interruption.signal);
  } catch (error) {
    if (interruption.signal.aborted) {
      console.error("Interrupted: what is finished is kept; the same command goes on from there");
    } else {
      status = error instanceof UsageError ? 2 : 1;
      console.error(printable(error instanceof Error ? error.message : String(error), 5000));
    }
  }
  // A command that was not complete says so in the process's own status.
  Deno.exit(status || Deno.exitCode);
}

/**
 * Reads a command line.
 *
 * @throws {UsageError} If an option is unknown, lacks its value or is given twice.
 */
export function parseOptions({ options }: Command, args: readonly string[]): Values {
  try {
    const { values } = parseArgs({
      args: joinDashedValues(args),
      options: {
        help: { type: "boolean", short: "h" },
        ...Object.fromEntries(
          Object.entries(options).map(([name, { value }]) => [
            name,
            { type: value === undefined ? "boolean" : "string", multiple: true } as const,
          ]),
        ),
      },
      allowPositionals: false,
    });
    return Object.fromEntries(
      Object.entries(values).map(([name, value]) => {
        if (!Array.isArray(value)) return [name, value as true];
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
function joinDashedValues(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const last = joined.at(-1);
    const isValue = /^-[\d.]/.test(arg) && last?.startsWith("--") && !last.includes("=");
    if (isValue || last === "--sbatch") {
      joined.push(`${joined.pop()}=${arg}`);
    } else joined.push(arg);
  }
  return joined;
}

/** The text of `--help`. */
export function help({ name, summary, options, notes = [] }: Command): string {
  const rows = Object.entries(options).map(([option, { value, help }]) =>
    [`  --${option}${value === undefined ? "" : ` ${value}`}`, help] as const
  );
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return [
    summary,
    "",
    `deno task ${name} [options]`,
    "",
    ...rows.map(([left, right]) => left.padEnd(width) + right),
    "",
    ...(notes.length > 0 ? [...notes, ""] : []),
    "Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted, 143 told to end (what is\n" +
    "finished is kept).",
  ].join("\n");
}
