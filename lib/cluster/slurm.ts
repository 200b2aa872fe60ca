/**
 * Slurm: the script of a job, and the submission of a study as an array of tasks that share it, with a
 * job that finishes it after them.
 *
 * @module
 */
import { join } from "node:path";
import { UsageError } from "~/lib/domain.ts";
import { writeWhole } from "~/lib/files/files.ts";
import { callProgram } from "~/lib/files/programs.ts";

/**
 * SIGTERM before the time limit: the command keeps its state and ends with status 143, and the job
 * asks Slurm to be run again. `scancel` sends the same signal, but Slurm then calls the job
 * completing, and it is not run again. Tasks of an array are named `job_task`, as the bare number of
 * a task may be that of the whole array.
 */
const BODY = `
node=$(hostname)
if [ ! -e "$marker" ]; then
  echo "Cannot work on $node as the study's folders must be shared: there is no $marker" >&2
  exit 1
fi
[ -x "$deno" ] || deno=$(command -v deno) || {
  echo "Cannot work on $node as Deno must be in the shared folder or on PATH" >&2
  exit 1
}
if [ -z "$threads" ]; then
  threads=\${SLURM_CPUS_PER_TASK:-\${SLURM_CPUS_ON_NODE:-1}}
  [ "$threads" -le 256 ] || threads=256
fi
# Deno's cache is a database in WAL mode, which must not be shared over a network.
export DENO_DIR="\${DENO_DIR:-\${TMPDIR:-/tmp}/deno-$(id -u)}"
# What the data are is said on the command line, or nothing is to be said.
export CIFAR10_DIR=
# Where it is not set the look for a GPU prints errors that are none.
export XDG_RUNTIME_DIR="\${XDG_RUNTIME_DIR:-/tmp}"
# Mesa would keep compiled shaders in the home folder.
export MESA_SHADER_CACHE_DISABLE=true

"$deno" "\${command[@]}" --threads "$threads" &
child=$!
trap 'kill -TERM "$child" 2>/dev/null' TERM
# A signal that is trapped ends wait early.
while :; do
  wait "$child"
  status=$?
  kill -0 "$child" 2>/dev/null || break
done
[ "$status" -eq 143 ] || exit "$status"

job=\${SLURM_ARRAY_JOB_ID:-$SLURM_JOB_ID}\${SLURM_ARRAY_TASK_ID:+_$SLURM_ARRAY_TASK_ID}
# The controller may be restarting: it is asked again.
ask() {
  for _ in 1 2 3 4 5; do "$@" && return; sleep 5; done
  return 1
}
[ "$(ask squeue --noheader --jobs="$job" --format=%T)" = RUNNING ] || exit "$status"
# Else a job whose time limit leaves no time would start and stop for ever.
if [ "\${SLURM_RESTART_COUNT:-0}" -ge 3 ] && [ "$SECONDS" -lt 10 ]; then
  echo "Cannot go on as --time must leave time before its signal: it left $SECONDS s" >&2
  exit 1
fi
echo "Job $job was told to stop on $node: it is to be run again"
ask scontrol requeue "$job"
exit "$status"
`;

/** The script of a job, in bash. */
export function studyScript({ deno, args, threads, marker }: {
  /** Its path where the job was submitted; a node may have it on PATH instead. */
  readonly deno: string;
  /** Deno's arguments, from `run` to the command's last option. */
  readonly args: readonly string[];
  /** Of the CPU engine; undefined: as many as Slurm gives the task. */
  readonly threads: number | undefined;
  /** A file in the shared folder, which a node must see. */
  readonly marker: string;
}): string {
  return [
    "#!/bin/bash",
    "# A part of a study that was submitted with --slurm. Slurm runs its own copy of this file.",
    `deno=${quoteWord(deno)}`,
    `marker=${quoteWord(marker)}`,
    `threads=${threads ?? ""}`,
    `command=(${args.map(quoteWord).join(" ")})`,
  ].join("\n") + `\n${BODY}`;
}

/** A word as a shell reads it back: quoted where it must be. */
export function quoteWord(word: string): string {
  return /^[\w./:=,@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

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
 * Reads the user's options for sbatch, split as a shell does: at blanks that no quotes enclose.
 * Nothing is expanded.
 *
 * @throws {UsageError} If they set what this program sets itself, a quote is not closed, or there is
 * a control character.
 */
export function sbatchOptions(text: string): string[] {
  // deno-lint-ignore no-control-regex
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(text) || !/^(?:[^"']|"[^"]*"|'[^']*')*$/.test(text)) {
    throw new UsageError(
      `--sbatch must be one line with its quotes closed: current value is ${text}`,
    );
  }
  const words = [...text.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)].map(([word]) =>
    word.replace(/"([^"]*)"|'([^']*)'/g, (_, double, single) => double ?? single)
  );
  const own = words.find((word) => OWN.test(word));
  if (own !== undefined) throw new UsageError(`--sbatch must not set ${own}: --slurm sets it`);
  return words;
}

/** CPUs a task that options for sbatch ask for, the last to say so; undefined where none does. */
export function cpusPerTask(options: readonly string[]): number | undefined {
  const text = options.join(" ");
  const found = text.matchAll(/(?<=^|\s)(?:--cpus-per-task[= ]|-c ?)(\d+)(?=\s|$)/g);
  const [, last] = [...found].at(-1) ?? [];
  return last === undefined ? undefined : Math.max(1, Number(last));
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

/**
 * Submits both jobs; the second starts when all tasks of the first have ended, however they did.
 *
 * @param scripts Of every task of the array, and of the job after it.
 * @returns Slurm's numbers of the two jobs.
 * @throws {Error} If Slurm refuses one, in its words; it names the job that is left queued, if one is.
 */
export async function submit(
  scripts: { readonly tasks: string; readonly rest: string },
  { tasks, name, folder, options }: {
    readonly tasks: number;
    /** Begins the names of the jobs. */
    readonly name: string;
    /** Of the scripts and of what the jobs print. */
    readonly folder: string;
    /** For sbatch, the user's last. */
    readonly options: readonly string[];
  },
): Promise<{ array: string; rest: string }> {
  const job = async (part: "tasks" | "rest", own: readonly string[]): Promise<string> => {
    const script = join(folder, `${part}.sh`);
    await writeWhole(script, scripts[part]);
    const output = join(folder.replaceAll("%", "%%"), part === "tasks" ? "task-%a" : "rest");
    return await sbatch([
      ...USUAL_OPTIONS,
      `--job-name=${part === "tasks" ? name : `${name}-rest`}`,
      // A job that is run again goes on with its file.
      "--open-mode=append",
      ...options,
      ...["--parsable", ...own, `--output=${output}.txt`, script],
    ]);
  };
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
