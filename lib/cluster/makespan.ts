/**
 * How long work takes on several tasks at once.
 *
 * @module
 */

/**
 * Seconds until the last of `lanes` ends, where each takes the longest run that is left when it is
 * free (Graham's LPT rule, at most 4/3 of the shortest makespan possible; SIAM J. Appl. Math. 17,
 * 1969).
 *
 * @param seconds Of each run, any order.
 * @param lanes Runs at the same time, an integer >= 1.
 */
export function makespan(seconds: readonly number[], lanes: number): number {
  const longestFirst = seconds.toSorted((a, b) => b - a);
  // A heap of the times at which lanes are free, the earliest at the root.
  const free = new Float64Array(Math.min(lanes, Math.max(1, seconds.length)));
  for (const each of longestFirst) {
    const end = free[0]! + each;
    let place = 0;
    for (;;) {
      let child = 2 * place + 1;
      if (child + 1 < free.length && free[child + 1]! < free[child]!) child++;
      if (child >= free.length || free[child]! >= end) break;
      free[place] = free[child]!;
      place = child;
    }
    free[place] = end;
  }
  return free.reduce((latest, time) => Math.max(latest, time), 0);
}

/** What a study takes on a number of tasks. */
export interface Makespan {
  readonly tasks: number;
  readonly seconds: number;
  /** Share of the tasks' time in which they compute, 0..1. */
  readonly used: number;
}

/** Makespans, and where more tasks stop to help. */
export interface Makespans {
  /** Runs that a task works on at the same time, one a thread. */
  readonly threads: number;
  readonly table: readonly Makespan[];
  /** Of the longest run: no number of tasks takes less. */
  readonly longestSeconds: number;
  /** The fewest tasks that take no longer than the longest run; more do not help. */
  readonly enoughTasks: number;
}

/** The table's numbers of tasks, from two to more than any study here has runs. */
const TASKS = [2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000] as const;

/**
 * Tabulates makespans from 2 to 10,000 tasks, and on `tasks`.
 *
 * @param seconds Of each run that is missing, of one thread.
 */
export function tabulateMakespans(
  seconds: readonly number[],
  { tasks, threads }: { readonly tasks: number; readonly threads: number },
): Makespans {
  const total = seconds.reduce((sum, each) => sum + each, 0);
  const longestSeconds = seconds.reduce((longest, each) => Math.max(longest, each), 0);
  const numbers = [...new Set([...TASKS, tasks])].sort((a, b) => a - b);
  return {
    threads,
    table: numbers.map((number) => {
      const span = makespan(seconds, number * threads);
      return {
        tasks: number,
        seconds: span,
        used: span === 0 ? 0 : total / (span * number * threads),
      };
    }),
    longestSeconds,
    enoughTasks: enough(seconds, { total, longestSeconds, threads }),
  };
}

function enough(
  seconds: readonly number[],
  { total, longestSeconds, threads }: { total: number; longestSeconds: number; threads: number },
): number {
  if (longestSeconds === 0) return 1;
  // No fewer can be enough, as their time in all would be less than the work.
  let tasks = Math.max(1, Math.ceil(total / longestSeconds / threads));
  while (makespan(seconds, tasks * threads) > longestSeconds) tasks++;
  return tasks;
}
