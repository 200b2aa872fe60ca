/**
 * Computes cached trajectories again, apart from them, and compares.
 *
 * @module
 */
import { join } from "node:path";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { scratchFolder } from "~/lib/files/files.ts";
import { waitForLock } from "~/lib/files/lock.ts";
import { openStream } from "~/lib/random.ts";
import { libraryOf, type RunOptions, withDefaults, withEngine } from "~/lib/reproduce/options.ts";
import { inspect } from "~/lib/reproduce/plan.ts";
import { run } from "~/lib/reproduce/run.ts";
import { runAt, type RunResult, type TrajectoryRecord } from "~/lib/results.ts";
import { checkStudy, listTrajectories, type Study } from "~/lib/study.ts";
import { isSameTrajectory, type Trajectory } from "~/lib/trainer.ts";

/** How far two computations of a trajectory agree at a study's first stop. */
export interface Agreement {
  readonly trajectory: Trajectory;
  /** Whether losses up to the stop, its network and all values at it are the same to the bit. */
  readonly identical: boolean;
  /** Epoch of the stop, before and now; null where it is not reached. */
  readonly epochs: readonly [number, number | null];
  /** Largest relative difference of an epoch loss. */
  readonly epochLosses: number;
  /** Relative differences of full-set losses and of every measure's estimate. */
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
  { count, seed, ...given }: RunOptions & { readonly count: number; readonly seed: number },
): Promise<Agreement[]> {
  const options = withDefaults(given);
  const whole = checkStudy(asked);
  // Nothing is compared at the other stops.
  const study = { ...whole, measures: { ...whole.measures, others: [] } };
  const atStop = (record: TrajectoryRecord): RunResult | undefined =>
    runAt(study, record, study.stops[0]!);
  const inspected = await inspect(whole, listTrajectories(whole), options, options.onMessage);
  // One that ended without passing the first stop has nothing there to compare.
  const left = inspected.flatMap(({ isDone, trajectory, record }) => {
    if (!isDone || record === undefined) return [];
    const before = atStop(record);
    return before === undefined ? [] : [{ trajectory, record, before }];
  });
  const generator = openStream(seed, 0);
  const chosen = Array.from(
    { length: Math.min(count, left.length) },
    () => left.splice(uniformInt(generator, 0, left.length - 1), 1)[0]!,
  );
  if (chosen.length === 0) return [];
  const { folders: { models }, onMessage } = options;
  const apart = join(models, ".verify");
  const waiting = "Waiting for another process that verifies";
  using _alone = await waitForLock(`${apart}.lock`, () => onMessage(waiting));
  await using _scratch = await scratchFolder(apart);
  const trajectories = chosen.map(({ trajectory }) => trajectory);
  return await withEngine(study.images, options, async (opened) => {
    const folders = { models: apart, results: apart };
    const { records } = await run(study, { ...options, opened, folders, trajectories });
    return chosen.map(({ trajectory, before }) => {
      const isSame = (other: Trajectory): boolean => isSameTrajectory(other, trajectory);
      const again = records.find(({ content }) => isSame(content.trajectory))!;
      return compare(before, atStop(again), again.content.epochLosses);
    });
  }, await libraryOf(models, chosen));
}

function compare(before: RunResult, now: RunResult | undefined, all: readonly number[]): Agreement {
  const [a, b] = [valuesOf(before), now === undefined ? {} : valuesOf(now)];
  const shared = Object.keys(a).filter((name) => name in b);
  const [losses, lossesNow] = [before.training.epochLosses, now?.training.epochLosses ?? all];
  const differences = losses.slice(0, lossesNow.length)
    .map((loss, index) => relative(loss, lossesNow[index]!));
  const values = shared.map((name) => [name, relative(a[name]!, b[name]!)] as const);
  const missing = Object.keys({ ...a, ...b }).filter((name) => !shared.includes(name));
  return {
    trajectory: before.config,
    identical: String(losses) === String(lossesNow) &&
      before.network?.sha256 === now?.network?.sha256 && missing.length === 0 &&
      values.every(([, difference]) => difference === 0),
    epochs: [before.training.epochs, now?.training.epochs ?? null],
    epochLosses: Math.max(0, ...differences),
    values: Object.fromEntries(values),
    missing,
  };
}

function valuesOf({ network, measures }: RunResult): Record<string, number> {
  const { trainLoss = NaN, testLoss = NaN } = network ?? {};
  const taken = Object.entries(measures).map(([text, { estimate }]) => [text, estimate]);
  return { trainLoss, testLoss, ...Object.fromEntries(taken) };
}

function relative(a: number, b: number): number {
  return Object.is(a, b) || a === b ? 0 : Math.abs(a - b) / Math.max(Math.abs(a), Math.abs(b));
}
