/**
 * Runs one command in this process: `main.ts NAME [options]`, with the permissions that it needs.
 *
 * Exit status: 0 done, 1 failed, 2 wrong usage (nothing written), 130 interrupted, 143 terminated.
 *
 * @module
 */
import { checkPaths } from "~/lib/cli/asked.ts";
import { helpOf, readValues, readWords, sayError, type Texts } from "~/lib/cli/words.ts";
import { type Command, type CommandName, COMMANDS } from "~/lib/cli/commands.ts";
import type { OptionName, Values } from "~/lib/cli/options.ts";
import { formatProgress, type OnProgress, throttled } from "~/lib/files/progress.ts";

/** What a command is told besides its values. */
export interface About {
  readonly name: CommandName;
  /** The options as they were given. */
  readonly texts: Texts;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  readonly onMessage: (message: string) => void;
}

/** What a command's file exports as `main`: what it returns is printed where `--json` is given. */
export type Main<Required extends OptionName = never> = (
  values: Values<Required>,
  about: About,
) => Promise<object | void>;

/**
 * Aborts at the first signal and ends at the next.
 *
 * @param when Work stops, for the message.
 * @returns The status that it asks for.
 */
function listen(interruption: AbortController, when: string): () => number {
  let [status, last] = [0, -Infinity];
  for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    if (signal === "SIGTERM" && Deno.build.os === "windows") continue;
    Deno.addSignalListener(signal, () => {
      const now = performance.now();
      if (status !== 0 && now - last > 500) Deno.exit(code);
      last = now;
      if (status !== 0) return;
      status = code;
      console.error(`\nStopping${when}; once more to stop at once`);
      interruption.abort(new Error("interrupted"));
    });
  }
  return () => status;
}

/** Progress and messages as fits stderr: a bar in a terminal, plain lines elsewhere. */
function openDisplay(): Pick<About, "onProgress" | "onMessage"> & { close(): void } {
  const isTerminal = Deno.stderr.isTerminal();
  const rewrite = (line: string): void => {
    Deno.stderr.writeSync(new TextEncoder().encode(`\r${line}\x1b[K`));
  };
  const close = (): void => {
    if (isTerminal) rewrite("");
  };
  return {
    // Plain lines are few: a log of a long study stays readable.
    onProgress: throttled(isTerminal ? 100 : 10_000, (progress) => {
      if (!isTerminal) console.error(formatProgress(progress, 0));
      else rewrite(formatProgress(progress).slice(0, Deno.consoleSize().columns - 1));
    }),
    onMessage(message): void {
      close();
      console.error(message);
    },
    close,
  };
}

async function run(name: CommandName, words: readonly string[]): Promise<number> {
  const command: Command = COMMANDS[name];
  const interruption = new AbortController();
  const { signal } = interruption;
  const trains = command.options.includes("models");
  const keeps = trains || words.some((word) => /^--out(=|$)/.test(word));
  const interrupted = listen(interruption, trains ? " after the epoch in progress" : "");
  const { close, ...display } = openDisplay();
  try {
    const texts = readWords(command, words);
    if (texts.help) {
      console.log(helpOf(name, command));
      return 0;
    }
    const values = readValues(command, texts);
    checkPaths(values);
    const { main }: { main: Main } = await import(command.file);
    const document = await main(values, { name, texts, signal, ...display });
    if (values.json && document) console.log(JSON.stringify(document));
  } catch (error) {
    close();
    if (!signal.aborted) return sayError(error);
    const what = keeps
      ? "what is finished is kept; the same command goes on from there"
      : "nothing was kept";
    console.error(`Interrupted: ${what}`);
  }
  close();
  return interrupted();
}

const [name = "", ...words] = Deno.args;
// A command that was not complete says so in the process's own status.
if (import.meta.main) Deno.exit(await run(name as CommandName, words) || Deno.exitCode);
