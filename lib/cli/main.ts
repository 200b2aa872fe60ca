/**
 * Runs one command in this process: `main.ts NAME [options]`, with the permissions that it needs.
 *
 * Exit status: 0 done, 1 failed, 2 wrong usage (nothing written), 130 interrupted, 143 terminated.
 *
 * @module
 */
import { helpOf, readValues, readWords, sayError, type Texts } from "~/lib/cli/command.ts";
import { type Command, type CommandName, COMMANDS } from "~/lib/cli/commands.ts";
import type { OptionName, Values } from "~/lib/cli/options.ts";

/** What a command's file exports as `main`. */
export type Main<Required extends OptionName = never> = (
  values: Values<Required>,
  about: {
    readonly name: CommandName;
    /** The options as they were given. */
    readonly texts: Texts;
    /** Aborted when the user interrupts. */
    readonly signal: AbortSignal;
  },
) => Promise<void>;

async function run(name: CommandName, words: readonly string[]): Promise<never> {
  const interruption = new AbortController();
  let status = 0;
  function listen(signal: Deno.Signal, code: number): void {
    let last = -Infinity;
    Deno.addSignalListener(signal, () => {
      const now = performance.now();
      if (interruption.signal.aborted && now - last > 500) Deno.exit(code);
      last = now;
      if (interruption.signal.aborted) return;
      status = code;
      console.error("\nStopping after the epoch in progress; once more to stop at once");
      interruption.abort(new Error("interrupted"));
    });
  }
  listen("SIGINT", 130);
  if (Deno.build.os !== "windows") listen("SIGTERM", 143);
  try {
    const command: Command = COMMANDS[name];
    const texts = readWords(command, words);
    if (texts.help) console.log(helpOf(name, command));
    else {
      const values = readValues(command, texts);
      const { main }: { main: Main } = await import(command.file);
      await main(values, { name, texts, signal: interruption.signal });
    }
  } catch (error) {
    if (interruption.signal.aborted) {
      console.error("Interrupted: what is finished is kept; the same command goes on from there");
    } else status = sayError(error);
  }
  // A command that was not complete says so in the process's own status.
  Deno.exit(status || Deno.exitCode);
}

const [name = "", ...words] = Deno.args;
if (import.meta.main) await run(name as CommandName, words);
