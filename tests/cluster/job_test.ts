/**
 * Jobs: words of a shell, options for sbatch, shared file systems, and submissions that cannot be.
 *
 * @module
 */
import { join } from "node:path";
import {
  cpusPerTask,
  isExported,
  judgeFileSystem,
  memoryOptions,
  quoteWord,
  sbatchOptions,
  studyScript,
} from "~/lib/cluster.ts";
import { UsageError } from "~/lib/domain.ts";
import { callProgram } from "~/lib/files/programs.ts";
import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { MAY_MOUNT, READ_ONLY, withReadOnly } from "~/tests/fixtures/mount.ts";
import { ended, permissionsOf, startTask } from "~/tests/fixtures/script.ts";
import { foldersIn, searchPath } from "~/tests/fixtures/slurm.ts";
import { listFiles, withFolder } from "~/tests/fixtures/temporary_folder.ts";

/** What bash prints of a command. */
async function bash(command: string): Promise<string> {
  return (await callProgram("bash", ["-c", command]))!.stdout;
}

Deno.test("sbatchOptions() splits as bash does", async () => {
  const cases = [
    "--partition=long --time=04:00:00",
    `--comment="two words" --mail-user='a b' -c 2`,
    `a"b c"'d e'f  ''  "it's"\t'"'`,
    "",
  ];
  for (const text of cases) {
    const printed = await bash(`for word in ${text}; do printf '%s\\0' "$word"; done`);
    assertEquals(sbatchOptions(text), printed.split("\0").slice(0, -1));
  }
  for (const text of [`"a`, "it's", "a\nb"]) {
    const { message } = assertThrows(() => sbatchOptions(text), UsageError);
    const wanted = "--sbatch must be one line with its quotes closed: current value is ";
    assertEquals(message, wanted + text);
  }
});

Deno.test("quoteWord() is undone by sbatchOptions(), and by bash", async () => {
  for (const word of ["plain", "a b", "it", '"quoted"', "$HOME `date` \\", "ü*?", ""]) {
    assertEquals(sbatchOptions(quoteWord(word)), [word]);
  }
  assertEquals(await bash(`printf %s ${quoteWord("it's $HOME")}`), "it's $HOME");
});

Deno.test("sbatchOptions() refuses what --slurm sets, and cpusPerTask() reads the threads", () => {
  for (const own of ["--array=1-2", "-a 1-2", "--dependency=after:1", "--wrap=ls", "--parsable"]) {
    assertThrows(() => sbatchOptions(`--time=5 ${own}`), UsageError, "--slurm sets it");
  }
  const threads: [string, number | undefined][] = [
    ["--cpus-per-task=4", 4],
    ["--time=5 --cpus-per-task 8 --mem=1G", 8],
    ["-c 2", 2],
    ["-c2", 2],
    ["-c 2 --cpus-per-task=8 -c 4", 4],
    ["--time=5", undefined],
  ];
  for (const [text, wanted] of threads) {
    assertEquals(cpusPerTask(sbatchOptions(text)), wanted, text);
  }
});

Deno.test("memoryOptions() asks for memory unless the user's options do", () => {
  assertEquals(memoryOptions(sbatchOptions("--time=5"), 700), ["--mem=700M"]);
  for (const own of ["--mem=2G", "--mem 2G", "--mem-per-cpu=1G", "--mem-per-gpu 8G"]) {
    assertEquals(memoryOptions(sbatchOptions(`--time=5 ${own}`), 700), [], own);
  }
});

/** Runs a script as Slurm would, with a shell script in Deno's place. */
async function runAs(
  deno: string,
  { threads, env }: { threads?: number; env: Record<string, string> },
): Promise<{ code: number; text: string }> {
  return await withFolder(async (folder) => {
    const marker = join(folder, "tasks.sh");
    const program = join(folder, "it's deno");
    await Deno.writeTextFile(program, `#!/bin/bash\n${deno}\n`, { mode: 0o755 });
    const script = studyScript({ deno: program, args: ["run", "a b"], threads, marker });
    await Deno.writeTextFile(marker, script);
    const given = { SLURM_JOB_ID: "7", CIFAR10_DIR: "/of the site", ...env };
    const { code, stdout, stderr } = (await callProgram("bash", [marker], { env: given }))!;
    return { code, text: stdout + stderr };
  });
}

Deno.test("studyScript() passes on words, environment, threads and status", async () => {
  const print = 'printf "%s|" "$@" "$CIFAR10_DIR"; exit 3';
  const wanted = (threads: number): { code: number; text: string } => (
    { code: 3, text: `run|a b|--threads|${threads}||` }
  );
  assertEquals(await runAs(print, { env: {} }), wanted(1));
  assertEquals(await runAs(print, { env: { SLURM_CPUS_ON_NODE: "6" } }), wanted(6));
  const both = { SLURM_CPUS_ON_NODE: "8", SLURM_CPUS_PER_TASK: "2" };
  assertEquals(await runAs(print, { env: both }), wanted(2));
  // More than the command takes.
  assertEquals(await runAs(print, { env: { SLURM_CPUS_ON_NODE: "384" } }), wanted(256));
  assertEquals(await runAs(print, { threads: 5, env: both }), wanted(5));
});

Deno.test("the launcher lets a submission alone start programs", () => {
  const run = (...args: string[]): string[] =>
    permissionsOf("reproduce", args).filter((flag) => flag.startsWith("--allow-run"));
  assertEquals(run("--slurm", "4", "--sbatch", "--time=5"), ["--allow-run"]);
  for (const args of [[], ["--slurm", "4", "--dry-run"], ["--sbatch", "--time=5"]]) {
    assertEquals(run(...args).map((flag) => flag.replace(/\.cmd$/, "")), ["--allow-run=npm"]);
  }
});

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

Deno.test("judgeFileSystem() tells whose locks outlive a node", () => {
  const warning = "NFS before version 4 keeps the locks of a node that died";
  assertEquals(judge("nfs rw,vers=3,local_lock=none"), { warning });
  assertEquals(judge("nfs4 rw,vers=4.2,local_lock=none"), {});
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

const STUDY = [
  ...["--preset", "quick", "--effects", "learning-rate", "--images", "200", "--seeds", "0"],
  ...["--stops", "epochs:1", "--measures", "-", "--slurm", "2"],
];

Deno.test("without sbatch, in unusable folders and with wrong options nothing is submitted", () =>
  withFolder(async (folder) => {
    const far = join(folder, "far");
    const refused = async (
      { PATH, args = [], status = 1 }: { PATH: string; args?: string[]; status?: number },
    ): Promise<string> => {
      const words = [...STUDY, ...foldersIn(far), ...args];
      const { code, stdout, stderr } = await ended(startTask("reproduce", words, { PATH }));
      assertEquals([code, stdout], [status, ""]);
      assertEquals(listFiles(folder).filter((path) => path.endsWith("submitted")), []);
      return stderr;
    };
    assertEquals(
      await refused({ PATH: join(folder, "nothing") }),
      "Cannot submit as sbatch must be on PATH: it is not on this machine's\n",
    );
    const PATH = await searchPath(folder, {
      sbatch: `[ "$1" = --version ] || touch '${folder}/submitted'`,
      sinfo: "echo node1; echo node2",
      findmnt: 'echo "ext4 rw,relatime"',
    });
    assertMatch(
      await refused({ PATH }),
      /^Cannot submit as --models must be a folder that all nodes share: .* is not one, as its file system \(ext4\) is this machine's own\n$/,
    );
    const wrong = async (...args: string[]): Promise<string> =>
      await refused({ PATH, args, status: 2 });
    assertEquals(
      await wrong("--sbatch", "--array=1-3"),
      "--sbatch must not set --array=1-3: --slurm sets it\n",
    );
    assertEquals(
      await wrong("--fresh"),
      "--slurm and --fresh must not be given together\n",
    );
    if (!MAY_MOUNT) return;
    await Deno.mkdir(join(far, "models"), { recursive: true });
    await withReadOnly(join(far, "models"), async () => {
      assertEquals(
        await refused({ PATH }),
        `Cannot submit as --models must be writable: ${far}/models: ${READ_ONLY}\n`,
      );
    });
  }));
