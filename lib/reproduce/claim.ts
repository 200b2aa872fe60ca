/**
 * Trajectories that this process works on, and what the steps of a study share.
 *
 * @module
 */
import type { SharedFloats } from "~/lib/engine.ts";
import { clearWay } from "~/lib/files/checked.ts";
import { removeUnfinished } from "~/lib/files/files.ts";
import { type Lock, tryLock } from "~/lib/files/lock.ts";
import { initialise } from "~/lib/model.ts";
import type { EngineOnData } from "~/lib/reproduce/engine_on_data.ts";
import { type Kept, nextStep, type Step } from "~/lib/reproduce/next_step.ts";
import type { PlacedOptions } from "~/lib/reproduce/options.ts";
import type { Estimate } from "~/lib/reproduce/plan.ts";
import {
  locateStop,
  type Provenance,
  readRecord,
  recordFile,
  type TrajectoryContent,
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
  readonly options: PlacedOptions;
  /** Aborted by the caller, or where another lane failed. */
  readonly signal: AbortSignal;
  readonly estimate: Estimate;
  /** Reports work that was done: trajectories with seconds of one thread. */
  worked(message: string, parts: readonly (readonly [Trajectory, number])[]): void;
  /** Whether what a trajectory still lacks is expected of this process. */
  settle(trajectory: Trajectory, isOurs: boolean): void;
}

/** A trajectory whose lock this process holds, and what there is of it. */
export interface Claimed {
  readonly trajectory: Trajectory;
  readonly lock: Lock;
  record: TrajectoryRecord | undefined;
  /** Networks that may be used. */
  readonly kept: Kept[];
}

/** Claims a trajectory; undefined if another process, or another lane of this one, works on it. */
export async function claim(
  { options, options: { folders: { models, results }, fresh, onMessage } }: Context,
  trajectory: Trajectory,
): Promise<Claimed | undefined> {
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
    if (fresh) return { trajectory, lock, record: undefined, kept: [] };
    const record = await readRecord(results, trajectory, onMessage);
    return { trajectory, lock, record, kept: await readKept(options, trajectory) };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** The next step on a claimed trajectory. */
export function nextOf(
  { study, options: { networks }, engine: { info } }: Context,
  { trajectory, record, kept }: Claimed,
): Step {
  return nextStep({ study, trajectory, networks, engine: info }, record, kept);
}

/** Reads what networks are kept; damaged ones are set aside. */
export async function readKept(
  { folders: { models }, onMessage }: PlacedOptions,
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
export function keptOf(network: Omit<KeptNetwork, "data">, isLatest: boolean): Kept {
  const { epochLosses, state, engines, seconds } = network;
  return { isLatest, epochLosses: [...epochLosses], hasState: state.length > 0, engines, seconds };
}

/** A kept network that lies on the recorded trajectory, with the optimizer's state where it is kept. */
export async function readAgreeing(
  { folders: { models }, onMessage }: PlacedOptions,
  { trajectory, record }: Pick<Claimed, "trajectory" | "record">,
  epoch: number,
): Promise<{ parameters: SharedFloats; state?: Float32Array } | undefined> {
  const losses = String(record?.content.epochLosses.slice(0, epoch) ?? []);
  async function read(which: number | "latest"): Promise<KeptNetwork | undefined> {
    const network = await readNetwork(models, trajectory, which, onMessage);
    return String(network?.epochLosses) === losses ? network : undefined;
  }
  const network = await read(epoch);
  if (network === undefined) return undefined;
  const state = network.state.length > 0 ? network.state : (await read("latest"))?.state;
  return { parameters: network.parameters, ...(state?.length ? { state } : {}) };
}

/** Where a trajectory starts, shape [P]; a copy of its own. */
export function initialWeights(
  { options: { initial } }: Pick<Context, "options">,
  { sizes, seed }: Trajectory,
): SharedFloats {
  return initial === undefined
    ? initialise(sizes, seed)
    : new Float32Array(initial.buffer.slice(0));
}

/** Changes what a record says, and adds the work that led to it. */
export function update(
  claimed: Claimed,
  changed: Partial<TrajectoryContent>,
  work: readonly Provenance[] = [],
): void {
  const { content, provenance, ...rest } = claimed.record!;
  claimed.record = {
    ...rest,
    content: { ...content, ...changed },
    provenance: [...provenance, ...work],
  };
}

/** Writes the record, with the epochs of all stops that were passed. */
export async function save({ study, options }: Context, claimed: Claimed): Promise<void> {
  if (claimed.record === undefined) return;
  const { content } = claimed.record;
  const passed = study.stops.flatMap((stop) => {
    const state = locateStop(study, stop, content);
    return state?.outcome === "reached" ? [[stop, state.epoch] as const] : [];
  });
  const all = Object.entries({ ...content.stops, ...Object.fromEntries(passed) });
  update(claimed, { stops: Object.fromEntries(all.sort()) });
  await writeRecord(options.folders.results, claimed.trajectory, claimed.record);
}
