/**
 * Whether nodes can share a study in a folder: tried where it can be, else by what is known of it.
 *
 * @module
 */
import { hostname } from "node:os";
import { join } from "node:path";
import { type FileSystem, isExported, judgeFileSystem } from "~/lib/cluster/file_system.ts";
import { reasonOf } from "~/lib/files/files.ts";
import { tryLock } from "~/lib/files/lock.ts";
import { callProgram } from "~/lib/cluster/call_program.ts";

/** What a folder is for. */
export interface FolderUse {
  /** The option that names it, as messages name it. */
  readonly name: string;
  readonly path: string;
  /** Whether tasks write to it; then locks on it are tried too. */
  readonly written: boolean;
}

/**
 * Checks that nodes can share a folder; makes it if it is to be written and not there.
 *
 * @param onMessage Told what a user should know of it.
 * @throws {Error} If it cannot be written, if locks do not hold on it, or if only this machine has
 * it; the message says which.
 */
export async function demandShared(
  { name, path, written }: FolderUse,
  onMessage: (message: string) => void,
): Promise<void> {
  const fail = (reason: string): never => {
    throw new Error(`Cannot submit as ${name} must be a folder that all nodes share: ${reason}`);
  };
  if (written) {
    await makeFolder(name, path);
    await tryLocks(path).catch((error) => fail((error as Error).message));
  }
  const fileSystem = await findFileSystem(path);
  if (fileSystem === undefined) return;
  const { refusal, isLocal, warning } = judgeFileSystem(fileSystem);
  if (refusal !== undefined) fail(`${path} is not one, as ${refusal}`);
  if (isLocal && !await isOnlyNode() && !isExported(await exportsTable(), path)) {
    fail(`${path} is not one, as its file system (${fileSystem.type}) is this machine's own`);
  }
  if (warning !== undefined) {
    onMessage(`${path}: ${warning}; if such a run stays "running", remove its .lock file`);
  }
}

/** The file system of a path; undefined where findmnt, which every Linux has, is not there. */
async function findFileSystem(path: string): Promise<FileSystem | undefined> {
  const format = ["--noheadings", "--raw", "--output=FSTYPE,OPTIONS"];
  const found = await callProgram("findmnt", [...format, "--target", path]);
  // The last of those mounted over each other is the one that is seen.
  const [type, options = ""] = (found?.stdout.trim().split("\n").at(-1) ?? "").split(" ");
  return type ? { type, options } : undefined;
}

async function makeFolder(name: string, path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true });
    const trial = join(path, `.trial-${crypto.randomUUID()}`);
    await Deno.writeTextFile(trial, "");
    await Deno.remove(trial);
  } catch (error) {
    throw new Error(`Cannot submit as ${name} must be writable: ${path}: ${reasonOf(error)}`);
  }
}

/** Takes a lock twice: flock(2) must refuse the second, though both are this process's. */
async function tryLocks(path: string): Promise<void> {
  const file = join(path, `.trial-${crypto.randomUUID()}.lock`);
  try {
    const first = await tryLock(file);
    const second = await tryLock(file);
    second?.release();
    first?.release();
    if (first === undefined || second !== undefined) {
      throw new Error(`${path} is not one, as its locks do not hold`);
    }
  } finally {
    await Deno.remove(file).catch(() => {});
  }
}

/** Whether Slurm's nodes are all this machine. Where Slurm does not answer, sbatch will say why. */
async function isOnlyNode(): Promise<boolean> {
  const nodes = await callProgram("sinfo", ["--noheader", "--Node", "--format=%n"]);
  const here = ["localhost", hostname(), hostname().split(".")[0]];
  return nodes === undefined || nodes.code !== 0 ||
    nodes.stdout.trim().split("\n").every((node) => here.includes(node.trim()));
}

/** What this machine exports by the kernel's NFS server; empty where it has none. */
async function exportsTable(): Promise<string> {
  return await Deno.readTextFile("/var/lib/nfs/etab").catch(() => "");
}
