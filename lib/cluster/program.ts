/**
 * Other programs: calling them, and the words of their command lines.
 *
 * @module
 */
import { UsageError } from "~/lib/domain.ts";

/** Calls a program and waits; undefined if there is none of that name on PATH. */
export async function callProgram(
  name: string,
  args: readonly string[],
): Promise<{ code: number; stdout: string; stderr: string } | undefined> {
  try {
    const command = new Deno.Command(name, { args: [...args], stdin: "null" });
    const { code, stdout, stderr } = await command.output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Splits options as a shell does: at blanks that no quotes enclose. Nothing is expanded.
 *
 * @throws {UsageError} If a quote is not closed, or there is a control character.
 */
export function splitWords(text: string, what: string): string[] {
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(text) || !/^(?:[^"']|"[^"]*"|'[^']*')*$/.test(text)) {
    throw new UsageError(
      `${what} must be one line with its quotes closed: current value is ${text}`,
    );
  }
  return [...text.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)].map(([word]) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, (_, double, single) => double ?? single)
  );
}

/** A word as a shell reads it back: quoted where it must be. */
export function quoteWord(word: string): string {
  return /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
