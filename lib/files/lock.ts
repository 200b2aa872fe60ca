/**
 * Locks between processes that share a study: held by the operating system, gone with the process.
 *
 * @module
 */
import { dirname } from "node:path";
import { printable, reasonOf } from "~/lib/files/files.ts";

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
      new TextEncoder().encode(`process ${Deno.pid}, started ${new Date().toISOString()}\n`),
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
