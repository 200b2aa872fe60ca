/**
 * The script of a job: one command of this project on a node, ended and begun again as Slurm wants.
 *
 * @module
 */
import { quoteWord } from "~/lib/cluster/program.ts";

/** A command and what it needs on a node. */
export interface StudyJob {
  /** Deno's path where the job was submitted; a node may have it on PATH instead. */
  readonly deno: string;
  /** Deno's arguments, from `run` to the command's last option. */
  readonly args: readonly string[];
  /** Threads of the CPU engine; undefined: as many as Slurm gives the task. */
  readonly threads: number | undefined;
  /** Environment that the command reads, which the site may not pass on. */
  readonly environment: Readonly<Record<string, string>>;
  /** A file in the shared folder, which a node must see. */
  readonly marker: string;
}

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
# Where it is not set the look for a GPU prints errors that are none.
export XDG_RUNTIME_DIR="\${XDG_RUNTIME_DIR:-/tmp}"

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
export function studyScript({ deno, args, threads, environment, marker }: StudyJob): string {
  return [
    "#!/bin/bash",
    "# A part of a study that was submitted with --slurm. Slurm runs its own copy of this file.",
    ...Object.entries(environment).map(([name, value]) => `export ${name}=${quoteWord(value)}`),
    `deno=${quoteWord(deno)}`,
    `marker=${quoteWord(marker)}`,
    `threads=${threads ?? ""}`,
    `command=(${args.map(quoteWord).join(" ")})`,
  ].join("\n") + `\n${BODY}`;
}
