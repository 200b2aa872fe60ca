/**
 * What a study consists of, what of it is there, and how long the rest may take.
 *
 * @module
 */
import { defaultThreads } from "~/lib/domain.ts";
import { isHeld } from "~/lib/files/lock.ts";
import { openOptimizer } from "~/lib/optimizer.ts";
import { estimateFrom } from "~/lib/reproduce/estimate.ts";
import { type Kept, nextStep } from "~/lib/reproduce/next_step.ts";
import { PROJECT_FOLDERS, type RunOptions } from "~/lib/reproduce/options.ts";
import { readRecord, type TrajectoryRecord } from "~/lib/results.ts";
import { checkStudy, listTrajectories, type Study } from "~/lib/study.ts";
import { listNetworks, lockFile, networkFile, type Trajectory } from "~/lib/trainer.ts";

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
  const found: { trajectory: Trajectory; record: TrajectoryRecord | undefined }[] = [];
  for (const trajectory of listTrajectories(study)) {
    // A damaged file counts as absent here and stays where it is.
    found.push({ trajectory, record: await readRecord(folders.results, trajectory, undefined) });
  }
  const estimate = estimateFrom(study, found.flatMap(({ record }) => record ?? []));
  const runs: PlannedRun[] = [];
  for (const { trajectory, record } of found) {
    const one = { study, trajectory };
    const cached = nextStep(one, record, []).kind === "done";
    const kept = cached ? [] : await keptByName(folders.models, trajectory, record);
    runs.push({
      trajectory,
      cached,
      epochs: record?.content.epochLosses.length ?? 0,
      heldBy: cached ? null : await isHeld(lockFile(folders.models, trajectory)) ?? null,
      seconds: estimate.secondsLeft(one, record, kept),
    });
  }
  const total = runs.reduce((sum, { seconds }) => sum + seconds, 0);
  return { runs, secondsOfMissing: total / threads, measured: estimate.measured };
}

/** What is kept of a trajectory, by the files' names: as if all were whole and its record's. */
export async function keptByName(
  models: string,
  trajectory: Trajectory,
  record: TrajectoryRecord | undefined,
): Promise<Kept[]> {
  const losses = record?.content.epochLosses ?? [];
  const kept = { engines: [], seconds: 0 };
  const hasSlots = openOptimizer(trajectory.optimizer).slots.length > 0;
  const networks = (await listNetworks(models, trajectory)).map((epoch): Kept => (
    { ...kept, isLatest: false, epochLosses: losses.slice(0, epoch), hasState: false }
  ));
  const isThere = await Deno.stat(networkFile(models, trajectory, "latest"))
    .then(() => true, () => false);
  const latest = { ...kept, isLatest: true, epochLosses: losses, hasState: hasSlots };
  return isThere ? [...networks, latest] : networks;
}
