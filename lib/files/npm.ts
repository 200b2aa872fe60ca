/**
 * How npm is started.
 *
 * @module
 */

/** On Windows npm is a script for the command processor, which has to be named with its ending. */
export const NPM: string = Deno.build.os === "windows" ? "npm.cmd" : "npm";

/** Deno starts no program while one of these is set, as clusters and CUDA set-ups like to do. */
const ENVIRONMENT = { LD_LIBRARY_PATH: "", LD_PRELOAD: "", DYLD_LIBRARY_PATH: "" };

/** Runs npm in a folder. @throws {Error} If it is not installed or fails, in its own words. */
export async function runNpm(
  cwd: string | URL,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<void> {
  const command = new Deno.Command(NPM, {
    args: [...args, "--loglevel=error"],
    ...{ cwd, env: ENVIRONMENT, stdin: "null" },
    ...(signal ? { signal } : {}),
  });
  const { success, code, stderr } = await Promise.try(() => command.output()).catch((error) => {
    throw error instanceof Deno.errors.NotFound ? new Error("npm is not installed") : error;
  });
  if (success) return;
  const lines = new TextDecoder().decode(stderr).trim().split("\n");
  throw new Error(`npm ${args[0]} ended with status ${code}: ${lines.slice(0, 4).join(" ")}`);
}
