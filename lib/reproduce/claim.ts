/**
 * Trajectories that this process works on, and what the steps of a study share.
 *
 * @module
 */
import type { SharedFloats } from "~/lib/engine.ts";
import { clearWay } from "~/lib/files/checked.ts";
import { removeUnfinished } from "~/lib/files/files.ts";
import { type Lock, tryLock } from "~/lib/files/lock.ts";
import type { EngineOnData } from "~/lib/reproduce/engine_on_data.ts";
import type { Estimate } from "~/lib/reproduce/plan.ts";
import { type Kept, nextStep, type Step } from "~/lib/reproduce/next_step.ts";
import type { Folders } from "~/lib/reproduce/options.ts";
import {
  locateStop,
  readRecord,
  recordFile,
  type TrajectoryRecord,
  writeRecord,
} from "~/lib/results.ts";
import type { Study } from "~/lib/study.ts";
import {
  describeTrajectory,
  type KeptNetwork,
  listNetworks,
  lockFile,
  networkFile,
  readNetwork,
  type Trajectory,
} from "~/lib/trainer.ts";

/** A study that is being worked on. */
export interface Context extends EngineOnData {
  readonly study: Study;
  readonly folders: Folders;
  readonly fresh: boolean;
  /** Whether networks must be there besides records. */
  readonly networks: boolean;
  readonly checkpointSeconds: number | undefined;
  readonly signal: AbortSignal;
  /** Where a trajectory starts, shape [P]; a copy of its own. */
  initialWeights(trajectory: Trajectory): SharedFloats;
  readonly estimate: Estimate;
  /** Reports work that was done: trajectories with seconds of one thread. */
  worked(message: string, parts: readonly (readonly [Trajectory, number])[]): void;
  /** Whether what a trajectory still lacks is expected of this process. */
  settle(trajectory: Trajectory, isOurs: boolean): void;
  /** One line to the user: a file set aside, a lock taken over. */
  onMessage(message: string): void;
}

/** A trajectory whose lock this process holds, and what there is of it. */
export interface Claimed {
  readonly trajectory: Trajectory;
  readonly lock: Lock;
  record: TrajectoryRecord | undefined;
  /** Networks that may be used. */
  readonly kept: Kept[];
}

type Place = Pick<Context, "folders" | "onMessage">;

/** Claims a trajectory; undefined if another process, or another lane of this one, works on it. */
export async function claim(
  context: Context,
  trajectory: Trajectory,
): Promise<Claimed | undefined> {
  const { folders: { models, results }, fresh, onMessage } = context;
  const path = lockFile(models, trajectory);
  await clearWay(path, onMessage);
  const lock = await tryLock(path);
  if (lock === undefined) return undefined;
  try {
    if (lock.abandonedBy !== undefined) {
      onMessage(
        `${describeTrajectory(trajectory)}: taking over from ${lock.abandonedBy}, ` +
          "which ended without finishing",
      );
      const network = networkFile(models, trajectory, "latest");
      await removeUnfinished(network.replace(/latest\.safetensors$/, ""));
      await removeUnfinished(recordFile(results, trajectory));
    }
    const record = fresh ? undefined : await readRecord(results, trajectory, onMessage);
    return { trajectory, lock, record, kept: fresh ? [] : await readKept(context, trajectory) };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The next step on a claimed trajectory. */
export function nextOf(
  { study, networks, engine }: Pick<Context, "study" | "networks" | "engine">,
  { trajectory, record, kept }: Pick<Claimed, "trajectory" | "record" | "kept">,
): Step {
  return nextStep({ study, trajectory, networks, engine: engine.info }, record, kept);
}

/** Reads what networks are kept; damaged ones are set aside. */
export async function readKept(
  { folders: { models }, onMessage }: Place,
  trajectory: Trajectory,
): Promise<Kept[]> {
  const kept: Kept[] = [];
  for (const epoch of ["latest" as const, ...await listNetworks(models, trajectory)]) {
    const network = await readNetwork(models, trajectory, epoch, onMessage);
    if (network !== undefined) kept.push(keptOf(network, epoch === "latest"));
  }
  return kept;
}

/** What is known of a network without its numbers. */
export function keptOf(
  { epochLosses, state, engines, seconds }: KeptNetwork,
  isLatest: boolean,
): Kept {
  return { isLatest, epochLosses: [...epochLosses], hasState: state.length > 0, engines, seconds };
}

/** A kept network that lies on the recorded trajectory, with the optimizer's state where it is kept. */
export async function readAgreeing(
  { folders: { models }, onMessage }: Place,
  { trajectory, record }: Pick<Claimed, "trajectory" | "record">,
  epoch: number,
): Promise<{ parameters: SharedFloats; state?: Float32Array } | undefined> {
  const losses = record?.content.epochLosses.slice(0, epoch) ?? [];
  async function read(which: number | "latest"): Promise<KeptNetwork | undefined> {
    const network = await readNetwork(models, trajectory, which, onMessage);
    return String(network?.epochLosses) === String(losses) ? network : undefined;
  }
  const network = await read(epoch);
  if (network === undefined) return undefined;
  const { parameters } = network;
  const state = network.state.length > 0 ? network.state : (await read("latest"))?.state;
  return { parameters, ...(state && state.length > 0 ? { state } : {}) };
}

/** Writes the record, with the epochs of all stops that were passed. */
export async function save({ study, folders }: Context, claimed: Claimed): Promise<void> {
  const { trajectory, record } = claimed;
  if (record === undefined) return;
  const { content } = record;
  const passed = study.stops.flatMap((stop) => {
    const state = locateStop(study, stop, content);
    return state?.outcome === "reached" ? [[stop, state.epoch] as const] : [];
  });
  const all = { ...content.stops, ...Object.fromEntries(passed) };
  const stops = Object.fromEntries(Object.entries(all).sort());
  claimed.record = { ...record, content: { ...content, stops } };
  await writeRecord(folders.results, trajectory, claimed.record);
}

/** Another process holds a trajectory that is wanted now. */
export class HeldElsewhereError extends Error {
  override readonly name = "HeldElsewhereError";
}

/** A trajectory ended with a loss that is not finite: there is no network at the stop. */
export class DivergedError extends Error {
  override readonly name = "DivergedError";
}
