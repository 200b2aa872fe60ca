/**
 * Locks between processes that share a study: held by the operating system, gone with the process.
 *
 * @module
 */
import { hostname } from "node:os";
import { dirname } from "node:path";
import { reasonOf } from "~/lib/files/files.ts";
import { printable } from "~/lib/files/text.ts";

/** A lock that is held; `using` releases it. */
export interface Lock extends Disposable {
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
 * @throws {Error} If there can be no such file, the disk is full, or its file system has no locks (then
 * without a `cause`); the message says why.
 */
export async function tryLock(path: string): Promise<Lock | undefined> {
  const file = await openLock(path);
  return await isFree(file, path) ? await sign(file, path) : void file.close();
}

/** Takes the lock as soon as no other process holds it; `onWait` is told if one does. */
export async function waitForLock(path: string, onWait: () => void): Promise<Lock> {
  const file = await openLock(path);
  if (!await isFree(file, path)) {
    onWait();
    await file.lock(true);
  }
  return await sign(file, path);
}

/** Who holds the lock of a file now, in the holder's words; undefined if nobody does. */
export async function isHeld(path: string): Promise<string | undefined> {
  try {
    using file = await Deno.open(path, { read: true });
    if (await file.tryLock(false)) return undefined;
    return await readHolder(file) || "a process";
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw new Error(`Cannot look at the lock ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

async function openLock(path: string): Promise<Deno.FsFile> {
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    return await Deno.open(path, { read: true, write: true, create: true });
  } catch (error) {
    throw new Error(`Cannot lock ${path}: ${await refusalOf(path, error)}`, { cause: error });
  }
}

/** Whether the lock was free, and is taken now. */
async function isFree(file: Deno.FsFile, path: string): Promise<boolean> {
  try {
    return await file.tryLock(true);
  } catch (error) {
    file.close();
    throw new Error(
      `Cannot lock ${path} as no locks can be had there: ${(error as Error).message}`,
    );
  }
}

/** Why a lock's file cannot be opened: another user's may not be written, even if it is left over. */
async function refusalOf(path: string, error: unknown): Promise<string> {
  if (!(error instanceof Deno.errors.PermissionDenied)) return reasonOf(error);
  try {
    const { uid, mtime } = await Deno.stat(path);
    const holder = await isHeld(path);
    const day = mtime?.toISOString().slice(0, 10);
    return `it belongs to another user (number ${uid}), ` +
      (holder === undefined
        ? `who left it over on ${day} and does not hold it; remove the file`
        : `who holds it: ${holder}; wait, or choose another folder`);
  } catch {
    return reasonOf(error);
  }
}

async function sign(file: Deno.FsFile, path: string): Promise<Lock> {
  try {
    const abandonedBy = await readHolder(file) || undefined;
    await file.truncate();
    await file.seek(0, Deno.SeekMode.Start);
    const holder = `process ${Deno.pid} on ${hostname()}, since ${new Date().toISOString()}\n`;
    await file.write(new TextEncoder().encode(holder));
    const release = (): void => {
      file.truncateSync();
      file.close();
    };
    return { abandonedBy, release, [Symbol.dispose]: release };
  } catch (error) {
    file.close();
    throw new Error(`Cannot lock ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

async function readHolder(file: Deno.FsFile): Promise<string> {
  const buffer = new Uint8Array(200);
  const length = await file.read(buffer) ?? 0;
  return printable(new TextDecoder().decode(buffer.subarray(0, length)).trim());
}
