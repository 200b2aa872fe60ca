/**
 * What the steps of a study share while it runs.
 *
 * @module
 */
import type { Engine } from "~/lib/engine.ts";
import { type Lock, tryLock } from "~/lib/files/lock.ts";
import type { Meter, OnProgress } from "~/lib/files/progress.ts";
import {
  clearWay,
  type Folders,
  removeUnfinished,
  type RunFiles,
  runFiles,
} from "~/lib/results.ts";
import { type RunConfig, runPath, type Study } from "~/lib/study.ts";

/** An engine, and the MD5 of every file of the data that it holds. */
export interface EngineOnData {
  readonly engine: Engine;
  readonly data: Readonly<Record<string, string>>;
}

/** A study that is being worked on. */
export interface Context extends EngineOnData {
  readonly study: Study;
  readonly folders: Folders;
  readonly meter: Meter;
  readonly onProgress: OnProgress;
  /** One line to the user: a file set aside, a lock taken over. */
  readonly onMessage: (message: string) => void;
  readonly checkpointSeconds: number;
  readonly signal: AbortSignal;
}

/** A run that no other process works on while this one does. */
export interface Claim {
  readonly config: RunConfig;
  readonly files: RunFiles;
  readonly lock: Lock;
}

/** Claims a run; undefined if another process, or another lane of this one, works on it. */
export async function claim(
  { study, folders, onMessage }: Pick<Context, "study" | "folders" | "onMessage">,
  config: RunConfig,
): Promise<Claim | undefined> {
  const files = runFiles(study, config, folders);
  await clearWay(files.lock, onMessage);
  const lock = await tryLock(files.lock);
  if (lock === undefined) return undefined;
  return await releasedOnFailure(new Set([lock]), async () => {
    // The only other file of a run that is written without being read before.
    await clearWay(files.seconds, onMessage);
    if (lock.abandonedBy !== undefined) {
      onMessage(
        `${runPath(config)}: taking over from ${lock.abandonedBy}, which ended without finishing`,
      );
      await removeUnfinished(files);
    }
    return { config, files, lock };
  });
}

/** Does work that fills or empties a set of locks; if it fails, those in it are released. */
export async function releasedOnFailure<T>(
  held: ReadonlySet<Lock>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    for (const lock of held) lock.release();
    throw error;
  }
}
