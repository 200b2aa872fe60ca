/**
 * `deno task reproduce --slurm`: the command line's part of a study on a cluster.
 *
 * @module
 */
import { dirname, join } from "node:path";
import { type Texts, toWords } from "~/lib/cli/words.ts";
import { commandWords, ROOT } from "~/lib/cli/launch.ts";
import type { About } from "~/lib/cli/main.ts";
import type { Values } from "~/lib/cli/options.ts";
import {
  cpusPerTask,
  demandShared,
  demandSlurm,
  memoryOptions,
  quoteWord,
  studyScript,
  submit,
} from "~/lib/cluster.ts";
import { dataDirectory, ensureCifar10 } from "~/lib/dataset.ts";
import { plural } from "~/lib/files/numbers.ts";
import { formatSeconds } from "~/lib/files/text.ts";
import { type Folders, type Plan, plan } from "~/lib/reproduce.ts";
import type { Study } from "~/lib/study.ts";

/** Times in seconds, memory of a task in bytes. */
type TaskPlan = Readonly<
  Record<"tasks" | "threads" | "seconds" | "longestSeconds" | "enoughTasks" | "memory", number>
>;

/** What the runs that are missing take on the tasks of a cluster, one run a thread; and in words. */
export function planTasks(
  { runs }: Plan,
  { images }: Study,
  { slurm: tasks = 1, sbatch = [], threads = cpusPerTask(sbatch) ?? 1 }: Values,
): { plan: TaskPlan; lines: string[] } {
  const total = runs.reduce((sum, { seconds }) => sum + seconds, 0);
  const longestSeconds = runs.reduce((longest, { seconds }) => Math.max(longest, seconds), 0);
  // Of all tasks side by side: their mean rate, but no less than the longest run.
  const seconds = Math.max(longestSeconds, total / (tasks * threads));
  const enoughTasks = Math.max(1, Math.ceil(total / (longestSeconds || 1) / threads));
  const memory = memoryOf({ images, threads });
  const lines = [
    `On ${plural(tasks, "task")} of ${plural(threads, "thread")} about ` +
    `${formatSeconds(seconds)}, each with up to ${formatBytes(memory)} of memory`,
    `More than ${plural(enoughTasks, "task")} do not help: the longest run takes ` +
    `${formatSeconds(longestSeconds)} of one thread`,
  ];
  return {
    plan: { tasks, threads, seconds, longestSeconds, enoughTasks, memory },
    lines: runs.every(({ cached }) => cached) ? ["Nothing is left for tasks to do"] : lines,
  };
}

/** Submits a study. @returns What was submitted, and the commands to go on from there. */
export async function submitStudy(
  study: Study,
  options: Values & About & { readonly folders: Folders },
): Promise<object> {
  const { folders, folders: { models, results }, sbatch = [], threads, signal, texts } = options;
  await demandSlurm();
  const data = await demandFolders({ ...folders, data: options.data }, signal);
  const planned = await plan(study, { folders });
  const missingRuns = planned.runs.filter(({ cached }) => !cached).length;
  const counts = { missingRuns, cachedRuns: planned.runs.length - missingRuns };
  const { preset } = study;
  const say = (text: string): void => options.json ? undefined : console.log(text);
  if (missingRuns === 0) {
    say("All runs are cached: --cached-only draws them, nothing was submitted");
    return { preset, ...counts };
  }
  const { plan: { memory, tasks: most } } = planTasks(planned, study, options);
  const tasks = Math.min(most, missingRuns);
  const folder = join(models, ".slurm", new Date().toISOString().replace(/[-:]|\..*/g, ""));
  const passedOn = Object.entries(texts).filter(([name]) => !NOT_PASSED_ON.includes(name));
  const given: Texts = { ...Object.fromEntries(passedOn), models, results, ...data };
  const script = (own: Texts): string =>
    studyScript({
      deno: Deno.execPath(),
      args: commandWords("reproduce", { ...given, ...own }, {
        // As it is: many nodes would queue for the lock under which Deno looks it through.
        flags: ["--quiet", "--node-modules-dir=manual"],
      }),
      ...{ threads, marker: join(folder, "tasks.sh") },
    });
  signal.throwIfAborted();
  const scripts = { tasks: script({ "no-wait": true }), rest: script({}) };
  const jobs = await submit(scripts, {
    ...{ tasks, folder, name: `study-${preset}` },
    options: [...memoryOptions(sbatch, Math.ceil(memory / 2 ** 20)), ...sbatch],
  });
  const watch = `squeue --jobs=${jobs.array},${jobs.rest}`;
  const progress = `deno task reproduce ${toWords(given).map(quoteWord).join(" ")} --dry-run`;
  const cancel = `scancel ${jobs.array} ${jobs.rest}`;
  say(
    `Job ${jobs.array}: ${tasks} tasks for ${missingRuns} runs (${counts.cachedRuns} are cached); \
job ${jobs.rest} after them takes what is left, draws and prints the summary
  watch     ${watch}
  progress  ${progress}
  output    ${folder}
  cancel    ${cancel}
  go on     the same command again, once they have ended: what is finished is kept`,
  );
  return { preset, ...jobs, tasks, ...counts, folder, watch, progress, cancel };
}

/** Demands that nodes share all folders. @returns Where the data are, unless in the project. */
async function demandFolders(
  { models, results, data }: Folders & { readonly data: string | undefined },
  signal: AbortSignal,
): Promise<{ data?: string }> {
  const validate = async (path: string, name: string, { written = false } = {}): Promise<void> => {
    signal.throwIfAborted();
    await demandShared(path, { name, written }, console.error);
  };
  await validate(models, "--models", { written: true });
  await validate(results, "--results", { written: true });
  await validate(ROOT, "the project");
  const directory = dataDirectory(data);
  // Fetched here if need be: nodes may have no network.
  const files = await ensureCifar10({ directory, onMessage: console.error, signal });
  const places = new Set(Object.values(files).map((file) => dirname(file)));
  // What was unpacked into the project, or was there, is all that a node needs.
  const isOwn = places.size === 1 && places.has(join(ROOT, "data"));
  if (!isOwn) places.add(directory);
  for (const path of places) await validate(path, "--data");
  return isOwn ? {} : { data: directory };
}

/** Options that speak of the submission, or that the jobs' scripts set. */
const NOT_PASSED_ON = ["slurm", "sbatch", "json", "threads", "no-wait", "data"];

/** Bytes at most that `reproduce` takes on the CPU: 18 to 40 % more than was measured, see README. */
export function memoryOf(
  { images, threads }: { readonly images: number; readonly threads: number },
): number {
  return 360e6 + 28e3 * images + 280e6 * threads;
}

/** "1.2 GB". */
export function formatBytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
