/**
 * Files whose content is checked when they are read: a damaged one is set aside and counts as absent.
 *
 * @module
 */
import { z } from "zod";
import { readIfThere, reasonOf, setAside } from "~/lib/files/files.ts";
import { printable } from "~/lib/files/text.ts";

/** Called with one line about every file that was set aside. */
export type OnDamage = (message: string) => void;

/** What a file holds is not what it should be. */
export class DamagedFileError extends Error {
  override readonly name = "DamagedFileError";
}

/**
 * Reads and decodes a file; undefined if there is none, or if it is damaged.
 *
 * @param onDamage A damaged file is set aside and this is told; without it the file stays.
 * @param decode Throws DamagedFileError, TypeError, SyntaxError or zod's error at what is damaged.
 * @throws {Error} If the file cannot be read now, which says nothing about what it holds.
 */
export async function readChecked<T>(
  path: string,
  onDamage: OnDamage | undefined,
  decode: (bytes: Uint8Array<ArrayBuffer>) => T,
): Promise<T | undefined> {
  try {
    const bytes = await readIfThere(path);
    return bytes === undefined ? undefined : decode(bytes);
  } catch (error) {
    const reason = damageOf(path, error);
    if (onDamage === undefined) return undefined;
    try {
      onDamage(`${reason}; set aside as ${await setAside(path)}, it counts as missing`);
    } catch (error) {
      // Another process that shares the study was first.
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw new Error(`${reason}; it cannot be set aside: ${reasonOf(error)}`, { cause: error });
    }
  }
}

/** The same of a JSON file of this project: UTF-8, as its schema says. */
export function readCheckedJson<T>(
  path: string,
  onDamage: OnDamage | undefined,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  return readChecked(
    path,
    onDamage,
    (bytes) => schema.parse(JSON.parse(new TextDecoder().decode(bytes))),
  );
}

/** Says what is wrong with a file; throws the error itself where it does not show damage. */
function damageOf(path: string, error: unknown): string {
  if (error instanceof z.ZodError) {
    const [issue] = error.issues;
    return printable(`Cannot read ${path}: ${issue?.path.join(".")} ${issue?.message}`, 1000);
  }
  const isDamage = error instanceof DamagedFileError || error instanceof TypeError ||
    error instanceof SyntaxError;
  if (!isDamage) throw error;
  const { message } = error;
  return printable(message.includes(path) ? message : `Cannot read ${path}: ${message}`, 5000);
}
