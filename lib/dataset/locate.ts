/**
 * Where binary files and archives may lie.
 *
 * @module
 */
import { join } from "node:path";
import type { Catalogue } from "~/lib/dataset/catalogue.ts";
import type { OnProgress } from "~/lib/files/progress.ts";

/** Folders that may hold binary files, and archives that may. */
export interface Holdings {
  /** In the order in which they are searched. */
  readonly folders: readonly string[];
  /** Paths of archives that exist. */
  readonly archives: readonly string[];
}

/** What a folder may hold: the files themselves, or below the archive's folder, or in the archive. */
export async function locate(directory: string, { archive }: Catalogue): Promise<Holdings> {
  const path = join(directory, archive.name);
  const exists = await Deno.stat(path).then(() => true, () => false);
  return {
    folders: [directory, join(directory, archive.folder)],
    archives: exists ? [path] : [],
  };
}

/**
 * What a copy may hold that somebody already has: a folder, or a tar.gz.
 *
 * @param copy Its path, or undefined for none.
 * @param report Told if there is no permission to read it.
 * @throws {RangeError} If it does not exist.
 */
export async function locateCopy(
  copy: string | undefined,
  { catalogue, report }: { catalogue: Catalogue; report: OnProgress },
): Promise<Holdings> {
  if (copy === undefined) return { folders: [], archives: [] };
  try {
    const { isDirectory } = await Deno.stat(copy);
    return isDirectory ? await locate(copy, catalogue) : { folders: [], archives: [copy] };
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) {
      report({ message: `${copy} is not used: ${error.message}` });
      return { folders: [], archives: [] };
    }
    throw new RangeError(
      `Cannot load CIFAR-10 as --data or CIFAR10_DIR must name a folder or a tar.gz: current value is ${copy} ` +
        `(${(error as Error).message})`,
    );
  }
}
