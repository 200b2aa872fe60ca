/**
 * Folders for tests, removed when they are done.
 *
 * @module
 */
import { join } from "node:path";

/** Runs with a new folder, whose name has a space and letters beyond ASCII, and removes it. */
export async function withFolder<T>(run: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "sharpness ü " });
  try {
    return await run(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Every file below a folder by its path in it, in order; links and folders end with "@" and "/". */
export function listFiles(folder: string, below = ""): string[] {
  return [...Deno.readDirSync(join(folder, below))].flatMap((entry) => {
    const path = join(below, entry.name);
    if (entry.isSymlink) return [`${path}@`];
    return entry.isDirectory ? [`${path}/`, ...listFiles(folder, path)] : [path];
  }).sort();
}
