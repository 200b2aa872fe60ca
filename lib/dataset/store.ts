/**
 * The data directory while it is written: one process at a time, whole files only.
 *
 * @module
 */
import { join } from "node:path";
import { reasonOf } from "~/lib/files/files.ts";
import type { OnProgress } from "~/lib/files/progress.ts";

/** The data directory cannot be written: no other source can help. */
export class StorageError extends Error {
  /** "StorageError". */
  override name = "StorageError";
}

/** Folders for unfinished files start so; what a killed process left is removed by the next. */
const WORK_PREFIX = ".unfinished-";

/**
 * Calls `work` with a new folder for unfinished files while no other process has one.
 *
 * Processes queue at a lock of the operating system on `.lock` in the directory, which a process
 * that dies gives back. The folder is removed afterwards, whatever happens.
 *
 * @throws {StorageError} If the directory cannot be made, locked or written.
 */
export async function withWorkFolder(
  directory: string,
  report: OnProgress,
  work: (folder: string) => Promise<void>,
): Promise<void> {
  const { lock, folder } = await wrap(directory, async () => {
    await Deno.mkdir(directory, { recursive: true });
    const lock = await openLocked(directory, report);
    try {
      await removeUnfinished(directory);
      return { lock, folder: await Deno.makeTempDir({ dir: directory, prefix: WORK_PREFIX }) };
    } catch (error) {
      lock.close();
      throw error;
    }
  });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true }).catch(() => {});
    lock.close();
  }
}

/** Writes a whole file; a parameter so that tests can have a full disk. */
export type WriteWhole = (path: string, bytes: Uint8Array) => Promise<void>;

/**
 * Puts a file into the directory under its final name once it is whole and on the disk.
 *
 * @param folder The folder for unfinished files, on the directory's file system.
 * @throws {StorageError} If it cannot be written; nothing then stands under the final name that
 * did not stand there before.
 */
export async function storeFile(
  directory: string,
  name: string,
  bytes: Uint8Array,
  { folder, write = writeWhole }: { folder: string; write?: WriteWhole },
): Promise<void> {
  const unfinished = join(folder, name);
  await wrap(join(directory, name), async () => {
    await write(unfinished, bytes);
    await Deno.rename(unfinished, join(directory, name));
  });
}

/** Turns a failure of the file system into one that names the path and what to do. */
export async function wrap<T>(path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (cause) {
    throw new StorageError(
      `Cannot write ${path} as the data directory must be writable with 350 MB free ` +
        `(or pass an unpacked copy with --data): ${reasonOf(cause)}`,
      { cause },
    );
  }
}

async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true });
  for (let written = 0; written < bytes.length;) {
    written += await file.write(bytes.subarray(written));
  }
  await file.sync();
}

async function openLocked(directory: string, report: OnProgress): Promise<Deno.FsFile> {
  const file = await Deno.open(join(directory, ".lock"), { create: true, write: true });
  try {
    if (!(await file.tryLock(true))) {
      report({ message: `Waiting for another process that is fetching into ${directory}` });
      await file.lock(true);
    }
    return file;
  } catch (error) {
    file.close();
    throw error;
  }
}

async function removeUnfinished(directory: string): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(directory)) {
    if (isDirectory && name.startsWith(WORK_PREFIX)) {
      await Deno.remove(join(directory, name), { recursive: true });
    }
  }
}
