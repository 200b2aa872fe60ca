/**
 * Scripts in processes of their own.
 *
 * @module
 */
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const ROOT: string = fileURLToPath(new URL("..", import.meta.url));

/** What a process printed and how it ended. */
export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts a script that may import from `~/`, with all permissions; `flags` are Deno's. */
export function startScript(
  script: string,
  args: readonly string[] = [],
  flags: readonly string[] = [],
): Deno.ChildProcess {
  const source = script.replaceAll("~/", new URL("..", import.meta.url).href);
  const url = `data:application/typescript,${encodeURIComponent(source)}`;
  return new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-A", "--no-check", "--no-prompt", `--config=${ROOT}deno.json`, ...flags],
      ...[url, ...args],
    ],
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
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
