/**
 * Calls of other programs.
 *
 * @module
 */

/** How a program ended. */
export interface Called {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Calls a program and waits; undefined if there is none of that name on PATH. */
export async function callProgram(
  name: string,
  args: readonly string[],
): Promise<Called | undefined> {
  try {
    const { code, stdout, stderr } = await new Deno.Command(name, {
      args: [...args],
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
