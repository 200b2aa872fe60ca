/**
 * Finds the files of the data set, and fetches what is missing or damaged from the next source.
 *
 * @module
 */
import { hash } from "node:crypto";
import { basename, join } from "node:path";
import {
  ARCHIVE_URL,
  archiveSource,
  BATCH_NAME,
  type Bytes,
  type DataFile,
  type Fetching,
  recordsIn,
  type Source,
} from "~/lib/dataset/sources.ts";
import { UsageError } from "~/lib/domain.ts";
import { DamagedFileError, readChecked } from "~/lib/files/checked.ts";
import { readIfThere, removeUnfinished, scratchFolder, writeWhole } from "~/lib/files/files.ts";
import { waitForLock } from "~/lib/files/lock.ts";
import { printable } from "~/lib/files/text.ts";

/** Where the files are, and where they come from. */
export interface DataPlaces extends Fetching {
  /** The project's own data directory: files are fetched into it. */
  readonly home: string;
  /** A folder or a tar.gz that one already has: only ever read. */
  readonly copy?: string | undefined;
  /** All files, the test file last. */
  readonly files: readonly DataFile[];
  /** In their order, after archives in the copy and in the data directory. */
  readonly sources: readonly Source[];
}

/** The data directory cannot be written: no other source can help. */
export class StorageError extends Error {
  override readonly name = "StorageError";
}

/** Takes the records of a file, shape [N, 3073], and where they are. */
export type Use = (file: DataFile, records: Bytes, path: string) => void;

/**
 * Hands the records of every wanted file to `use`.
 *
 * A file is looked for in the copy, then in the data directory. If one is found nowhere, all that
 * the data directory lacks is fetched into it, from the first source that has it.
 *
 * @throws {UsageError} If the copy holds none of the wanted files: it is never passed over.
 * @throws {StorageError} If files must be fetched but the data directory cannot be written.
 * @throws {Error} If no source delivers; the message says why for each, and what to do.
 */
export async function ensureFiles(
  wanted: readonly DataFile[],
  places: DataPlaces,
  use: Use,
): Promise<void> {
  const { home, copy, onMessage, sources } = places;
  const inCopy = copy === undefined ? [] : await listCandidates(copy).catch(({ message }) => {
    throw new UsageError(`Cannot load CIFAR-10 from what --data or CIFAR10_DIR names: ${message}`);
  });
  const candidates = [...inCopy, ...await listCandidates(home).catch(() => [])];
  const lost = new Set(wanted);
  let takesCopy = copy === undefined;
  for (const path of candidates) {
    const name = basename(path, ".bin");
    const file = wanted.find((each) => basename(each.name, ".bin") === name);
    if (file === undefined || !lost.has(file)) continue;
    const records = await readIfThere(path)
      .then((bytes) => bytes && checkedRecords(bytes, file))
      .catch((error) => onMessage?.(`${path} is not used: ${error.message}`));
    if (!records) continue;
    use(file, records, path);
    // 31 MB, given back at once instead of when the collector comes by.
    records.buffer.transfer(0);
    lost.delete(file);
    takesCopy ||= inCopy.includes(path);
  }
  if (!takesCopy && !inCopy.some(isArchive)) throw uselessCopy(copy!);
  if (lost.size === 0) return;
  const archives = candidates.filter(isArchive).map(archiveSource);
  const faults = await fetchMissing(
    places,
    takesCopy ? [...archives, ...sources] : archives,
    (file, ...found) => lost.delete(file) && use(file, ...found),
  );
  for (const { name } of lost) {
    if (!takesCopy) {
      throw new UsageError(`Cannot load CIFAR-10 as ${name} is needed: ${faults.join("; ")}`);
    }
    const first = `Cannot load CIFAR-10 as no source delivered ${name}:`;
    const last = `Download ${ARCHIVE_URL} with any tool and pass the file with --data FILE`;
    throw new Error([first, ...faults, last].join("\n"));
  }
}

const isArchive = (path: string): boolean => /\.(tar\.gz|tgz)$/.test(path);

/** Paths of files that may hold records: the path itself, or in its folder and two more below. */
async function listCandidates(path: string, depth = 2): Promise<string[]> {
  if (!(await Deno.stat(path)).isDirectory) return [path];
  const found: string[] = [];
  for await (const { name, isFile } of Deno.readDir(path)) {
    const below = join(path, name);
    if (BATCH_NAME.test(name) || name.startsWith("cifar-10") && isArchive(name)) found.push(below);
    else if (!isFile && depth > 0) {
      found.push(...await listCandidates(below, depth - 1).catch(() => []));
    }
  }
  return found.sort();
}

function uselessCopy(copy: string): UsageError {
  const { isDirectory } = Deno.statSync(copy);
  const names = isDirectory ? [...Deno.readDirSync(copy)].map(({ name }) => name).sort() : [];
  const more = names.length > 8 ? ` and ${names.length - 8} more` : "";
  const list = names.slice(0, 8).map((name) => printable(name, 40)).join(", ") || "nothing";
  return new UsageError(
    `Cannot load CIFAR-10 from ${copy} as what --data or CIFAR10_DIR names must be a folder with ` +
      "intact data_batch_1.bin to data_batch_5.bin and test_batch.bin, with cifar-10-batches-py or " +
      "with cifar-10-binary.tar.gz, or such a tar.gz: " +
      (isDirectory ? `it holds ${list}${more}` : "it is another file"),
  );
}

/** The records in a file's bytes. @throws {DamagedFileError} If they are not the expected ones. */
function checkedRecords(bytes: Bytes, file: DataFile): Bytes {
  const records = recordsIn(bytes);
  const found = hash("md5", records);
  if (found === file.md5) return records;
  throw new DamagedFileError(
    `it is ${bytes.length} bytes with MD5 ${found}, expected MD5 ${file.md5}`,
  );
}

/** Fetches all that the data directory lacks, one process at a time; returns why sources failed. */
async function fetchMissing(
  { home, files, onProgress, onMessage = (): void => {}, signal }: DataPlaces,
  sources: readonly Source[],
  use: Use,
): Promise<string[]> {
  const faults: string[] = [];
  const waiting = `Waiting for another process that is fetching into ${home}`;
  using _alone = await storing(waitForLock(join(home, ".lock"), () => onMessage(waiting)));
  const folder = join(home, ".unfinished");
  await using _scratch = await scratchFolder(folder);
  await storing(Deno.mkdir(folder));
  const lacking = new Map(files.map((file) => [file.md5, file]));
  for (const file of files) {
    const path = join(home, file.name);
    await storing(removeUnfinished(path));
    const decode = (bytes: Bytes): Bytes => checkedRecords(bytes, file);
    const records = await storing(readChecked(path, onMessage, decode));
    if (records === undefined) continue;
    use(file, records, path);
    lacking.delete(file.md5);
  }
  const names = (): string => [...lacking.values()].map(({ name }) => name).join(", ");
  for (const { name, read } of sources) {
    if (lacking.size === 0) break;
    signal?.throwIfAborted();
    onMessage(`Fetching ${names()} from ${name}`);
    try {
      for await (const records of read({ folder, onProgress, onMessage, signal })) {
        const file = lacking.get(hash("md5", records));
        if (file === undefined) continue;
        const path = join(home, file.name);
        await storing(writeWhole(path, records));
        use(file, records, path);
        lacking.delete(file.md5);
        const done = files.length - lacking.size;
        onProgress?.({ message: `Unpacked ${file.name}`, done, total: files.length });
      }
      if (lacking.size > 0) throw new Error(`it has no intact ${names()}`);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof StorageError) throw error;
      if (lacking.size === 0) break;
      // fetch and fast-png say what really happened in the cause only.
      const { message, cause } = error as Error;
      const fault = cause instanceof Error ? `${message}: ${cause.message}` : message;
      faults.push(`${name}: ${fault}`);
      onMessage(`Not delivered: ${name}: ${fault}`);
    }
  }
  return faults;
}

function storing<T>(action: Promise<T>): Promise<T> {
  return action.catch((cause) => {
    const wanted = "the data directory must be writable with 350 MB free, or --data name a copy";
    throw new StorageError(`${cause.message}; ${wanted}`, { cause });
  });
}
