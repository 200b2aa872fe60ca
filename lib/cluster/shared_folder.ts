/**
 * Whether nodes can share a study in a folder: tried where it can be, else by what is known of it.
 *
 * @module
 */
import { hostname } from "node:os";
import { join } from "node:path";
import { reasonOf } from "~/lib/files/files.ts";
import { tryLock } from "~/lib/files/lock.ts";
import { callProgram } from "~/lib/files/programs.ts";

/**
 * Checks that nodes can share a folder; makes it if it is to be written and not there.
 *
 * @param use The option that names the folder, and whether tasks write to it; then locks are tried.
 * @param onMessage Told what a user should know of it.
 * @throws {Error} If it cannot be written, if locks do not hold on it, or if only this machine has
 * it; the message says which.
 */
export async function demandShared(
  path: string,
  { name, written }: { readonly name: string; readonly written: boolean },
  onMessage: (message: string) => void,
): Promise<void> {
  const fail = (reason: string): never => {
    throw new Error(
      `Cannot submit as ${name} must be a folder that all nodes share: ${path} is not one, as ` +
        reason,
    );
  };
  if (written) {
    const hold = await locksHold(path).catch(({ cause }: Error) => {
      // Of a folder without locks.
      if (cause === undefined) return false;
      throw new Error(`Cannot submit as ${name} must be writable: ${path}: ${reasonOf(cause)}`);
    });
    if (!hold) fail("its locks do not hold");
  }
  const columns = ["--noheadings", "--raw", "--output=FSTYPE,OPTIONS"];
  const found = await callProgram("findmnt", [...columns, "--target", path]);
  // The last of those mounted over each other is the one that is seen.
  const [type, options = ""] = (found?.stdout.trim().split("\n").at(-1) ?? "").split(" ");
  if (!type) return;
  const { refusal, warning } = judgeFileSystem({ type, options });
  if (refusal !== undefined) fail(refusal);
  // What this machine's NFS server exports, where it has one.
  const exports = await Deno.readTextFile("/var/lib/nfs/etab").catch(() => "");
  if (LOCAL.includes(type) && !await isOnlyNode() && !isExported(exports, path)) {
    fail(`its file system (${type}) is this machine's own`);
  }
  if (warning !== undefined) {
    onMessage(`${path}: ${warning}; if such a run stays "running", remove its .lock file`);
  }
}

/** Of one machine: disks, memory, containers. Others see them only where that machine exports them. */
const LOCAL = [
  ...["ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs"],
  ...["tmpfs", "ramfs", "overlay"],
];

/**
 * Tells whether a lock on a mounted file system holds on all nodes.
 *
 * A trajectory is claimed by flock(2). NFS passes it on to the server (Linux 2.6.12 and later)
 * unless `local_lock` or `nolock` says otherwise, see nfs(5); Lustre does with the option `flock`
 * alone, see mount.lustre(8). NFS 4 frees the locks of a node that died when its lease ends; NFS 3
 * when that node is back, see rpc.statd(8).
 *
 * @returns Why it cannot be shared, if so, or what a user should know.
 */
export function judgeFileSystem(
  { type, options }: { readonly type: string; readonly options: string },
): { readonly refusal?: string; readonly warning?: string } {
  const has = (option: string): boolean => options.split(",").includes(option);
  if (type === "nfs" || type === "nfs4") {
    const local = ["local_lock=all", "local_lock=flock", "nolock"].find(has);
    if (local !== undefined) return { refusal: `its NFS is mounted with ${local}` };
    if (/(^|,)(nfs)?vers=[23]/.test(options)) {
      return { warning: "NFS before version 4 keeps the locks of a node that died" };
    }
  }
  if (type === "lustre" && !has("flock")) return { refusal: "its Lustre is mounted without flock" };
  if (type === "fuse.sshfs") return { refusal: "sshfs keeps locks to one machine" };
  return {};
}

/** Whether an exports table, as /var/lib/nfs/etab has it, exports a path. */
export function isExported(table: string, path: string): boolean {
  return table.split("\n").some((line) => {
    const [exported = ""] = line.split(/\s/);
    return exported !== "" && `${path}/`.startsWith(exported.replace(/\/*$/, "/"));
  });
}

/** Takes a lock twice: flock(2) must refuse the second, though both are this process's. */
async function locksHold(path: string): Promise<boolean> {
  const file = join(path, `.trial-${crypto.randomUUID()}.lock`);
  try {
    using first = await tryLock(file);
    using second = await tryLock(file);
    return first !== undefined && second === undefined;
  } finally {
    await Deno.remove(file).catch(() => {});
  }
}

/** Whether Slurm's nodes are all this machine. Where Slurm does not answer, sbatch will say why. */
async function isOnlyNode(): Promise<boolean> {
  const nodes = await callProgram("sinfo", ["--noheader", "--Node", "--format=%n"]);
  const here = ["localhost", hostname(), hostname().split(".")[0]];
  return nodes?.code !== 0 ||
    nodes.stdout.trim().split("\n").every((node) => here.includes(node.trim()));
}
