/**
 * Finds the files of the data set, and fetches what is missing or damaged from the next source.
 *
 * @module
 */
import { dirname, join } from "node:path";
import type { Catalogue, DataFile } from "~/lib/dataset/catalogue.ts";
import { locate, locateCopy } from "~/lib/dataset/locate.ts";
import type { Source } from "~/lib/dataset/source.ts";
import {
  StorageError,
  storeFile,
  withWorkFolder,
  wrap,
  type WriteWhole,
} from "~/lib/dataset/store.ts";
import { archiveSource } from "~/lib/dataset/tarball_source.ts";
import { findFault, readVerified } from "~/lib/dataset/verify.ts";
import { setAside } from "~/lib/files/files.ts";
import type { OnProgress } from "~/lib/files/progress.ts";

/** Where the files are, and where they come from. */
export interface Place {
  /** The project's own data directory: files are fetched into it. */
  readonly home: string;
  /** A copy that one already has, a folder or a tar.gz: only ever read. */
  readonly copy?: string | undefined;
  /** What the data set consists of. */
  readonly catalogue: Catalogue;
  /** Sources in their order, after archives in the copy and in the data directory. */
  readonly sources: readonly Source[];
  /** Told what is done, and of every file that is not used and why. */
  readonly report: OnProgress;
  /** Ends fetching with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** How a file is written; default: whole and synchronised. */
  readonly write?: WriteWhole;
}

/** Takes the verified bytes of a file. */
export type Use = (file: DataFile, bytes: Uint8Array<ArrayBuffer>, path: string) => void;

/**
 * Hands every wanted file to `use`, once, in their order as far as they are found at once.
 *
 * Every file is looked for in the copy, then in the data directory. If one is found nowhere, all
 * the files that the data directory lacks are fetched into it, from the first source that has them.
 *
 * @throws {RangeError} If the copy does not exist.
 * @throws {StorageError} If files must be fetched but the data directory cannot be written.
 * @throws {Error} If no source delivers; the message says why for each, and what to do.
 * @throws The signal's reason.
 */
export async function readFiles(
  wanted: readonly DataFile[],
  place: Place,
  use: Use,
): Promise<void> {
  const copy = await locateCopy(place.copy, place);
  const home = await locate(place.home, place.catalogue);
  const folders = [...copy.folders, ...home.folders];
  const elsewhere: DataFile[] = [];
  const left = await readFolders(wanted, folders, {
    use: (file, bytes, path): void => {
      if (home.folders.includes(dirname(path))) elsewhere.push(file);
      use(file, bytes, path);
    },
    report: place.report,
  });
  if (copy.folders.length > 0 && elsewhere.length > 0) {
    place.report({
      message: `${place.copy} has no intact ${names(elsewhere)}: taken from ${place.home}`,
    });
  }
  if (left.length === 0) return;
  const reasons = await fetchMissing(place, [
    ...copy.archives.map((path) => archiveSource(path, place.catalogue.archive)),
    ...home.archives.map((path) => archiveSource(path, place.catalogue.archive, { own: true })),
    ...place.sources,
  ]);
  const lost = await readFolders(left, folders, { use, report: () => {} });
  if (lost.length > 0) {
    throw new Error(
      [
        `Cannot load CIFAR-10 as ${names(lost)} must be in ${place.home} or come from a source: ` +
        "no source delivered",
        ...reasons,
        `Download ${place.catalogue.archive.url} with any tool and pass the file with --data FILE`,
      ].join("\n"),
    );
  }
}

/** Reads the files from the first folder that has them right; returns those found in none. */
async function readFolders(
  wanted: readonly DataFile[],
  folders: readonly string[],
  { use, report }: { use: Use; report: OnProgress },
): Promise<DataFile[]> {
  const left: DataFile[] = [];
  for (const file of wanted) {
    let found = false;
    for (const folder of folders) {
      const path = join(folder, file.name);
      const reading = await readVerified(path, file);
      if (reading.state === "damaged" || reading.state === "unreadable") {
        report({ message: `${path} is not used: it is ${reading.found}` });
      } else if (reading.state === "right") {
        use(file, reading.bytes, path);
        found = true;
        break;
      }
    }
    if (!found) left.push(file);
  }
  return left;
}

/** Fetches all that the data directory lacks; returns why sources failed. */
async function fetchMissing(place: Place, sources: readonly Source[]): Promise<string[]> {
  const { home, report, signal } = place;
  const reasons: string[] = [];
  await withWorkFolder(home, report, async (folder) => {
    let wanted = await clearDamaged(place);
    const options = { folder, ...(place.write && { write: place.write }) };
    for (const source of sources) {
      if (wanted.length === 0) return;
      signal?.throwIfAborted();
      report({ message: `Fetching ${names(wanted)} from ${source.name}` });
      const refused: string[] = [];
      const deliver = async (file: DataFile, bytes: Uint8Array): Promise<void> => {
        const fault = findFault(bytes, file);
        if (fault !== undefined) {
          refused.push(`its ${file.name} is ${fault}`);
          return;
        }
        await storeFile(home, file.name, bytes, options);
        wanted = wanted.filter((other) => other !== file);
      };
      try {
        await source.fetch({ wanted, folder, report, deliver, signal });
      } catch (error) {
        signal?.throwIfAborted();
        if (error instanceof StorageError) throw error;
        refused.push(describe(error as Error));
      }
      if (refused.length > 0) {
        const fault = await source.examine?.();
        if (fault !== undefined) refused.push(fault);
        reasons.push(`${source.name}: ${refused.join("; ")}`);
        report({ message: `${source.name} did not deliver: ${refused.join("; ")}` });
      }
    }
  });
  return reasons;
}

/** Sets damaged files of the data directory aside; returns the files that it lacks. */
async function clearDamaged({ home, catalogue, report }: Place): Promise<DataFile[]> {
  const lacking: DataFile[] = [];
  for (const file of catalogue.files) {
    const path = join(home, file.name);
    const reading = await readVerified(path, file);
    if (reading.state === "right") continue;
    if (reading.state === "unreadable") {
      throw new StorageError(
        `Cannot replace ${path}, which stays as it is: it is ${reading.found}`,
      );
    }
    if (reading.state === "damaged") {
      const aside = await wrap(path, () => setAside(path));
      report({ message: `${path} is set aside as ${aside}: it is ${reading.found}` });
    }
    const below = await readVerified(join(home, catalogue.archive.folder, file.name), file);
    if (below.state !== "right") lacking.push(file);
  }
  return lacking;
}

/** An error in words; fetch and fast-png say what really happened in its cause only. */
function describe({ message, cause }: Error): string {
  return cause instanceof Error ? `${message}: ${cause.message}` : message;
}

function names(files: readonly DataFile[]): string {
  return files.map(({ name }) => name).join(", ");
}
