/**
 * What work that was begun goes on with, as another library's rounding is another trajectory.
 *
 * @module
 */
import { type EngineOptions, gemmLibraryOf } from "~/lib/engine.ts";
import { processor } from "~/lib/reproduce/provenance.ts";
import type { TrajectoryRecord } from "~/lib/results.ts";
import { readNetwork, type Trajectory } from "~/lib/trainer.ts";

/**
 * The matrix library or the GPU that computed last on this processor, by the records of the first
 * trajectories that have one, else by the newest state of one that has no record yet; undefined where
 * nothing was begun here.
 */
export async function libraryOf(
  models: string,
  trajectories: readonly Trajectory[],
  records: ReadonlyMap<Trajectory, TrajectoryRecord>,
): Promise<EngineOptions["prefer"]> {
  const here = processor();
  const [last] = trajectories.flatMap((trajectory) =>
    records.get(trajectory)?.provenance.filter((part) => part.processor === here).slice(-1) ?? []
  );
  if (last !== undefined) return gemmLibraryOf(last.engine) ?? "gpu";
  for (const trajectory of trajectories) {
    if (records.has(trajectory)) continue;
    // A damaged file says nothing here, and is set aside when it is needed.
    const latest = await readNetwork(models, trajectory, "latest", undefined);
    const engine = latest?.engines.at(-1);
    if (engine !== undefined) return gemmLibraryOf(engine) ?? "gpu";
  }
  return undefined;
}
