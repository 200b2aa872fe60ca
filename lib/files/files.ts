/**
 * Files that are whole or absent, and damaged ones set aside.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { basename, dirname, join } from "node:path";

/** Names of files that are being written end with this and a UUID. */
export const UNFINISHED = ".unfinished-";

/**
 * Writes a file so that a reader finds the old one or the new one, never a part: an unfinished file
 * in the same folder, synchronised, then renamed. Folders are made as needed.
 *
 * It names no path but the given one: write-file-atomic follows links, for which a command that may
 * write to a linked folder has no permission.
 *
 * @throws {Error} If the file cannot be written; the message says why, and what was there stays.
 */
export async function writeWhole(path: string, contents: string | Uint8Array): Promise<void> {
  const unfinished = `${path}${UNFINISHED}${crypto.randomUUID()}`;
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    const bytes = typeof contents === "string" ? new TextEncoder().encode(contents) : contents;
    {
      using file = await Deno.open(unfinished, { write: true, createNew: true });
      for (let written = 0; written < bytes.length;) {
        written += await file.write(bytes.subarray(written));
      }
      await file.sync();
    }
    await Deno.rename(unfinished, path);
  } catch (error) {
    await Deno.remove(unfinished).catch(() => {});
    throw new Error(`Cannot write ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** No file of this project is nearly as long. */
const MOST_BYTES = 2 ** 30;

/**
 * Reads a file; undefined if there is none.
 *
 * @throws {TypeError} If what is there is no file, too long a one, or a link to nothing.
 * @throws {Error} If it cannot be read now, which says nothing about what it holds.
 */
export async function readIfThere(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    const { isFile, isDirectory, size } = await Deno.stat(path);
    if (!isFile) {
      throw new TypeError(
        `Cannot read ${path} as it must be a file: it is ${isDirectory ? "a directory" : "none"}`,
      );
    }
    if (size > MOST_BYTES) {
      throw new TypeError(
        `Cannot read ${path} as it must have at most ${MOST_BYTES} bytes: current number is ${size}`,
      );
    }
    // A file of the system, of which the size says nothing.
    return size === 0 ? await Deno.readFile(path) : await readBytes(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      // A link that leads nowhere is not a missing file.
      const isLink = await Deno.lstat(path).then(({ isSymlink }) => isSymlink, () => false);
      if (!isLink) return undefined;
      throw new TypeError(`Cannot read ${path} as it must be a file: it is a link to nothing`);
    }
    if (error instanceof TypeError || error instanceof Deno.errors.NotCapable) throw error;
    const { message } = error as Error;
    if (error instanceof Deno.errors.FilesystemLoop) {
      throw new TypeError(`Cannot read ${path}: ${message}`);
    }
    throw new Error(`Cannot read ${path}, which stays as it is: ${message}`, { cause: error });
  }
}

/** Reads into one array: `Deno.readFile` leaves as much again behind, which is not given back. */
async function readBytes(path: string): Promise<Uint8Array<ArrayBuffer>> {
  using file = await Deno.open(path);
  // Of what was opened: another process may have put a new file in its place since it was looked at.
  // `stat()` of it would want permission for where a link leads.
  const size = await file.seek(0, Deno.SeekMode.End);
  await file.seek(0, Deno.SeekMode.Start);
  // Of more than 32 MiB, as glibc keeps what is smaller for later; untouched bytes take no memory.
  const room = size < 2 ** 24 ? size : Math.max(size, 2 ** 25 + 1);
  const bytes = new Uint8Array(new ArrayBuffer(room), 0, size);
  let filled = 0;
  while (filled < size) {
    const count = await file.read(bytes.subarray(filled));
    if (count === null) break;
    filled += count;
  }
  return bytes.subarray(0, filled);
}

/** Where a path leads, links followed; the path itself if nothing is there yet. */
export function realPath(path: string): string {
  try {
    return Deno.realPathSync(path);
  } catch {
    return path;
  }
}

/** Renames a damaged file to `<path>.damaged-<n>`, n the first number that is free. @returns That. */
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
export function sha256(...parts: (string | NodeJS.ArrayBufferView)[]): string {
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
    case "EISDIR":
      return "a folder stands in its place; move it away";
    case "ENOTDIR":
      return "a file stands where a folder above it must be; move it away";
    default:
      return message;
  }
}

export async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw new Error(`Cannot remove ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** A folder for a while: what a killed process left in it goes at once, all else at the end. */
export async function scratchFolder(path: string): Promise<AsyncDisposable> {
  const clear = (): Promise<void> => Deno.remove(path, { recursive: true }).catch(() => {});
  await clear();
  return { [Symbol.asyncDispose]: clear };
}

/** Removes what processes that were killed while they wrote have left beside `path`. */
export async function removeUnfinished(path: string): Promise<void> {
  const folder = dirname(path);
  try {
    for await (const { name, isFile } of Deno.readDir(folder)) {
      if (isFile && name.startsWith(basename(path)) && name.includes(UNFINISHED)) {
        await removeIfThere(join(folder, name));
      }
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
