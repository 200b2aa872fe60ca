/**
 * What the steps of a study share while it runs.
 *
 * @module
 */
import type { SharedFloats } from "~/lib/engine.ts";
import { clearWay } from "~/lib/files/checked.ts";
import { removeUnfinished } from "~/lib/files/files.ts";
import { type Lock, tryLock } from "~/lib/files/lock.ts";
import type { Meter, OnProgress } from "~/lib/files/progress.ts";
import type { Estimate } from "~/lib/reproduce/estimate.ts";
import type { EngineOnData, Folders } from "~/lib/reproduce/options.ts";
import type { Work } from "~/lib/reproduce/work.ts";
import { recordFile, type TrajectoryRecord } from "~/lib/results.ts";
import type { Study } from "~/lib/study.ts";
import { describeTrajectory, lockFile, networkFile, type Trajectory } from "~/lib/trainer.ts";

/** A study that is being worked on. */
export interface Context extends EngineOnData {
  readonly study: Study;
  readonly folders: Folders;
  readonly fresh: boolean;
  /** Whether networks must be there besides records. */
  readonly networks: boolean;
  /** Where a trajectory starts, shape [P]; a copy of its own. */
  initialWeights(trajectory: Trajectory): SharedFloats;
  readonly estimate: Estimate;
  readonly meter: Meter;
  /** Whether a trajectory's work is for this process to do; see `openShare`. */
  readonly share: (trajectory: Trajectory, isOurs: boolean) => void;
  readonly onProgress: OnProgress;
  /** One line to the user: a file set aside, a lock taken over. */
  readonly onMessage: (message: string) => void;
  readonly checkpointSeconds: number;
  readonly signal: AbortSignal;
}

/** A trajectory that no other process works on while this one does. */
export interface Claim {
  readonly trajectory: Trajectory;
  readonly lock: Lock;
}

/** A claimed trajectory, its record as far as there is one, and what is missing. */
export interface Item extends Claim {
  record: TrajectoryRecord | undefined;
  work: Work;
}

/** Another process holds a trajectory that is wanted now. */
export class HeldElsewhereError extends Error {
  override readonly name = "HeldElsewhereError";
}

/** A trajectory ended with a loss that is not finite: there is no network at the stop. */
export class DivergedError extends Error {
  override readonly name = "DivergedError";
}

/** Claims a trajectory; undefined if another process, or another lane of this one, works on it. */
export async function claim(
  { folders, onMessage }: Pick<Context, "folders" | "onMessage">,
  trajectory: Trajectory,
): Promise<Claim | undefined> {
  const path = lockFile(folders.models, trajectory);
  await clearWay(path, onMessage);
  const lock = await tryLock(path);
  if (lock === undefined) return undefined;
  try {
    if (lock.abandonedBy !== undefined) {
      onMessage(
        `${describeTrajectory(trajectory)}: taking over from ${lock.abandonedBy}, ` +
          "which ended without finishing",
      );
      const network = networkFile(folders.models, trajectory, "latest");
      await removeUnfinished(network.replace(/latest\.safetensors$/, ""));
      await removeUnfinished(recordFile(folders.results, trajectory));
    }
    return { trajectory, lock };
  } catch (error) {
    lock.release();
    throw error;
  }
}
