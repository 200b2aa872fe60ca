/**
 * What a study consists of, what of it is there, and how long the rest may take.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { defaultThreads } from "~/lib/domain.ts";
import { processor } from "~/lib/engine.ts";
import type { OnDamage } from "~/lib/files/checked.ts";
import { isHeld } from "~/lib/files/lock.ts";
import { measurePasses } from "~/lib/measure.ts";
import { readKept } from "~/lib/reproduce/claim.ts";
import { type FilledOptions, type RunOptions, withDefaults } from "~/lib/reproduce/options.ts";
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

/** What there is of a trajectory, and what it lacks. */
export interface Inspected {
  readonly trajectory: Trajectory;
  readonly record: TrajectoryRecord | undefined;
  readonly isDone: boolean;
  /** Seconds of one thread of a nominal machine that the rest takes. */
  readonly cost: number;
}

/** Looks at trajectories of a study; damaged files stay where they are unless `onDamage` is told. */
export async function inspect(
  study: Study,
  trajectories: readonly Trajectory[],
  options: FilledOptions,
  onDamage?: OnDamage,
): Promise<Inspected[]> {
  const { networks, fresh, folders: { models, results } } = options;
  const records = await Array.fromAsync(
    trajectories,
    (trajectory) => readRecord(results, trajectory, onDamage),
  );
  const end = meanEnd(study, records);
  return await Array.fromAsync(trajectories.entries(), async ([i, trajectory]) => {
    const record = records[i];
    const known = fresh ? undefined : record;
    const losses = known?.content.epochLosses ?? [];
    const kept = networks ? await readKept(options, trajectory) : new Map();
    const asked = { study, trajectory, networks };
    const { kind, goesOn, wanted, measure } = nextStep(asked, known, kept);
    // One that goes on beyond what was expected may do so for long.
    const last = goesOn ? Math.min(study.maxEpochs, Math.max(end, 1.1 * losses.length)) : 0;
    // Where the newest state is kept, so are the networks that are evaluated or measured.
    const done = existsSync(networkFile(models, trajectory, "latest")) ? losses.length : 0;
    const epochs = Math.max(0, Math.max(last, ...wanted) - done);
    const later = study.stops.filter((stop) =>
      goesOn && parseStop(stop).epoch(losses) === undefined
    );
    const texts = [...measure.values(), ...later.map((stop) => measuresAt(study, stop))].flat();
    const cost = epochs * epochCost(trajectory) + measureCost(trajectory, texts);
    return { trajectory, record, isDone: kind === "done", cost };
  });
}

/** Lists a study's trajectories without computing or changing anything. */
export async function plan(asked: Study, given: RunOptions = {}): Promise<Plan> {
  const study = checkStudy(asked);
  const options = withDefaults(given);
  return await planOf(await inspect(study, listTrajectories(study), options), options);
}

/** The same of what was looked at. */
export async function planOf(
  inspected: readonly Inspected[],
  { folders: { models }, threads = defaultThreads() }: FilledOptions,
): Promise<Plan> {
  const rate = rateHere(inspected);
  const runs = await Array.fromAsync(
    inspected,
    async ({ trajectory, record, isDone: cached, cost }) => ({
      ...{ trajectory, cached, epochs: record?.content.epochLosses.length ?? 0 },
      heldBy: cached ? null : await isHeld(lockFile(models, trajectory)) ?? null,
      seconds: (rate ?? 1) * cost,
    }),
  );
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

/** Seconds of training seen here against the nominal machine's; undefined where none were. */
function rateHere(inspected: readonly Inspected[]): number | undefined {
  const total = { seconds: 0, cost: 0 };
  for (const { trajectory, record } of inspected) {
    for (const { did, processor: where, from = 0, to, seconds } of record?.provenance ?? []) {
      if (did !== "trained" || where !== processor()) continue;
      total.seconds += seconds;
      total.cost += (to - from) * epochCost(trajectory);
    }
  }
  return total.seconds > 0 && total.cost > 0 ? total.seconds / total.cost : undefined;
}

/**
 * Epoch losses of a made-up trajectory, 1.95 t^-0.21 nats: they change by less than 1e-3 and 1e-4
 * nats from epochs 144 and 966 on, where this study's own runs reached these stops in the mean.
 */
const typicalLosses = (epochs: number): number[] =>
  Array.from({ length: epochs }, (_, index) => 1.95 * (index + 1) ** -0.21);

/** The epoch where a study ends its trajectories: the mean of those that ended, else a guess. */
function meanEnd(study: Study, records: readonly (TrajectoryRecord | undefined)[]): number {
  const driving = drivingStops(study.stops.map(parseStop));
  const ends = records.map((record) =>
    Math.max(
      ...driving.map(({ text }) =>
        (record && locateStop(study, text, record.content))?.epoch ?? NaN
      ),
    )
  ).filter((epoch) => !Number.isNaN(epoch));
  // It may be 0: the initial weights.
  if (ends.length > 0) return ends.reduce((sum, epoch) => sum + epoch / ends.length, 0);
  const losses = typicalLosses(study.maxEpochs);
  return Math.max(...driving.map((stop) => stop.epoch(losses) ?? study.maxEpochs));
}
