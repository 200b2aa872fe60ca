/**
 * How a study is run, whatever it is: its options, the engine, and the program's revision.
 *
 * @module
 */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Dataset, firstRows, loadImagesLabels } from "~/lib/dataset.ts";
import {
  CHOICES_FILE,
  type Engine,
  type EngineInfo,
  type EngineName,
  type EngineOptions,
  gemmLibraryOf,
  openEngine,
  processor,
} from "~/lib/engine.ts";
import { UsageError } from "~/lib/domain.ts";
import type { OnProgress } from "~/lib/files/progress.ts";
import type { SharedFloats } from "~/lib/model.ts";
import type { TrajectoryRecord } from "~/lib/results.ts";
import { readNetwork, type Trajectory } from "~/lib/trainer.ts";

/** Where networks and records are kept. */
export interface Folders {
  readonly models: string;
  readonly results: string;
}

/** The project's own folders. */
export const PROJECT_FOLDERS: Folders = {
  models: fileURLToPath(new URL("../../models", import.meta.url)),
  results: fileURLToPath(new URL("../../results", import.meta.url)),
};

/** How a study is run. */
export interface RunOptions {
  /** Default: models/ and results/ of the project. */
  readonly folders?: Folders;
  /** Folder or tarball of the data; default: CIFAR10_DIR, else data/ of the project. */
  readonly data?: string;
  /** Default "auto". */
  readonly engine?: EngineName;
  /** An engine that is open on the study's images, and stays open; default: one for this call. */
  readonly opened?: EngineOnData;
  /** Threads of the CPU engine; default: the machine's cores. */
  readonly threads?: number;
  /** Computes nothing: what is there is all there is. Default false. */
  readonly cachedOnly?: boolean;
  /** Computes again what exists; each record is replaced once its successor is whole. */
  readonly fresh?: boolean;
  /** Records are not enough: networks of the first stop and of those that end training, too. */
  readonly networks?: boolean;
  /** Weights that trajectories with `init` start from, shape [P]. */
  readonly initial?: SharedFloats | undefined;
  /**
   * Waits for trajectories that other processes work on. Default true; else the longest are taken
   * first, so that processes which share a study end at about the same time.
   */
  readonly wait?: boolean;
  readonly onProgress?: OnProgress;
  /** Default: to stderr. */
  readonly onMessage?: (message: string) => void;
  /** Ends the work after the epoch in progress; what is finished is kept. */
  readonly signal?: AbortSignal;
  /** Seconds between checkpoints; default 30. */
  readonly checkpointSeconds?: number;
}

/** The same with the defaults of `folders` and `onMessage` filled in. */
export type FilledOptions = RunOptions & Required<Pick<RunOptions, "folders" | "onMessage">>;

/** Fills in where files lie and where messages go; other options stay as they are. */
export function withDefaults(options: RunOptions): FilledOptions {
  return { folders: PROJECT_FOLDERS, onMessage: console.error, ...options };
}

/** @throws {UsageError} If initial weights are named and not given, or given and not named. */
export function checkInitial(
  { init }: Pick<Trajectory, "init">,
  { initial }: Pick<RunOptions, "initial">,
): void {
  if ((init === undefined) === (initial === undefined)) return;
  throw new UsageError("Cannot train as `init` and `initial` weights must come together");
}

/** An engine, and the images that it holds. */
export interface EngineOnData {
  readonly engine: Engine;
  readonly dataset: Dataset;
}

/**
 * Works on the engine that is open, else on one of its own, which it closes: on the first `images`
 * training images and the test set.
 *
 * @param prefer The matrix library of work that goes on: see `libraryOf`.
 */
export async function withEngine<T>(
  images: number,
  options: RunOptions,
  work: (opened: EngineOnData) => Promise<T>,
  prefer?: EngineOptions["prefer"],
): Promise<T> {
  if (options.opened !== undefined) return await work(options.opened);
  const { folders: { models }, onMessage, onProgress, threads, signal } = withDefaults(options);
  const loaded = await loadImagesLabels(Math.ceil(images / 10_000), {
    ...{ directory: options.data, onProgress, onMessage, signal },
  });
  const dataset = { ...loaded, train: firstRows(loaded.train, images) };
  const choices = join(models, CHOICES_FILE);
  const asked = { dataset, threads, prefer, choices, onMessage };
  const engine = await openEngine(options.engine ?? "auto", asked);
  try {
    return await work({ engine, dataset });
  } finally {
    await engine.close();
  }
}

/**
 * The matrix library or the GPU that computed last on this processor, else the matrix library that did
 * elsewhere, as another one's rounding is another trajectory: by the first record that names one, else by
 * the newest state of a trajectory that has no record yet; undefined where nothing was begun.
 */
export async function libraryOf(
  models: string,
  runs: readonly {
    readonly trajectory: Trajectory;
    readonly record?: TrajectoryRecord | undefined;
  }[],
): Promise<EngineOptions["prefer"]> {
  const recordedFirst = runs.toSorted((a, b) => Number(!a.record) - Number(!b.record));
  for (const { trajectory, record } of recordedFirst) {
    const engine: EngineInfo | undefined = record === undefined
      // A damaged file says nothing here, and is set aside when it is needed.
      ? (await readNetwork(models, trajectory, "latest", undefined))?.engines.at(-1)
      : (record.provenance.findLast((part) => part.processor === processor()) ??
        record.provenance.findLast((part) => gemmLibraryOf(part.engine) !== undefined))?.engine;
    if (engine !== undefined) return gemmLibraryOf(engine) ?? "gpu";
  }
  return undefined;
}

/** Filled in by git where it makes an archive, as for a download without the repository. */
const REVISION_FILE = new URL("revision.txt", import.meta.url);
const GIT = new URL("../../.git/", import.meta.url);
let known: string | undefined;

/**
 * The commit that computes: 12 digits, from the repository, else from revision.txt.
 *
 * @throws {UsageError} If neither says it.
 */
export function revision(): string {
  return known ??= revisionIn(GIT, REVISION_FILE);
}

/** The same of a repository's folder and a file of one line. */
export function revisionIn(git: URL, file: URL): string {
  const read = (url: URL): string => {
    try {
      return Deno.readTextFileSync(url).trim();
    } catch {
      return "";
    }
  };
  const head = read(new URL("HEAD", git));
  const ref = head.replace(/^ref: /, "");
  const packed = read(new URL("packed-refs", git)).split("\n");
  const named = packed.find((line) => line.endsWith(` ${ref}`)) ?? "";
  const texts = [head, read(new URL(ref, git)), named, read(file)];
  const commit = texts.find((text) => /^[0-9a-f]{12}/.test(text));
  if (commit !== undefined) return commit.slice(0, 12);
  throw new UsageError(
    "Cannot compute as results must name the program's revision, and no git repository is in this " +
      `folder (a worktree's is elsewhere): write the commit into ${fileURLToPath(file)}`,
  );
}
