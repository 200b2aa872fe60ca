/**
 * File systems of a test's own: small ones, and ones that cannot be written. Root, for whom no
 * folder is unwritable, may mount; where that is not permitted the tests that need it are ignored.
 *
 * @module
 */
import { statfsSync } from "node:fs";
import { join } from "node:path";
import { withFolder } from "~/tests/temporary_folder.ts";

/** Whether this process may mount. */
export const MAY_MOUNT: boolean = mayMount();

function mayMount(): boolean {
  if (Deno.build.os !== "linux") return false;
  const folder = Deno.makeTempDirSync();
  try {
    call("mount", "-t", "tmpfs", "none", folder);
    call("umount", folder);
    return true;
  } catch {
    console.warn("Tests of full disks are ignored: they need the permission to mount");
    return false;
  } finally {
    Deno.removeSync(folder);
  }
}

function call(command: string, ...args: string[]): void {
  const { success, stderr } = new Deno.Command(command, { args }).outputSync();
  if (!success) throw new Error(`${command}: ${new TextDecoder().decode(stderr)}`);
}

/** Works in a folder with a disk of 32 MiB. */
export function withDisk<T>(work: (disk: string) => Promise<T>): Promise<T> {
  return withFolder(async (folder) => {
    call("mount", "-t", "tmpfs", "-o", "size=32m", "none", folder);
    try {
      return await work(folder);
    } finally {
      call("umount", folder);
    }
  });
}

/** Fills a disk up to `room` bytes while `work` is done. */
export async function withRoom<T>(
  disk: string,
  room: number,
  work: () => Promise<T>,
): Promise<T> {
  const { bavail, bsize } = statfsSync(disk);
  const filler = join(disk, "filler");
  await Deno.writeFile(filler, new Uint8Array((bavail - Math.ceil(room / bsize)) * bsize));
  try {
    return await work();
  } finally {
    await Deno.remove(filler);
  }
}

/** Makes a folder read-only while `work` is done. */
export async function withReadOnly<T>(folder: string, work: () => Promise<T>): Promise<T> {
  call("mount", "--bind", folder, folder);
  try {
    call("mount", "-o", "remount,bind,ro", folder);
    return await work();
  } finally {
    call("umount", folder);
  }
}
