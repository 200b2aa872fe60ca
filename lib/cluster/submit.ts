/**
 * Submits a study: an array of tasks that share it, and a job that finishes it after them.
 *
 * @module
 */
import { join } from "node:path";
import { callProgram, splitWords } from "~/lib/cluster/program.ts";
import { UsageError } from "~/lib/domain.ts";
import { writeWhole } from "~/lib/files/files.ts";

/** Slurm's options for every job; those of the user's come after and win. */
const USUAL_OPTIONS = [
  "--requeue",
  // To the shell alone, two minutes before the time limit: it passes the signal on.
  "--signal=B:TERM@120",
  "--ntasks=1",
];

/** Options that this program sets itself. */
const OWN = /^(--(array|dependency|wrap|parsable|output|error|test-only)(=|$)|-[adoe])/;

/**
 * Reads the user's options for sbatch.
 *
 * @throws {UsageError} If they set what this program sets itself, or a quote is not closed.
 */
export function sbatchOptions(text: string): string[] {
  const words = splitWords(text, "--sbatch");
  const own = words.find((word) => OWN.test(word));
  if (own !== undefined) throw new UsageError(`--sbatch must not set ${own}: --slurm sets it`);
  return words;
}

/** CPUs a task that options for sbatch ask for; undefined where they do not say. */
export function cpusPerTask(options: readonly string[]): number | undefined {
  const text = options.join(" ");
  const match = /(?:^|\s)(?:--cpus-per-task[= ]|-c ?)(\d+)(?:\s|$)/.exec(text);
  return match === null ? undefined : Math.max(1, Number(match[1]));
}

/** How much memory a job asks for, unless the user's options say it in any of Slurm's ways. */
export function memoryOptions(options: readonly string[], megabytes: number): string[] {
  return options.some((word) => /^--mem(-per-\w+)?(=|$)/.test(word)) ? [] : [`--mem=${megabytes}M`];
}

/** Demands Slurm's commands. @throws {Error} If they are not there. */
export async function demandSlurm(): Promise<void> {
  if (await callProgram("sbatch", ["--version"]) === undefined) {
    throw new Error("Cannot submit as sbatch must be on PATH: it is not on this machine's");
  }
}

/** How a study is submitted. */
export interface SubmitOptions {
  readonly tasks: number;
  /** Begins the names of the jobs. */
  readonly name: string;
  /** Folder for the scripts and for what the jobs print. */
  readonly folder: string;
  /** For sbatch, the user's last. */
  readonly options: readonly string[];
}

/**
 * Submits both jobs; the second starts when all tasks of the first have ended, however they did.
 *
 * @param scripts Of every task of the array, and of the job after it.
 * @returns Slurm's numbers of the two jobs.
 * @throws {Error} If Slurm refuses one, in its words; nothing is left queued then.
 */
export async function submit(
  scripts: { readonly tasks: string; readonly rest: string },
  { folder, tasks, name, options }: SubmitOptions,
): Promise<{ array: string; rest: string }> {
  const job = async (part: "tasks" | "rest", own: readonly string[]): Promise<string> => {
    const output = join(folder.replaceAll("%", "%%"), part === "tasks" ? "task-%a" : "rest");
    return await sbatch([
      ...USUAL_OPTIONS,
      `--job-name=${part === "tasks" ? name : `${name}-rest`}`,
      // A job that is run again goes on with its file.
      "--open-mode=append",
      ...options,
      ...["--parsable", ...own, `--output=${output}.txt`, join(folder, `${part}.sh`)],
    ]);
  };
  for (const part of ["tasks", "rest"] as const) {
    await writeWhole(join(folder, `${part}.sh`), scripts[part]);
  }
  const array = await job("tasks", [`--array=1-${tasks}`]);
  try {
    return { array, rest: await job("rest", [`--dependency=afterany:${array}`]) };
  } catch (error) {
    const cancelled = await callProgram("scancel", [array]);
    if (cancelled?.code === 0) throw error;
    throw new Error(`${(error as Error).message}; job ${array} is queued: scancel ${array}`);
  }
}

async function sbatch(args: readonly string[]): Promise<string> {
  const called = await callProgram("sbatch", args);
  const lines = called?.stderr.trim().split("\n").map((line) => line.trim()).join("; ");
  // "number" or "number;cluster".
  const job = /^\d+/.exec(called?.stdout ?? "")?.[0];
  if (called?.code !== 0 || job === undefined) {
    throw new Error(
      `Cannot submit, as Slurm says: ${lines || `sbatch ended with ${called?.code}`}`,
    );
  }
  return job;
}
