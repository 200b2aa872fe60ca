/**
 * Scripts in processes of their own.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { permissions } from "~/lib/cli/launch.ts";

/** The project's folder. */
export const ROOT: string = fileURLToPath(new URL("..", import.meta.url));

/** What a process printed and how it ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts Deno in the project's folder. */
export function startDeno(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [...args],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1", ...env },
  }).spawn();
}

/** The commands that the launcher starts. */
export type Command = Parameters<typeof permissions>[0];

/** Starts a command as its task does, with exactly the task's permissions. */
export function startCommand(command: Command, args: readonly string[]): Deno.ChildProcess {
  const flags = ["--quiet", "--no-prompt", ...permissions(command, args)];
  return startDeno(["run", ...flags, `lib/cli/${command}.ts`, ...args]);
}

/** Starts a script that may import from `~/`, with all permissions; `flags` are Deno's. */
export function startScript(
  script: string,
  args: readonly string[] = [],
  flags: readonly string[] = [],
): Deno.ChildProcess {
  const source = script.replaceAll("~/", new URL("..", import.meta.url).href);
  const url = `data:application/typescript,${encodeURIComponent(source)}`;
  const own = ["-A", "--no-check", "--no-prompt", `--config=${ROOT}deno.json`];
  return startDeno(["run", ...own, ...flags, url, ...args]);
}

/** Waits for a process to end. */
export async function ended(process: Deno.ChildProcess): Promise<Ended> {
  const { code, stdout, stderr } = await process.output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/**
 * Waits until a process has printed `text`, then lets it run; `status` tells of its end, which must
 * be awaited.
 */
export async function outputUntil(process: Deno.ChildProcess, text: string): Promise<string> {
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let seen = "";
  while (!seen.includes(text)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`The process ended after printing ${seen}`);
    seen += value;
  }
  // What it prints from here on is thrown away, so that it is never held up.
  (async (): Promise<void> => {
    while (!(await reader.read()).done);
  })();
  process.stderr.pipeTo(new WritableStream());
  return seen;
}
