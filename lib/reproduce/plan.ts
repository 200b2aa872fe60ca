/**
 * What a study consists of, what of it is there, and how long the rest may take.
 *
 * @module
 */
import { defaultThreads } from "~/lib/domain.ts";
import { isHeld } from "~/lib/files/lock.ts";
import { measurePasses } from "~/lib/measure.ts";
import { processor } from "~/lib/reproduce/engine_on_data.ts";
import { type Asked, nextStep } from "~/lib/reproduce/next_step.ts";
import { placed, type RunOptions } from "~/lib/reproduce/options.ts";
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

/** Lists a study's trajectories without computing or changing anything. */
export async function plan(asked: Study, options: RunOptions = {}): Promise<Plan> {
  const study = checkStudy(asked);
  const listed: [Trajectory, TrajectoryRecord | undefined][] = [];
  for (const trajectory of listTrajectories(study)) {
    // A damaged file counts as absent here and stays where it is.
    const { results } = placed(options).folders;
    listed.push([trajectory, await readRecord(results, trajectory, undefined)]);
  }
  return await planFrom(study, listed, options);
}

/** The same from records that were read. */
export async function planFrom(
  study: Study,
  listed: readonly (readonly [Trajectory, TrajectoryRecord | undefined])[],
  options: RunOptions,
): Promise<Plan> {
  const { folders: { models }, threads = defaultThreads() } = placed(options);
  const estimate = estimateFrom(study, listed.flatMap(([, record]) => record ?? []));
  const runs: Plan["runs"][number][] = [];
  for (const [trajectory, record] of listed) {
    const cached = nextStep({ study, trajectory }, record, []).kind === "done";
    runs.push({
      trajectory,
      cached,
      epochs: record?.content.epochLosses.length ?? 0,
      heldBy: cached ? null : await isHeld(lockFile(models, trajectory)) ?? null,
      seconds: await estimate.secondsLeft({ study, trajectory }, record, models),
    });
  }
  const total = runs.reduce((sum, { seconds }) => sum + seconds, 0);
  return { runs, secondsOfMissing: total / threads, measured: estimate.measured };
}

/** Estimates in seconds of one thread. */
export interface Estimate {
  epochSeconds(trajectory: Trajectory): number;
  /** Of measures of one network, canonical texts. */
  measureSeconds(trajectory: Trajectory, texts: readonly string[]): number;
  /** Of all that a trajectory lacks, if its networks are kept where its newest state is. */
  secondsLeft(asked: Asked, record: TrajectoryRecord | undefined, models: string): Promise<number>;
  /** See `Plan`. */
  readonly measured: boolean;
}

/** Seconds of an image and of a batch in training, one thread of a nominal machine. */
const NOMINAL = { image: 95e-6, batch: 1.2e-3 } as const;
/** A forward pass against a training epoch. */
const PASS = 0.33;
/** Epochs of a trajectory of which nothing like it was seen. */
const UNSEEN_EPOCHS = 150;

/** Estimates by a mean rate times what is missing; rate and epochs from the records that there are. */
export function estimateFrom(study: Study, records: readonly TrajectoryRecord[]): Estimate {
  const rate = rateHere(records);
  const epochSeconds = (trajectory: Trajectory): number => (rate ?? 1) * nominal(trajectory);
  // As if three networks were measured together, which share work.
  const measureSeconds = (trajectory: Trajectory, texts: readonly string[]): number =>
    measurePasses(texts, 3) / 3 * PASS * epochSeconds(trajectory);
  const lastEpoch = lastEpochFrom(study, records);
  return {
    measured: rate !== undefined,
    epochSeconds,
    measureSeconds,
    async secondsLeft(asked, record, models): Promise<number> {
      const { trajectory } = asked;
      const losses = record?.content.epochLosses ?? [];
      const { goesOn, wanted, measure } = nextStep(asked, record, []);
      // One that goes on beyond what was expected may do so for long.
      const last = Math.max(lastEpoch(trajectory), Math.ceil(1.1 * losses.length));
      const to = Math.max(0, goesOn ? Math.min(last, study.maxEpochs) : 0, ...wanted);
      const isKept = await Deno.stat(networkFile(models, trajectory, "latest"))
        .then(() => true, () => false);
      const epochs = Math.max(0, to - (isKept ? losses.length : 0));
      const later = study.stops.filter((stop) =>
        goesOn && parseStop(stop).epoch(losses) === undefined
      );
      const texts = [...measure.values(), ...later.map((stop) => measuresAt(study, stop))].flat();
      return epochs * epochSeconds(trajectory) + measureSeconds(trajectory, texts);
    },
  };
}

/** Where a study ends a trajectory: as it says, else as in the nearest cell that it ended. */
function lastEpochFrom(
  study: Study,
  records: readonly TrajectoryRecord[],
): (trajectory: Trajectory) => number {
  const driving = drivingStops(study.stops.map(parseStop)).map(({ text }) => text);
  const fixed = Math.max(...driving.map((text) => Number(/^epochs:(\d+)$/.exec(text)?.[1])));
  if (!Number.isNaN(fixed)) return () => fixed;
  const ended = records.flatMap(({ content }) => {
    const epochs = driving.map((stop) => locateStop(study, stop, content)?.epoch ?? NaN);
    return epochs.includes(NaN) ? [] : [{ ...content.trajectory, epochs: Math.max(...epochs) }];
  });
  return ({ optimizer, learningRate, batchSize }) => {
    const distance = (other: typeof ended[number]): number =>
      Math.abs(Math.log(other.learningRate / learningRate)) +
      Math.abs(Math.log(other.batchSize / batchSize)) + Number(other.optimizer !== optimizer);
    return ended.toSorted((a, b) => distance(a) - distance(b))[0]?.epochs ?? UNSEEN_EPOCHS;
  };
}

/** Seconds of one epoch on the nominal machine. */
function nominal({ images, batchSize }: Pick<Trajectory, "images" | "batchSize">): number {
  return images * NOMINAL.image + Math.ceil(images / batchSize) * NOMINAL.batch;
}

/** Seconds of training seen here against the nominal machine's; undefined where none were. */
function rateHere(records: readonly TrajectoryRecord[]): number | undefined {
  const seen = records.flatMap(({ content: { trajectory }, provenance }) =>
    provenance.filter(({ did, processor: where, seconds }) =>
      did === "trained" && where === processor() && seconds > 0
    ).map((part) => ({ ...part, nominal: (part.to - (part.from ?? 0)) * nominal(trajectory) }))
  ).toSorted((a, b) => a.finished < b.finished ? -1 : 1);
  // A GPU's rate says nothing of the CPU's beside it: that of what trained last.
  const name = seen.at(-1)?.engine.name;
  const alike = seen.filter(({ engine, engines = [engine] }) =>
    engines.every((each) => each.name === name)
  );
  const expected = alike.reduce((sum, part) => sum + part.nominal, 0);
  return expected > 0 ? alike.reduce((sum, part) => sum + part.seconds, 0) / expected : undefined;
}
