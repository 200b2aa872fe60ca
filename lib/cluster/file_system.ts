/**
 * What is known of a file system by its type and the options it is mounted with.
 *
 * @module
 */

/** A mounted file system. */
export interface FileSystem {
  /** As Linux names it: "nfs4". */
  readonly type: string;
  /** Separated by commas. */
  readonly options: string;
}

/** Of one machine: disks, memory, containers. Others see them only where that machine exports them. */
const LOCAL = [
  ...["ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs"],
  ...["tmpfs", "ramfs", "overlay"],
];

/** What `judgeFileSystem` found. */
export interface Judgement {
  /** Why nodes cannot share a study on it; undefined where they can. */
  readonly refusal?: string;
  /** Whether other machines see it only if this one exports it. */
  readonly isLocal: boolean;
  /** What a user should know. */
  readonly warning?: string;
}

/**
 * Tells whether a file system can be shared, and whether a lock on it holds on all nodes.
 *
 * A trajectory is claimed by flock(2). NFS passes it on to the server (Linux 2.6.12 and later)
 * unless `local_lock` or `nolock` says otherwise, see nfs(5); Lustre does with the option `flock`
 * alone, see mount.lustre(8). NFS 4 frees the locks of a node that died when its lease ends; NFS 3
 * when that node is back, see rpc.statd(8).
 */
export function judgeFileSystem({ type, options }: FileSystem): Judgement {
  const has = (option: string): boolean => options.split(",").includes(option);
  const isLocal = LOCAL.includes(type);
  if (type === "nfs" || type === "nfs4") {
    const local = ["local_lock=all", "local_lock=flock", "nolock"].find(has);
    if (local !== undefined) return { refusal: `its NFS is mounted with ${local}`, isLocal };
    return /(^|,)(nfs)?vers=[23]/.test(options)
      ? { isLocal, warning: "NFS before version 4 keeps the locks of a node that died" }
      : { isLocal };
  }
  if (type === "lustre" && !has("flock")) {
    return { refusal: "its Lustre is mounted without flock", isLocal };
  }
  if (type === "fuse.sshfs") return { refusal: "sshfs keeps locks to one machine", isLocal };
  return { isLocal };
}

/** Whether an exports table, as /var/lib/nfs/etab has it, exports a path. */
export function isExported(table: string, path: string): boolean {
  return table.split("\n").some((line) => {
    const [exported = ""] = line.split(/\s/);
    return exported !== "" && `${path}/`.startsWith(exported.replace(/\/*$/, "/"));
  });
}
