/**
 * The matrix library with which work that was begun goes on, as another one's rounding is another
 * trajectory.
 *
 * @module
 */
import { type GemmLibraryName, gemmLibraryOf } from "~/lib/engine.ts";
import { processor } from "~/lib/reproduce/provenance.ts";
import type { TrajectoryRecord } from "~/lib/results.ts";
import { readNetwork, type Trajectory } from "~/lib/trainer.ts";

/**
 * The library that computed last on this processor, by the trajectories' records, else by the newest
 * state of one that has no record yet; undefined where nothing was begun here.
 */
export async function libraryOf(
  models: string,
  trajectories: readonly Trajectory[],
  records: ReadonlyMap<Trajectory, TrajectoryRecord>,
): Promise<GemmLibraryName | undefined> {
  const here = processor();
  const [last] = trajectories.flatMap((trajectory) =>
    records.get(trajectory)?.provenance.filter((part) => part.processor === here).slice(-1) ?? []
  );
  if (last !== undefined) return gemmLibraryOf(last.engine);
  for (const trajectory of trajectories) {
    if (records.has(trajectory)) continue;
    // A damaged file says nothing here, and is set aside when it is needed.
    const latest = await readNetwork(models, trajectory, "latest", undefined);
    const engine = latest?.engines.at(-1);
    if (engine !== undefined) return gemmLibraryOf(engine);
  }
  return undefined;
}
