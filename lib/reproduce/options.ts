/**
 * How a study is run, whatever it is.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { EngineName, SharedFloats } from "~/lib/engine.ts";
import type { OnProgress } from "~/lib/files/progress.ts";
import type { EngineOnData } from "~/lib/reproduce/engine_on_data.ts";
import type { Plan } from "~/lib/reproduce/plan.ts";
import type { Trajectory } from "~/lib/trainer.ts";

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
  /** Which of the study's trajectories; default: all. */
  readonly only?: (trajectory: Trajectory) => boolean;
  /** Computes nothing: what is there is all there is. Default false. */
  readonly cachedOnly?: boolean;
  /** Computes again what exists; each record is replaced once its successor is whole. */
  readonly fresh?: boolean;
  /** Records are not enough: networks of the first stop and of those that end training, too. */
  readonly networks?: boolean;
  /** Weights that trajectories with `init` start from, shape [P]. */
  readonly initial?: SharedFloats;
  /**
   * Waits for trajectories that other processes work on. Default true; else the longest are taken
   * first, so that processes which share a study end at about the same time.
   */
  readonly wait?: boolean;
  readonly onProgress?: OnProgress;
  /** Default: to stderr. */
  readonly onMessage?: (message: string) => void;
  /** Told once what there is and what is missing, before anything is computed. */
  readonly onPlan?: (plan: Plan) => void;
  /** Ends the work after the epoch in progress; what is finished is kept. */
  readonly signal?: AbortSignal;
  /** Seconds between checkpoints; default 30. */
  readonly checkpointSeconds?: number;
}

/** The same with a place. */
export type PlacedOptions = RunOptions & Required<Pick<RunOptions, "folders" | "onMessage">>;

/** Fills in the defaults of where files lie and where messages go. */
export function placed(options: RunOptions): PlacedOptions {
  return { folders: PROJECT_FOLDERS, onMessage: console.error, ...options };
}
