/**
 * What computes: an engine on the images of a study, and how records name it.
 *
 * @module
 */
import { cpus } from "node:os";
import { firstRows, loadImagesLabels } from "~/lib/dataset.ts";
import {
  type Engine,
  type EngineInfo,
  type EngineOptions,
  gemmLibraryOf,
  openEngine,
} from "~/lib/engine.ts";
import { partProgress } from "~/lib/files/progress.ts";
import type { RunOptions } from "~/lib/reproduce/options.ts";
import type { Provenance, TrajectoryRecord } from "~/lib/results.ts";
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
  const opened = await openEngine(engine, {
    dataset: { ...dataset, train: firstRows(dataset.train, images) },
    ...(threads === undefined ? {} : { threads }),
    prefer,
    onMessage,
  });
  return { engine: opened, data: dataset.md5 };
}

/** The processor's name; "unknown" where the system does not tell. */
export const processor = (): string => cpus()[0]?.model.trim() || "unknown";

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
  const here = trajectories.flatMap((trajectory) =>
    records.get(trajectory)?.provenance.findLast((part) => part.processor === processor()) ?? []
  );
  let engine: EngineInfo | undefined = here[0]?.engine;
  for (const trajectory of trajectories) {
    if (engine !== undefined) break;
    if (records.has(trajectory)) continue;
    // A damaged file says nothing here, and is set aside when it is needed.
    engine = (await readNetwork(models, trajectory, "latest", undefined))?.engines.at(-1);
  }
  return engine && (gemmLibraryOf(engine) ?? "gpu");
}

/** A piece of work as a record keeps it; `engines` of it are named where they are several. */
export function provenanceOf(
  engine: Engine,
  { engines = [], ...work }: Pick<Provenance, "did" | "from" | "to" | "seconds"> & {
    readonly engines?: readonly EngineInfo[];
  },
): Provenance {
  return {
    ...work,
    seconds: Math.round(work.seconds * 100) / 100,
    revision: revision(),
    deno: Deno.version.deno,
    processor: processor(),
    engine: { ...engine.info },
    ...(engines.length > 1 ? { engines: engines.map((info) => ({ ...info })) } : {}),
    threads: engine.concurrency,
    finished: new Date().toISOString(),
  };
}

let known: string | undefined;

/** The commit that is checked out; "unknown" where the program is not in a git repository. */
function revision(): string {
  return known ??= readRevision();
}

function readRevision(): string {
  const git = new URL("../../.git/", import.meta.url);
  const read = (path: string): string => Deno.readTextFileSync(new URL(path, git)).trim();
  try {
    const head = read("HEAD");
    if (!head.startsWith("ref: ")) return head.slice(0, 12);
    const ref = head.slice(5);
    try {
      return read(ref).slice(0, 12);
    } catch {
      const line = read("packed-refs").split("\n").find((line) => line.endsWith(` ${ref}`));
      return line?.slice(0, 12) ?? "unknown";
    }
  } catch {
    return "unknown";
  }
}
