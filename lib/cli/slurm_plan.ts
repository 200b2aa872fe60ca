/**
 * `deno task reproduce --dry-run --slurm`: the time that a study takes on tasks of a cluster.
 *
 * @module
 */
import { cpusPerTask, type Makespans, tabulateMakespans } from "~/lib/cluster.ts";
import { formatSeconds } from "~/lib/files/text.ts";
import type { Plan } from "~/lib/reproduce.ts";

/** What the options ask of Slurm; undefined where they ask nothing. */
export interface Asked {
  readonly tasks: number;
  readonly options: readonly string[];
  readonly threads: number | undefined;
}

/** What the runs that are missing take on tasks. */
export function planTasks({ runs }: Plan, { tasks, options, threads }: Asked): Makespans {
  const missing = runs.filter(({ cached }) => !cached).map(({ seconds }) => seconds);
  return tabulateMakespans(missing, { tasks, threads: threads ?? cpusPerTask(options) ?? 1 });
}

/** The same for a terminal. */
export function describeTasks(
  { threads, table, longestSeconds, enoughTasks }: Makespans,
): string[] {
  if (longestSeconds === 0) return ["Nothing is left for tasks to do"];
  const rows = [
    ["tasks", "time", "in use"],
    ...table.map(({ tasks, seconds, used }) => [
      tasks.toLocaleString("en-US"),
      formatSeconds(seconds),
      `${(100 * used).toPrecision(used < 0.1 ? 2 : 3)} %`,
    ]),
  ];
  return [
    `On tasks of ${threads === 1 ? "one thread" : `${threads} threads`}, longest runs first:`,
    ...rows.map(([tasks, time, used]) =>
      tasks!.padStart(7) + time!.padStart(14) + used!.padStart(9)
    ),
    `More than ${enoughTasks.toLocaleString("en-US")} do not help: the longest run takes ` +
    `${formatSeconds(longestSeconds)} of one thread`,
  ];
}
