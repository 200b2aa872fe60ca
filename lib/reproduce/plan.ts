/**
 * What a study consists of, what of it is there, and how long the rest may take.
 *
 * @module
 */
import { defaultThreads } from "~/lib/domain.ts";
import { estimateFrom } from "~/lib/reproduce/estimate.ts";
import { secondsLeft } from "~/lib/reproduce/seconds_left.ts";
import { PROJECT_FOLDERS, type RunOptions } from "~/lib/reproduce/options.ts";
import { isDone, missingWork } from "~/lib/reproduce/work.ts";
import { readRecord } from "~/lib/results.ts";
import { checkStudy, listTrajectories, type Study } from "~/lib/study.ts";
import { lockFile, type Trajectory } from "~/lib/trainer.ts";
import { isHeld } from "~/lib/files/lock.ts";

/** A trajectory in a plan. */
export interface PlannedRun {
  readonly trajectory: Trajectory;
  /** Nothing is missing. */
  readonly cached: boolean;
  /** Epochs that its record has. */
  readonly epochs: number;
  /** Who works on it now, in the lock's words; null where nobody does. */
  readonly heldBy: string | null;
  /** Seconds of one thread that the rest may take. */
  readonly seconds: number;
}

/** A study's plan. */
export interface Plan {
  readonly runs: readonly PlannedRun[];
  /** Of all that is missing, on all threads. */
  readonly secondsOfMissing: number;
  /** Whether the estimate rests on rates that were seen on this machine. */
  readonly measured: boolean;
}

/** Lists a study's trajectories without computing or changing anything. */
export async function plan(
  asked: Study,
  { folders = PROJECT_FOLDERS, threads = defaultThreads() }: RunOptions = {},
): Promise<Plan> {
  const study = checkStudy(asked);
  const found = [];
  for (const trajectory of listTrajectories(study)) {
    // A damaged file counts as absent here and stays where it is.
    const record = await readRecord(folders.results, trajectory, undefined);
    found.push({ trajectory, record, work: missingWork(study, trajectory, record) });
  }
  const estimate = estimateFrom(study, found.flatMap(({ record }) => record ?? []));
  const runs: PlannedRun[] = [];
  for (const { trajectory, record, work } of found) {
    const cached = isDone(work);
    const losses = record?.content.epochLosses ?? [];
    runs.push({
      trajectory,
      cached,
      epochs: losses.length,
      heldBy: cached ? null : await isHeld(lockFile(folders.models, trajectory)) ?? null,
      seconds: cached
        ? 0
        : await secondsLeft(estimate, { models: folders.models, trajectory, work, losses }),
    });
  }
  const total = runs.reduce((sum, { seconds }) => sum + seconds, 0);
  return { runs, secondsOfMissing: total / threads, measured: estimate.measured };
}
