/**
 * Computes cached trajectories again, apart from them, and compares.
 *
 * @module
 */
import { join } from "node:path";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { removeIfThere } from "~/lib/files/files.ts";
import { isHeld, tryLock } from "~/lib/files/lock.ts";
import { openStream } from "~/lib/random.ts";
import { libraryOf, openEngineOnData } from "~/lib/reproduce/engine_on_data.ts";
import { PROJECT_FOLDERS, type RunOptions } from "~/lib/reproduce/options.ts";
import { run } from "~/lib/reproduce/run.ts";
import { nextStep } from "~/lib/reproduce/next_step.ts";
import { readRecord, type RunResult, runsAt, type TrajectoryRecord } from "~/lib/results.ts";
import { checkStudy, listTrajectories, type Study } from "~/lib/study.ts";
import { isSameTrajectory, type Trajectory } from "~/lib/trainer.ts";

/** How folders begin in which runs are computed again. */
const APART = ".verify-";

/** How far two computations of a trajectory agree at a study's first stop. */
export interface Agreement {
  readonly trajectory: Trajectory;
  /** Whether the losses up to the stop, its network and all values at it are the same to the bit. */
  readonly identical: boolean;
  /** Epoch of the stop, before and now. */
  readonly epochs: readonly [number, number];
  /** Largest relative difference of an epoch loss that both have. */
  readonly epochLosses: number;
  /** Relative differences of the full-set training loss and of every measure's estimate. */
  readonly values: Readonly<Record<string, number>>;
  /** Measures that only one of the two has. */
  readonly missing: readonly string[];
}

/**
 * Computes `count` of a study's cached trajectories again and compares; the records stay as they are.
 *
 * @param seed Chooses them: the same seed chooses the same of the same study.
 */
export async function verify(
  asked: Study,
  { count, seed, ...options }: RunOptions & { readonly count: number; readonly seed: number },
): Promise<Agreement[]> {
  const study = checkStudy(asked);
  const { folders = PROJECT_FOLDERS, onMessage = console.error } = options;
  const cached: { trajectory: Trajectory; record: TrajectoryRecord }[] = [];
  for (const trajectory of listTrajectories(study)) {
    const record = await readRecord(folders.results, trajectory, onMessage);
    if (record === undefined || nextStep({ study, trajectory }, record, []).kind !== "done") {
      continue;
    }
    // One that ended without passing the first stop has nothing there to compare.
    if (runsAt(study, [record]).length > 0) cached.push({ trajectory, record });
  }
  const generator = openStream(seed, 0);
  const chosen = Array.from(
    { length: Math.min(count, cached.length) },
    () => cached.splice(uniformInt(generator, 0, cached.length - 1), 1)[0]!,
  );
  if (chosen.length === 0) return [];
  const apart = join(folders.models, `${APART}${crypto.randomUUID()}`);
  const lock = await tryLock(`${apart}.lock`);
  await removeAbandoned(folders.models);
  const records = new Map(chosen.map(({ trajectory, record }) => [trajectory, record]));
  const opened = options.opened ?? await openEngineOnData(
    study.images,
    options,
    await libraryOf(folders.models, [...records.keys()], records),
  );
  try {
    // Nothing is compared at the other stops.
    const measures = { ...study.measures, others: [] };
    const atFirst: Study = { ...study, measures };
    const { records: computed } = await run(atFirst, {
      ...options,
      opened,
      only: (trajectory) => chosen.some((each) => isSameTrajectory(each.trajectory, trajectory)),
      folders: { models: apart, results: apart },
    });
    const again = runsAt(atFirst, computed);
    return chosen.map(({ trajectory, record }) => {
      const [before] = runsAt(atFirst, [record]);
      const now = again.find(({ config }) => isSameTrajectory(config, trajectory));
      return agreementOf(trajectory, before!, now!);
    });
  } finally {
    if (options.opened === undefined) await opened.engine.close();
    await Deno.remove(apart, { recursive: true }).catch(() => {});
    lock?.release();
    await removeIfThere(`${apart}.lock`);
  }
}

function agreementOf(trajectory: Trajectory, before: RunResult, now: RunResult): Agreement {
  const [losses, lossesNow] = [before.training.epochLosses, now.training.epochLosses];
  const values = compareValues(before, now);
  const missing = missingFrom(before, now);
  return {
    trajectory,
    identical: JSON.stringify(losses) === JSON.stringify(lossesNow) &&
      before.training.sha256 === now.training.sha256 &&
      missing.length === 0 && Object.values(values).every((difference) => difference === 0),
    epochs: [before.training.epochs, now.training.epochs],
    epochLosses: largestDifference(losses, lossesNow),
    values,
    missing,
  };
}

/** Removes what processes left behind that were killed while they verified. */
async function removeAbandoned(models: string): Promise<void> {
  for await (const { name } of Deno.readDir(models)) {
    if (!name.startsWith(APART) || !name.endsWith(".lock")) continue;
    const path = join(models, name);
    if (await isHeld(path) !== undefined) continue;
    await Deno.remove(path.replace(/\.lock$/, ""), { recursive: true }).catch(() => {});
    await removeIfThere(path);
  }
}

function missingFrom(a: RunResult, b: RunResult): string[] {
  const [of, against] = [Object.keys(a.measures), Object.keys(b.measures)];
  return [
    ...of.filter((text) => !against.includes(text)),
    ...against.filter((text) => !of.includes(text)),
  ];
}

function compareValues(a: RunResult, b: RunResult): Record<string, number> {
  const measures = Object.keys(a.measures).filter((text) => text in b.measures);
  return {
    trainLoss: relative(a.training.trainLoss ?? NaN, b.training.trainLoss ?? NaN),
    testLoss: relative(a.training.testLoss ?? NaN, b.training.testLoss ?? NaN),
    ...Object.fromEntries(
      measures.map((text) => [
        text,
        relative(a.measures[text]!.estimate, b.measures[text]!.estimate),
      ]),
    ),
  };
}

function largestDifference(a: readonly number[], b: readonly number[]): number {
  const shared = Math.min(a.length, b.length);
  let largest = 0;
  for (let i = 0; i < shared; i++) largest = Math.max(largest, relative(a[i]!, b[i]!));
  return largest;
}

function relative(a: number, b: number): number {
  return Object.is(a, b) || a === b ? 0 : Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b));
}
