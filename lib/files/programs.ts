/**
 * Other programs: how they are called, and npm.
 *
 * @module
 */

/** Calls a program and waits; undefined if there is none of that name on PATH. */
export async function callProgram(
  name: string,
  args: readonly string[],
  options: Pick<Deno.CommandOptions, "cwd" | "env" | "signal"> = {},
): Promise<{ code: number; stdout: string; stderr: string } | undefined> {
  try {
    const command = new Deno.Command(name, { ...options, args: [...args], stdin: "null" });
    const { code, stdout, stderr } = await command.output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** On Windows npm is a script for the command processor, which has to be named with its ending. */
export const NPM: string = Deno.build.os === "windows" ? "npm.cmd" : "npm";

/** Deno starts no program while one of these is set, as clusters and CUDA set-ups like to do. */
const ENVIRONMENT = { LD_LIBRARY_PATH: "", LD_PRELOAD: "", DYLD_LIBRARY_PATH: "" };

/** Runs npm in a folder. @throws {Error} If it is not installed or fails, in its own words. */
export async function runNpm(
  cwd: string | URL,
  args: readonly string[],
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  const options = { cwd, env: ENVIRONMENT, signal };
  const called = await callProgram(NPM, [...args, "--loglevel=error"], options);
  if (called === undefined) throw new Error("npm is not installed");
  if (called.code === 0) return;
  const lines = called.stderr.trim().split("\n").slice(0, 4);
  throw new Error(`npm ${args[0]} ended with status ${called.code}: ${lines.join(" ")}`);
}
