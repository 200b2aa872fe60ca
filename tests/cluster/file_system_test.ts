/**
 * What is known of file systems, by lines as findmnt has them.
 *
 * @module
 */
import { isExported, judgeFileSystem } from "~/lib/cluster.ts";
import { assertEquals } from "@std/assert";

const judge = (line: string): ReturnType<typeof judgeFileSystem> => {
  const [type = "", options = ""] = line.split(" ");
  return judgeFileSystem({ type, options });
};

Deno.test("judgeFileSystem() refuses locks that hold on one machine only", () => {
  const refusals: [string, string | undefined][] = [
    ["nfs4 rw,relatime,vers=4.2,rsize=1048576,hard,proto=tcp,local_lock=none", undefined],
    ["nfs4 rw,vers=4.1,local_lock=flock", "its NFS is mounted with local_lock=flock"],
    [
      "nfs rw,vers=3,nolock,mountproto=tcp,local_lock=all",
      "its NFS is mounted with local_lock=all",
    ],
    ["nfs rw,vers=3,nolock,mountproto=tcp", "its NFS is mounted with nolock"],
    ["lustre rw,seclabel,flock,lazystatfs", undefined],
    ["lustre rw,seclabel,lazystatfs", "its Lustre is mounted without flock"],
    ["lustre rw,localflock,lazystatfs", "its Lustre is mounted without flock"],
    ["fuse.sshfs rw,nosuid,nodev", "sshfs keeps locks to one machine"],
    ["gpfs rw,relatime", undefined],
    ["ceph rw,relatime", undefined],
  ];
  for (const [line, refusal] of refusals) assertEquals(judge(line).refusal, refusal, line);
});

Deno.test("judgeFileSystem() tells what is local, and whose locks outlive a node", () => {
  for (const line of ["ext4 rw", "xfs rw", "tmpfs rw", "overlay rw"]) {
    assertEquals(judge(line), { isLocal: true }, line);
  }
  const warning = "NFS before version 4 keeps the locks of a node that died";
  assertEquals(judge("nfs rw,vers=3,local_lock=none"), { isLocal: false, warning });
  assertEquals(judge("nfs4 rw,vers=4.2,local_lock=none"), { isLocal: false });
});

Deno.test("isExported() finds a path below an export, by whole names", () => {
  const table = "/srv/home\t10.0.0.0/8(rw,sync)\n/data\t*(ro)\n";
  for (const path of ["/srv/home", "/srv/home/ada/models", "/data/x"]) {
    assertEquals(isExported(table, path), true, path);
  }
  for (const path of ["/srv", "/srv/homes/ada", "/database"]) {
    assertEquals(isExported(table, path), false, path);
  }
  assertEquals(isExported("", "/srv"), false);
  assertEquals(isExported("/\t*(rw)\n", "/anything"), true);
});
