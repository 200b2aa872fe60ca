/**
 * Records of trajectories as files.
 *
 * @module
 */
import { join } from "node:path";
import { DamagedFileError, type OnDamage, readChecked } from "~/lib/files/checked.ts";
import { writeWhole } from "~/lib/files/files.ts";
import { checkProvenance } from "~/lib/results/check_provenance.ts";
import { formatRecord, parseRecord, type TrajectoryRecord } from "~/lib/results/record.ts";
import { isSameTrajectory, type Trajectory, trajectoryPath } from "~/lib/trainer.ts";

/** Where a trajectory's record is kept. */
export function recordFile(results: string, trajectory: Trajectory): string {
  return `${join(results, trajectoryPath(trajectory))}.json`;
}

/** Reads a record; undefined if there is none or it is damaged: see `readChecked`. */
export function readRecord(
  results: string,
  trajectory: Trajectory,
  onDamage: OnDamage | undefined,
): Promise<TrajectoryRecord | undefined> {
  return readChecked(recordFile(results, trajectory), onDamage, (bytes) => {
    const record = parseRecord(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (!isSameTrajectory(record.content.trajectory, trajectory)) {
      throw new DamagedFileError("it is of another trajectory");
    }
    return record;
  });
}

/**
 * Writes a record over the one before.
 *
 * @throws {Error} If it does not say whole how it came about: see `checkProvenance`.
 */
export async function writeRecord(
  results: string,
  trajectory: Trajectory,
  record: TrajectoryRecord,
): Promise<void> {
  const path = recordFile(results, trajectory);
  const fault = checkProvenance(record);
  if (fault !== undefined) throw new Error(`Cannot write ${path} as ${fault}`);
  await writeWhole(path, formatRecord(record));
}
