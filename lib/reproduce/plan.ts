/**
 * What a study consists of, what of it is there, and how long the rest may take.
 *
 * @module
 */
import { defaultThreads } from "~/lib/domain.ts";
import { isHeld } from "~/lib/files/lock.ts";
import { measurePasses } from "~/lib/measure.ts";
import { placed, type PlacedOptions, processor, type RunOptions } from "~/lib/reproduce/options.ts";
import { nextStep } from "~/lib/reproduce/next_step.ts";
import { locateStop, readRecord, type TrajectoryRecord } from "~/lib/results.ts";
import { checkStudy, listTrajectories, measuresAt, type Study } from "~/lib/study.ts";
import { drivingStops, lockFile, networkFile, parseStop, type Trajectory } from "~/lib/trainer.ts";

/** A study's plan. */
export interface Plan {
  readonly runs: readonly {
    readonly trajectory: Trajectory;
    /** Nothing is missing. */
    readonly cached: boolean;
    /** Epochs that its record has. */
    readonly epochs: number;
    /** Who works on it now, in the lock's words; null where nobody does. */
    readonly heldBy: string | null;
    /** Seconds of one thread that the rest may take. */
    readonly seconds: number;
  }[];
  /** Of all that is missing, on all threads. */
  readonly secondsOfMissing: number;
  /** Whether the estimate rests on rates that were seen on this machine. */
  readonly measured: boolean;
}

/** A study's trajectories, in its order, with what is known of each. */
export type Records = ReadonlyMap<Trajectory, TrajectoryRecord | undefined>;

/** Those that there are. */
export function known(records: Records): TrajectoryRecord[] {
  return [...records.values()].filter((record) => record !== undefined);
}

/** Lists a study's trajectories without computing or changing anything. */
export async function plan(asked: Study, given: RunOptions = {}): Promise<Plan> {
  const study = checkStudy(asked);
  const options = placed(given);
  const records = new Map<Trajectory, TrajectoryRecord | undefined>();
  for (const trajectory of listTrajectories(study)) {
    // A damaged file counts as absent here and stays where it is.
    records.set(trajectory, await readRecord(options.folders.results, trajectory, undefined));
  }
  return await planFrom(study, records, options);
}

/** The same from records that were read. */
export async function planFrom(
  study: Study,
  records: Records,
  options: PlacedOptions,
): Promise<Plan> {
  const { fresh, folders: { models }, threads = defaultThreads() } = options;
  const costs = await costsLeft(study, records, options);
  const rate = rateHere(known(records));
  const runs = await Array.fromAsync(records, async ([trajectory, recorded]) => {
    const record = fresh ? undefined : recorded;
    const cached = nextStep({ study, trajectory }, record, []).kind === "done";
    return {
      ...{ trajectory, cached, epochs: record?.content.epochLosses.length ?? 0 },
      heldBy: cached ? null : await isHeld(lockFile(models, trajectory)) ?? null,
      seconds: (rate ?? 1) * costs.get(trajectory)!,
    };
  });
  const total = runs.reduce((sum, { seconds }) => sum + seconds, 0);
  return { runs, secondsOfMissing: total / threads, measured: rate !== undefined };
}

/** Seconds of an epoch of training on one thread of a nominal machine. */
export function epochCost({ images, batchSize }: Pick<Trajectory, "images" | "batchSize">): number {
  return images * 95e-6 + Math.ceil(images / batchSize) * 1.2e-3;
}

/** A forward pass against a training epoch. */
const PASS = 0.33;

/** The same of measures of one network, canonical texts, as if three were measured together. */
export function measureCost(trajectory: Trajectory, texts: readonly string[]): number {
  return measurePasses(texts, 3) / 3 * PASS * epochCost(trajectory);
}

/** The same of all that each trajectory lacks. */
export async function costsLeft(
  study: Study,
  records: Records,
  { networks, fresh, folders: { models } }: PlacedOptions,
): Promise<Map<Trajectory, number>> {
  const end = meanEnd(study, known(records));
  const costs = new Map<Trajectory, number>();
  for (const [trajectory, recorded] of records) {
    const record = fresh ? undefined : recorded;
    const losses = record?.content.epochLosses ?? [];
    const { goesOn, wanted, measure } = nextStep({ study, trajectory, networks }, record, []);
    // One that goes on beyond what was expected may do so for long.
    const last = goesOn ? Math.min(study.maxEpochs, Math.max(end, 1.1 * losses.length)) : 0;
    // Where the newest state is kept, so are the networks that are evaluated or measured.
    const isKept = await Deno.stat(networkFile(models, trajectory, "latest"))
      .then(() => true, () => false);
    const epochs = Math.max(0, Math.max(last, ...wanted) - (isKept ? losses.length : 0));
    const later = study.stops.filter((stop) =>
      goesOn && parseStop(stop).epoch(losses) === undefined
    );
    const texts = [...measure.values(), ...later.map((stop) => measuresAt(study, stop))].flat();
    costs.set(trajectory, epochs * epochCost(trajectory) + measureCost(trajectory, texts));
  }
  return costs;
}

/** Seconds of training seen here against the nominal machine's; undefined where none were. */
function rateHere(records: readonly TrajectoryRecord[]): number | undefined {
  const total = { seconds: 0, cost: 0 };
  for (const { content: { trajectory }, provenance } of records) {
    for (const { did, processor: where, from = 0, to, seconds } of provenance) {
      if (did !== "trained" || where !== processor()) continue;
      total.seconds += seconds;
      total.cost += (to - from) * epochCost(trajectory);
    }
  }
  return total.seconds > 0 && total.cost > 0 ? total.seconds / total.cost : undefined;
}

/** Epochs of a trajectory where none of the study was seen to end. */
const UNSEEN_EPOCHS = 150;

/** The epoch where a study ends its trajectories: as it says, else the mean of those that ended. */
function meanEnd(study: Study, records: readonly TrajectoryRecord[]): number {
  const driving = drivingStops(study.stops.map(parseStop));
  // A number of epochs is reached whatever the losses are.
  const fixed = driving.map((stop) => stop.epoch(Array(study.maxEpochs).fill(NaN)) ?? NaN);
  const ends = records.map(({ content }) =>
    Math.max(...driving.map(({ text }) => locateStop(study, text, content)?.epoch ?? NaN))
  );
  const seen = [Math.max(...fixed), ...ends].filter((epoch) => !Number.isNaN(epoch));
  return seen.reduce((sum, epoch) => sum + epoch / seen.length, 0) || UNSEEN_EPOCHS;
}
