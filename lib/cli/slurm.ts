/**
 * `deno task reproduce --slurm`: the command line's part of a study on a cluster.
 *
 * @module
 */
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Option, type Values } from "~/lib/cli/command.ts";
import { permissions } from "~/lib/cli/launch.ts";
import { numberOption, textOption } from "~/lib/cli/values.ts";
import type { Asked } from "~/lib/cli/slurm_plan.ts";
import {
  demandShared,
  demandSlurm,
  quoteWord,
  sbatchOptions,
  studyScript,
  submit,
} from "~/lib/cluster.ts";
import { dataDirectory, ensureCifar10 } from "~/lib/dataset.ts";
import { partProgress } from "~/lib/files/progress.ts";
import { count, threads as threadsDomain, UsageError } from "~/lib/domain.ts";
import { type Folders, plan } from "~/lib/reproduce.ts";
import type { Study } from "~/lib/study.ts";

/** The options of a study on a cluster. */
export const SLURM_OPTIONS: Readonly<Record<string, Option>> = {
  slurm: {
    value: "TASKS",
    help: "submit the study to Slurm, as an array of so many tasks; with --dry-run: their time",
  },
  sbatch: { value: "OPTIONS", help: 'for sbatch, e.g. "--partition=long --time=04:00:00"' },
};

/** Reads `SLURM_OPTIONS`. */
export function slurmFrom(values: Values): Asked | undefined {
  const tasks = numberOption(values, "slurm", count);
  if (tasks === undefined && values.sbatch !== undefined) {
    throw new UsageError("--sbatch must be given with --slurm");
  }
  const options = sbatchOptions(textOption(values, "sbatch"));
  const threads = numberOption(values, "threads", threadsDomain);
  return tasks === undefined ? undefined : { tasks, options, threads };
}

/** Submits a study and prints what was submitted, and how to go on from there. */
export async function submitStudy(
  study: Study,
  { asked, values, folders, signal }: {
    asked: Asked;
    values: Values;
    folders: Folders;
    signal: AbortSignal;
  },
): Promise<void> {
  await demandSlurm();
  const models = resolve(folders.models);
  const results = resolve(folders.results);
  const say = (message: string): void => console.error(message);
  async function demand(name: string, path: string, written: boolean): Promise<void> {
    signal.throwIfAborted();
    await demandShared({ name, path, written }, say);
  }
  await demand("--models", models, true);
  await demand("--results", results, true);
  const project = fileURLToPath(new URL("../..", import.meta.url));
  await demand("the project", project, false);
  const directory = dataDirectory(textOption(values, "data"));
  // Fetched here if need be: nodes may have no network.
  const files = await ensureCifar10({
    directory,
    onProgress: partProgress({ onMessage: say }),
    signal,
  });
  const places = new Set(Object.values(files).map((file) => dirname(resolve(file))));
  // What was unpacked into the project, or was there, is all that a node needs.
  const isOwn = places.size === 1 && places.has(join(project, "data"));
  const data = isOwn ? {} : { data: resolve(directory) };
  for (const path of places.union(new Set(Object.values(data)))) {
    await demand("--data", path, false);
  }
  const { runs } = await plan(study, { folders });
  const missingRuns = runs.filter(({ cached }) => !cached).length;
  const cachedRuns = runs.length - missingRuns;
  if (missingRuns === 0) {
    if (values.json) console.log(JSON.stringify({ preset: study.preset, missingRuns, cachedRuns }));
    else console.log("All runs are cached: --cached-only draws them, nothing was submitted");
    return;
  }
  const tasks = Math.min(asked.tasks, missingRuns);
  const folder = join(models, ".slurm", new Date().toISOString().replace(/[-:]|\..*/g, ""));
  const args = argumentsOf(values, { models, results, ...data });
  const marker = join(folder, "tasks.sh");
  const job = (more: readonly string[]): string => scriptOf([...args, ...more], asked, marker);
  signal.throwIfAborted();
  const jobs = await submit(
    { tasks: job(["--no-wait"]), rest: job([]) },
    { tasks, options: asked.options, folder, name: `study-${study.preset}` },
  );
  const report = {
    preset: study.preset,
    ...jobs,
    tasks,
    missingRuns,
    cachedRuns,
    folder,
    watch: `squeue --jobs=${jobs.array},${jobs.rest}`,
    progress: `deno task reproduce ${args.map(quoteWord).join(" ")} --dry-run`,
    cancel: `scancel ${jobs.array} ${jobs.rest}`,
  };
  if (values.json) console.log(JSON.stringify(report));
  else console.log(describeSubmission(report).join("\n"));
}

/** What was submitted. */
type Report = Readonly<
  Record<"array" | "rest" | "folder" | "watch" | "progress" | "cancel", string> & {
    tasks: number;
    missingRuns: number;
    cachedRuns: number;
  }
>;

function describeSubmission(report: Report): string[] {
  const { array, rest, tasks, missingRuns, cachedRuns, folder, watch, progress, cancel } = report;
  return [
    `Job ${array}: ${tasks} tasks for ${missingRuns} runs (${cachedRuns} are cached); job ${rest} ` +
    "after them takes what is left, draws and prints the summary",
    `  watch     ${watch}`,
    `  progress  ${progress}`,
    `  output    ${folder}`,
    `  cancel    ${cancel}`,
    "  go on     the same command again, once they have ended: what is finished is kept",
  ];
}

/** Options that speak of the submission, or that the jobs' scripts set. */
const NOT_PASSED_ON = ["slurm", "sbatch", "json", "threads", "no-wait", "data"];

/** The command's own arguments on a node: what was given here, folders by their whole paths. */
function argumentsOf(values: Values, paths: Folders & { readonly data?: string }): string[] {
  const given = Object.entries(values).filter(([name]) => !NOT_PASSED_ON.includes(name));
  const all: Values = { ...Object.fromEntries(given), ...paths };
  return Object.entries(all)
    .map(([name, value]) => value === true ? `--${name}` : `--${name}=${value}`);
}

function scriptOf(args: readonly string[], { threads }: Asked, marker: string): string {
  const project = new URL("../..", import.meta.url);
  return studyScript({
    deno: Deno.execPath(),
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      `--config=${fileURLToPath(new URL("deno.json", project))}`,
      // As it is: many nodes would queue for the lock under which Deno looks it through.
      "--node-modules-dir=manual",
      ...permissions("reproduce", args),
      fileURLToPath(new URL("lib/cli/reproduce.ts", project)),
      ...args,
    ],
    threads,
    // What the data are is said on the command line, or nothing is to be said.
    environment: { CIFAR10_DIR: "" },
    marker,
  });
}
