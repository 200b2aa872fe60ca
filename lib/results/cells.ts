/**
 * What a cell's runs say together: means over seeds, intervals, how far training got.
 *
 * @module
 */
import type { Measurement } from "~/lib/results/record.ts";
import type { Outcome, RunResult } from "~/lib/results/run_result.ts";
import { meanInterval, pooledInterval, twoWayInterval } from "~/lib/statistics.ts";
import { type Cell, listCells, type Study, trajectoryOf } from "~/lib/study.ts";
import { openStop, trajectoryPath } from "~/lib/trainer.ts";

/** Low and high end of a 95 % interval. */
export type Interval = readonly [low: number, high: number];

/** A measure over the seeds of a cell, in its unit. */
export interface ValueSummary {
  readonly mean: number;
  /** 95 % t interval over seed means, n = seeds. */
  readonly interval: Interval | null;
  /**
   * The original's: 95 % t interval over seeds x directions as if independent; null for a measure
   * that keeps no samples.
   */
  readonly pooledInterval: Interval | null;
  /**
   * 95 % interval for other seeds and other directions, where `interval` holds for the directions
   * that were drawn; null where seeds have no samples of the same directions.
   */
  readonly twoWayInterval: Interval | null;
}

/** One seed of a cell, with what a figure shows of it. */
export interface SeedSummary {
  readonly seed: number;
  readonly stopped: Outcome;
  /** The measure's estimate; null where training diverged or it was not taken. */
  readonly value: number | null;
  /** Full-set loss in nats; null where training diverged. */
  readonly trainLoss: number | null;
  readonly run: RunResult;
}

/** What of a run has a mean over the cell. */
const MEANS = [
  "trainLoss",
  "trainAccuracy",
  "testLoss",
  "testAccuracy",
  "epochs",
  "weightNorm",
] as const;

/**
 * A cell's runs together. Means are over seeds, of full-split losses in nats and accuracies as
 * fractions; diverged runs are in `seeds` and `diverged` and in no mean. A mean over no run is null,
 * and so is an interval of one value.
 */
export interface CellSummary extends Cell, Readonly<Record<typeof MEANS[number], number | null>> {
  /** Canonical text of the measure that `value` holds. */
  readonly measure: string;
  /** Every seed of the grid that has a result, ascending. */
  readonly seeds: readonly number[];
  /** The measure's estimate, in its unit: for "sharpness" the rise in training loss in nats. */
  readonly value: ValueSummary | null;
  /** Mean residual of an eigenvalue, in its unit; null where the measure has none. */
  readonly residual: number | null;
  /** Seeds whose eigenvalue has not converged: their value is a lower bound. */
  readonly unresolved: readonly number[];
  /** Whether there are results and all of them met a criterion: a number of epochs is none. */
  readonly converged: boolean;
  /** Seeds that the epoch limit stopped. */
  readonly unconverged: readonly number[];
  /** Seeds whose training diverged: in no mean. */
  readonly diverged: readonly number[];
  readonly bySeed: readonly SeedSummary[];
}

/** A cell as `reproduce --json` prints it. */
export type CellReport =
  & Cell
  & { readonly stop: string; readonly sharpness: CellSummary["value"] }
  & Pick<
    CellSummary,
    "seeds" | "trainLoss" | "testAccuracy" | "epochs" | "converged" | "diverged"
  >;

/**
 * Summarises every cell of a study's grid, in the order of `listCells`.
 *
 * @param results Runs at one stop, in any order; those that are not in the grid are passed over, and
 * a cell without results has an empty `seeds`.
 * @param measure What is summarised; default: the study's first measure.
 * @throws {RangeError} If two results are of the same trajectory.
 */
export function summariseCells(
  study: Study,
  results: readonly RunResult[],
  measure: string = study.measures.first[0] ?? "sharpness",
): CellSummary[] {
  const byPath = new Map<string, RunResult>();
  for (const result of results) {
    const path = trajectoryPath(result.config);
    if (byPath.has(path)) {
      throw new RangeError(
        `Cannot summarise the study as a trajectory must have one result: ${path} has more`,
      );
    }
    byPath.set(path, result);
  }
  const seeds = [...study.grid.seeds].sort((a, b) => a - b);
  return listCells(study).map((cell) =>
    summariseCell(
      cell,
      seeds.flatMap((seed) => byPath.get(trajectoryPath(trajectoryOf(study, cell, seed))) ?? []),
      measure,
    )
  );
}

/** A cell's measure by seed, for paired differences; seeds without one are left out. */
export function valueBySeed({ bySeed }: CellSummary): Map<number, number> {
  return new Map(
    bySeed.flatMap(({ seed, value }) => value === null ? [] : [[seed, value] as const]),
  );
}

/** What `reproduce --json` prints of the cells that have results. */
export function reportCells(summaries: readonly CellSummary[], stop: string): CellReport[] {
  return summaries.filter(({ seeds }) => seeds.length > 0).map((cell) => ({
    effect: cell.effect,
    optimizer: cell.optimizer,
    learningRate: cell.learningRate,
    batchSize: cell.batchSize,
    stop,
    seeds: cell.seeds,
    sharpness: cell.value,
    trainLoss: cell.trainLoss,
    testAccuracy: cell.testAccuracy,
    epochs: cell.epochs,
    converged: cell.converged,
    diverged: cell.diverged,
  }));
}

function summariseCell(cell: Cell, results: readonly RunResult[], measure: string): CellSummary {
  const kept = results.filter(({ training }) => training.stopped !== "diverged");
  const values = kept.flatMap(({ measures }) => measures[measure] ?? []);
  const seedsStopped = (why: Outcome): number[] =>
    results.filter(({ training }) => training.stopped === why).map(({ config }) => config.seed);
  const means = Object.fromEntries(
    MEANS.map((key) => [key, meanOrNull(kept.map(({ training }) => training[key]))]),
  ) as Record<typeof MEANS[number], number | null>;
  return {
    ...cell,
    ...means,
    measure,
    seeds: results.map(({ config }) => config.seed),
    value: values.length === 0 ? null : summariseValues(values),
    residual: meanOrNull(values.map(({ residual }) => residual)),
    unresolved: kept.filter(({ measures }) => measures[measure]?.converged === false)
      .map(({ config }) => config.seed),
    converged: results.length > 0 &&
      results.every(({ stop, training }) =>
        openStop(stop).isCriterion && training.stopped === "reached"
      ),
    unconverged: seedsStopped("epoch limit"),
    diverged: seedsStopped("diverged"),
    bySeed: results.map((run) => ({
      seed: run.config.seed,
      stopped: run.training.stopped,
      value: run.measures[measure]?.estimate ?? null,
      trainLoss: run.training.trainLoss,
      run,
    })),
  };
}

/** Summarises a measure's values, one a seed; at least one. */
function summariseValues(values: readonly Measurement[]): ValueSummary {
  const overSeeds = meanInterval(values.map(({ estimate }) => estimate));
  const samples = values.map(({ samples }): number[] => Array.isArray(samples) ? samples : []);
  const isSampled = samples.every(({ length }) => length > 0);
  const isEven = samples.every(({ length }) => length === samples[0]!.length);
  return {
    mean: overSeeds.mean,
    interval: ends(overSeeds),
    pooledInterval: isSampled ? ends(pooledInterval(samples)) : null,
    twoWayInterval: isSampled && isEven ? ends(twoWayInterval(samples)) : null,
  };
}

function ends({ low, high }: { low: number | null; high: number | null }): Interval | null {
  return low === null || high === null ? null : [low, high];
}

function meanOrNull(values: readonly unknown[]): number | null {
  const known = values.filter((value) => typeof value === "number");
  return known.length === 0 ? null : meanInterval(known).mean;
}
