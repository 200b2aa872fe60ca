/**
 * An engine on the images of a study.
 *
 * @module
 */
import { firstRows, loadImagesLabels } from "~/lib/dataset.ts";
import { type Engine, type EngineOptions, gemmLibraryOf, openEngine } from "~/lib/engine.ts";
import { partProgress } from "~/lib/files/progress.ts";
import type { RunOptions } from "~/lib/reproduce/options.ts";
import { processor } from "~/lib/reproduce/provenance.ts";
import type { TrajectoryRecord } from "~/lib/results.ts";
import { readNetwork, type Trajectory } from "~/lib/trainer.ts";

/** An engine, and the MD5 of every file of the data that it holds. */
export interface EngineOnData {
  readonly engine: Engine;
  readonly data: Readonly<Record<string, string>>;
}

/**
 * Loads the first `images` training images and the test set, and opens an engine on them.
 *
 * @param prefer The matrix library of work that goes on: see `libraryOf`.
 */
export async function openEngineOnData(
  images: number,
  { data: directory, engine = "auto", threads, ...options }: RunOptions,
  prefer?: EngineOptions["prefer"],
): Promise<EngineOnData> {
  const { onProgress, onMessage = console.error } = options;
  const dataset = await loadImagesLabels(Math.ceil(images / 10_000), {
    ...(directory === undefined ? {} : { directory }),
    onProgress: partProgress({ onProgress, onMessage }),
    signal: options.signal,
  });
  return {
    engine: await openEngine(engine, {
      dataset: { ...dataset, train: firstRows(dataset.train, images) },
      ...(threads === undefined ? {} : { threads }),
      prefer,
      onMessage,
    }),
    data: dataset.md5,
  };
}

/**
 * The matrix library or the GPU that computed last on this processor, as another one's rounding is
 * another trajectory: by the first record that names one, else by the newest state of a trajectory
 * that has no record yet; undefined where nothing was begun here.
 */
export async function libraryOf(
  models: string,
  trajectories: readonly Trajectory[],
  records: ReadonlyMap<Trajectory, TrajectoryRecord>,
): Promise<EngineOptions["prefer"]> {
  const [last] = trajectories.flatMap((trajectory) =>
    records.get(trajectory)?.provenance.filter((part) => part.processor === processor())
      .slice(-1) ?? []
  );
  if (last !== undefined) return gemmLibraryOf(last.engine) ?? "gpu";
  for (const trajectory of trajectories.filter((each) => !records.has(each))) {
    // A damaged file says nothing here, and is set aside when it is needed.
    const latest = await readNetwork(models, trajectory, "latest", undefined);
    const engine = latest?.engines.at(-1);
    if (engine !== undefined) return gemmLibraryOf(engine) ?? "gpu";
  }
  return undefined;
}
