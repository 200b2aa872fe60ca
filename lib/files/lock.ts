/**
 * Locks between processes that share a study: held by the operating system, gone with the process.
 *
 * @module
 */
import { hostname } from "node:os";
import { dirname } from "node:path";
import { reasonOf } from "~/lib/files/files.ts";
import { printable } from "~/lib/files/text.ts";

/** A lock that is held. */
export interface Lock {
  /** What the process before left behind because it ended while it held the lock, if it did. */
  readonly abandonedBy: string | undefined;
  release(): void;
}

/**
 * Takes the lock on a file if no other process holds it.
 *
 * The file names its holder and is emptied on release, so that a name found in a free lock's file is
 * that of a process which ended without releasing it.
 *
 * @returns The lock; undefined if a living process holds it.
 * @throws {Error} If there can be no such file, or the disk is full; the message says why.
 */
export async function tryLock(path: string): Promise<Lock | undefined> {
  try {
    return await take(path);
  } catch (error) {
    throw new Error(`Cannot lock ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Who holds the lock of a file now, in the holder's words; undefined if nobody does. */
export async function isHeld(path: string): Promise<string | undefined> {
  let file: Deno.FsFile;
  try {
    file = await Deno.open(path, { read: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Error(`Cannot look at the lock ${path}: ${reasonOf(error)}`, { cause: error });
  }
  using opened = file;
  if (await opened.tryLock(false)) return undefined;
  const buffer = new Uint8Array(200);
  const length = await opened.read(buffer) ?? 0;
  return printable(new TextDecoder().decode(buffer.subarray(0, length)).trim()) || "a process";
}

async function take(path: string): Promise<Lock | undefined> {
  await Deno.mkdir(dirname(path), { recursive: true });
  const file = await Deno.open(path, { read: true, write: true, create: true });
  try {
    if (!await file.tryLock(true)) {
      file.close();
      return undefined;
    }
    const buffer = new Uint8Array(200);
    const length = await file.read(buffer) ?? 0;
    const abandonedBy = length === 0
      ? undefined
      : printable(new TextDecoder().decode(buffer.subarray(0, length)).trim());
    await file.truncate();
    await file.seek(0, Deno.SeekMode.Start);
    await file.write(
      new TextEncoder().encode(
        `process ${Deno.pid} on ${hostname()}, since ${new Date().toISOString()}\n`,
      ),
    );
    return {
      abandonedBy,
      release(): void {
        file.truncateSync();
        file.close();
      },
    };
  } catch (error) {
    file.close();
    throw error;
  }
}
