/**
 * Files that are whole or absent, and damaged ones set aside.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import writeFileAtomic from "write-file-atomic";

/**
 * Writes a file so that a reader finds the old one or the new one, never a part: a temporary file
 * in the same folder, synchronised, then renamed. Folders are made as needed.
 *
 * @throws {Error} If the file cannot be written; the message says why, and what was there stays.
 */
export async function writeWhole(path: string, contents: string | Uint8Array): Promise<void> {
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    const data = typeof contents === "string"
      ? contents
      : Buffer.from(contents.buffer, contents.byteOffset, contents.byteLength);
    await writeFileAtomic(path, data);
  } catch (error) {
    throw new Error(`Cannot write ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Reads a file; undefined if there is none. A directory or an unreadable file throws. */
export async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * Renames a damaged file to `<path>.damaged-<n>`, n the first number that is free.
 *
 * @returns The new path.
 */
export async function setAside(path: string): Promise<string> {
  for (let n = 1;; n++) {
    const aside = `${path}.damaged-${n}`;
    try {
      await Deno.lstat(aside);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      await Deno.rename(path, aside);
      return aside;
    }
  }
}

/** SHA-256 as 64 hexadecimal digits. */
export function sha256(...parts: (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest("hex");
}

/** A failed system call in words that say what to do. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as { code?: string; message: string };
  switch (code) {
    case "ENOSPC":
    case "EDQUOT":
      return "the disk is full; make room and start again, what is finished is kept";
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return "the folder cannot be written to; choose another or change its permissions";
    default:
      return message;
  }
}
