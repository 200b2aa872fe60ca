/**
 * A trajectory that this process works on: its lock, its record, its networks.
 *
 * @module
 */
import { type EngineInfo, processor } from "~/lib/engine.ts";
import { readChecked } from "~/lib/files/checked.ts";
import { removeUnfinished } from "~/lib/files/files.ts";
import { type Lock, tryLock } from "~/lib/files/lock.ts";
import type { Meter } from "~/lib/files/progress.ts";
import { initialise, shareCopy, type SharedFloats } from "~/lib/model.ts";
import { type EngineOnData, type FilledOptions, revision } from "~/lib/reproduce/options.ts";
import { type Kept, nextStep, type Step } from "~/lib/reproduce/next_step.ts";
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
  readNetwork,
  type Trajectory,
} from "~/lib/trainer.ts";

/** A study that is being worked on. */
export interface Context extends EngineOnData {
  readonly study: Study;
  readonly options: FilledOptions;
  /** Aborted by the caller, or where another lane failed. */
  readonly signal: AbortSignal;
  readonly meter: Meter<Trajectory>;
}

/** A piece of work; `engines` are everything that did it, by last use. */
type Work = Pick<Provenance, "did" | "from" | "to" | "seconds"> & {
  readonly engines?: readonly EngineInfo[];
};

/** A trajectory whose lock this process holds, and what there is of it. */
export class Claim {
  constructor(
    readonly context: Context,
    readonly trajectory: Trajectory,
    readonly lock: Lock,
    public record: TrajectoryRecord | undefined,
    /** Networks that may be used. */
    readonly kept: Map<number | "latest", Kept>,
  ) {}

  next(): Step {
    const { study, options: { networks }, engine: { info: engine } } = this.context;
    const asked = { study, trajectory: this.trajectory, networks, engine };
    return nextStep(asked, this.record, this.kept);
  }

  /** Where it starts, shape [P]; a copy of its own. */
  initialWeights(): SharedFloats {
    const { initial } = this.context.options;
    const { sizes, seed } = this.trajectory;
    return initial === undefined ? initialise(sizes, seed) : shareCopy(initial);
  }

  /** Changes what the record says, and adds the work that led to it. */
  update(changed: Partial<TrajectoryContent>, ...work: readonly Work[]): void {
    const { content, provenance, ...rest } = this.record!;
    const { info, concurrency } = this.context.engine;
    const added = work.map(({ engines = [], seconds, ...part }): Provenance => ({
      ...part,
      seconds: Math.round(seconds * 100) / 100,
      revision: revision(),
      deno: Deno.version.deno,
      processor: processor(),
      engine: { ...info },
      engines: engines.length > 1 ? engines.map((each) => ({ ...each })) : undefined,
      threads: concurrency,
      finished: new Date().toISOString(),
    }));
    this.record = {
      ...rest,
      content: { ...content, ...changed },
      provenance: [...provenance, ...added],
    };
  }

  /** Lets others have it; nothing more is expected of it. */
  release(): void {
    this.context.meter.expect(this.trajectory, 0);
    this.lock.release();
  }

  /** Writes the record, with the epochs of all stops that were passed. */
  async save(): Promise<void> {
    if (this.record === undefined) return;
    const { study, options: { folders } } = this.context;
    const { content } = this.record;
    const passed = study.stops.flatMap((stop) => {
      const state = locateStop(study, stop, content);
      return state?.outcome === "reached" ? [[stop, state.epoch] as const] : [];
    });
    const all = Object.entries({ ...content.stops, ...Object.fromEntries(passed) });
    this.update({ stops: Object.fromEntries(all.sort()) });
    await writeRecord(folders.results, this.record);
  }
}

/** Claims a trajectory; undefined if another process, or another lane of this one, works on it. */
export async function claim(context: Context, trajectory: Trajectory): Promise<Claim | undefined> {
  const { folders: { models, results }, fresh, onMessage } = context.options;
  const path = lockFile(models, trajectory);
  // What stands in its place and is no file is set aside.
  await readChecked(path, onMessage, () => true);
  const lock = await tryLock(path);
  if (lock === undefined) return undefined;
  try {
    if (lock.abandonedBy !== undefined) {
      onMessage(
        `${describeTrajectory(trajectory)}: taking over from ${lock.abandonedBy}, ` +
          "which ended without finishing",
      );
      await removeUnfinished(path.replace(/lock$/, ""));
      await removeUnfinished(recordFile(results, trajectory));
    }
    if (fresh) return new Claim(context, trajectory, lock, undefined, new Map());
    const record = await readRecord(results, trajectory, onMessage);
    const kept = await readKept(context.options, trajectory);
    return new Claim(context, trajectory, lock, record, kept);
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Reads what networks are kept; damaged ones are set aside. */
export async function readKept(
  { folders: { models }, onMessage }: FilledOptions,
  trajectory: Trajectory,
): Promise<Map<number | "latest", Kept>> {
  const kept = new Map<number | "latest", Kept>();
  for (const epoch of ["latest" as const, ...await listNetworks(models, trajectory)]) {
    const network = await readNetwork(models, trajectory, epoch, onMessage);
    if (network !== undefined) kept.set(epoch, keptOf(network));
  }
  return kept;
}

/** What is known of a network without its numbers. */
export function keptOf({ epochLosses, state, engines, seconds }: Omit<KeptNetwork, "data">): Kept {
  return { epochLosses: [...epochLosses], hasState: state.length > 0, engines, seconds };
}

/**
 * The network after epochs with these losses, with the optimizer's state where it is kept; undefined
 * where none is kept, or it is another machine's.
 */
export async function readAgreeing(
  { folders: { models }, onMessage }: FilledOptions,
  trajectory: Trajectory,
  epochLosses: readonly number[],
): Promise<{ parameters: SharedFloats; state: Float32Array | undefined } | undefined> {
  async function read(epoch: number | "latest"): Promise<KeptNetwork | undefined> {
    const network = await readNetwork(models, trajectory, epoch, onMessage);
    return String(network?.epochLosses) === String(epochLosses) ? network : undefined;
  }
  const network = await read(epochLosses.length);
  if (network === undefined) return undefined;
  const { parameters, state } = network;
  return { parameters, state: state.length > 0 ? state : (await read("latest"))?.state };
}
