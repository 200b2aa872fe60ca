/**
 * Reads a binary file and believes it only if its length and MD5 are right.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { type DataFile, fileBytes } from "~/lib/dataset/catalogue.ts";
import { isLink } from "~/lib/files/files.ts";

/** What lies at a path. `found` says what is wrong, beside what was expected. */
export type Reading =
  | { readonly state: "right"; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly state: "missing" }
  /** It may be right: the disk or a permission keeps it from being read. */
  | { readonly state: "unreadable"; readonly found: string }
  | { readonly state: "damaged"; readonly found: string };

/** Longer files are judged by their length alone, so that no huge file is read. */
const MAX_HASHED_BYTES = 64 * 2 ** 20;

/**
 * Reads `file` from `path`.
 *
 * The bytes that were hashed are the bytes returned: what changes on disk later changes nothing.
 *
 * @returns The bytes if they are the expected ones; never any others.
 * @throws {Deno.errors.NotCapable} If the permission to read is not granted.
 */
export async function readVerified(path: string, file: DataFile): Promise<Reading> {
  try {
    const { isFile, isDirectory, size } = await Deno.stat(path);
    if (!isFile) {
      return { state: "damaged", found: isDirectory ? "a directory" : "not a regular file" };
    }
    if (size > Math.max(fileBytes(file), MAX_HASHED_BYTES)) {
      return { state: "damaged", found: `${size} bytes, expected ${fileBytes(file)}` };
    }
    const bytes = await Deno.readFile(path);
    const fault = findFault(bytes, file);
    return fault === undefined ? { state: "right", bytes } : { state: "damaged", found: fault };
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw error;
    const found = `unreadable (${(error as Error).message})`;
    if (error instanceof Deno.errors.NotFound) {
      return await isLink(path) ? { state: "damaged", found } : { state: "missing" };
    }
    const isLoop = error instanceof Deno.errors.FilesystemLoop;
    return { state: isLoop ? "damaged" : "unreadable", found };
  }
}

/** Says what is wrong with a file's contents, or nothing if they are the expected ones. */
export function findFault(bytes: Uint8Array, file: DataFile): string | undefined {
  const md5 = hash("md5", bytes);
  if (bytes.length === fileBytes(file) && md5 === file.md5) return undefined;
  return `${bytes.length} bytes with MD5 ${md5}, ` +
    `expected ${fileBytes(file)} bytes with MD5 ${file.md5}`;
}

/** The digest of `bytes` in hexadecimal. */
export function hash(algorithm: "md5", bytes: Uint8Array): string {
  return createHash(algorithm).update(bytes).digest("hex");
}

/** The digest of a file, read in pieces. */
export async function hashFile(
  algorithm: "md5" | "sha512",
  path: string,
  encoding: "hex" | "base64",
): Promise<string> {
  using file = await Deno.open(path);
  const digest = createHash(algorithm);
  for await (const chunk of file.readable) digest.update(chunk);
  return digest.digest(encoding);
}
