/**
 * Submits a study: an array of tasks that share it, and a job that finishes it after them.
 *
 * @module
 */
import { join } from "node:path";
import { callProgram } from "~/lib/cluster/call_program.ts";
import { USUAL_OPTIONS } from "~/lib/cluster/study_job.ts";
import { splitWords } from "~/lib/cluster/words.ts";
import { UsageError } from "~/lib/domain.ts";
import { writeWhole } from "~/lib/files/files.ts";

/** What is submitted. */
export interface Scripts {
  /** Of every task of the array. */
  readonly tasks: string;
  /** Of the job after it. */
  readonly rest: string;
}

/** How it is submitted. */
export interface SubmitOptions {
  readonly tasks: number;
  /** Begins the names of the jobs. */
  readonly name: string;
  /** Folder for the scripts and for what the jobs print. */
  readonly folder: string;
  /** The user's options for sbatch. */
  readonly options: readonly string[];
}

/** Slurm's numbers of what was submitted. */
export interface Submission {
  readonly array: string;
  readonly rest: string;
}

/** Options that this program sets itself. */
const OWN = /^(--(array|dependency|wrap|parsable|output|error|test-only)(=|$)|-[adoe])/;

/**
 * Reads the user's options for sbatch.
 *
 * @throws {UsageError} If they set what this program sets itself, or a quote is not closed.
 */
export function sbatchOptions(text: string | undefined): string[] {
  const words = splitWords(text ?? "", "--sbatch");
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

/** Demands Slurm's commands. @throws {Error} If they are not there. */
export async function demandSlurm(): Promise<void> {
  if (await callProgram("sbatch", ["--version"]) === undefined) {
    throw new Error("Cannot submit as sbatch must be on PATH: it is not on this machine's");
  }
}

/**
 * Submits both jobs; the second starts when all tasks of the first have ended, however they did.
 *
 * @throws {Error} If Slurm refuses one, in its words; nothing is left queued then.
 */
export async function submit(scripts: Scripts, options: SubmitOptions): Promise<Submission> {
  const { folder, tasks, name } = options;
  const script = async (part: keyof Scripts): Promise<string> => {
    const path = join(folder, `${part}.sh`);
    await writeWhole(path, scripts[part]);
    return path;
  };
  const [first, second] = [await script("tasks"), await script("rest")];
  const array = await sbatch(first, options, [
    `--array=1-${tasks}`,
    output(folder, "task-%a"),
  ]);
  try {
    const rest = await sbatch(second, { ...options, name: `${name}-rest` }, [
      `--dependency=afterany:${array}`,
      output(folder, "rest"),
    ]);
    return { array, rest };
  } catch (error) {
    const cancelled = await callProgram("scancel", [array]);
    if (cancelled?.code === 0) throw error;
    throw new Error(`${(error as Error).message}; job ${array} is queued: scancel ${array}`);
  }
}

/** A job that is run again goes on with its file. */
function output(folder: string, name: string): string {
  return `--output=${join(folder.replaceAll("%", "%%"), `${name}.txt`)}`;
}

async function sbatch(
  script: string,
  { options, name }: Pick<SubmitOptions, "options" | "name">,
  own: readonly string[],
): Promise<string> {
  const called = await callProgram("sbatch", [
    ...USUAL_OPTIONS,
    `--job-name=${name}`,
    "--open-mode=append",
    ...options,
    "--parsable",
    ...own,
    script,
  ]);
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
