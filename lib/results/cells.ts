/**
 * What a cell's runs say together: means over seeds, intervals, how far training got.
 *
 * @module
 */
import type { Measurement } from "~/lib/results/record.ts";
import type { Outcome, RunResult, Runs } from "~/lib/results/run_result.ts";
import { type Interval, intervalOf, meanInterval } from "~/lib/statistics.ts";
import { byCell, type Cell, listCells, mainMeasure, type Study } from "~/lib/study.ts";
import { parseStop, trajectoryPath } from "~/lib/trainer.ts";

/** A measure over the seeds of a cell, in its unit. */
export interface ValueSummary {
  readonly mean: number;
  /** 95 % t interval over seed means, n = seeds. */
  readonly interval: Interval | null;
  /**
   * The original's: 95 % t interval over seeds x directions as if independent, too narrow where
   * networks differ by more than directions do; null for a measure that keeps no samples.
   */
  readonly pooledInterval: Interval | null;
}

/**
 * A cell's runs together. Means are over seeds, of full-split losses in nats and accuracies as
 * fractions; diverged runs are in `seeds` and `diverged` and in no mean. A mean over no run is null,
 * and so is an interval of one value.
 */
export interface CellSummary extends Cell {
  /** Canonical text of the measure that `value` holds. */
  readonly measure: string;
  /** By ascending seed, as all that follows. */
  readonly runs: readonly RunResult[];
  /** Every seed of the grid that has a result. */
  readonly seeds: readonly number[];
  /** The measure's estimate, in its unit: for "sharpness" the rise in training loss in nats. */
  readonly value: ValueSummary | null;
  /** The same of each seed that has one: those whose training did not diverge and that were measured. */
  readonly bySeed: ReadonlyMap<number, number>;
  /** Mean residual of an eigenvalue, in its unit; null where the measure has none. */
  readonly residual: number | null;
  /** Seeds whose eigenvalue has not converged: their value is a lower bound. */
  readonly unresolved: readonly number[];
  /** Whether there are results and all of them met a criterion: a number of epochs is none. */
  readonly converged: boolean;
  /** Seeds that the epoch limit stopped. */
  readonly unconverged: readonly number[];
  /** Seeds whose training diverged. */
  readonly diverged: readonly number[];
  readonly trainLoss: number | null;
  readonly testAccuracy: number | null;
  readonly epochs: number | null;
}

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
  results: Runs,
  measure: string = mainMeasure(study),
): CellSummary[] {
  const paths = results.map(({ config }) => trajectoryPath(config));
  const twice = paths.find((path, i) => paths.indexOf(path) !== i);
  if (twice !== undefined) {
    throw new RangeError(
      `Cannot summarise the study as a trajectory must have one result: ${twice} has more`,
    );
  }
  const runsOf = byCell(study, results, ({ config }) => config);
  return listCells(study).map((cell) => {
    const runs = runsOf(cell).sort((a, b) => a.config.seed - b.config.seed);
    return summariseCell(cell, runs, measure);
  });
}

/** What `reproduce --json` prints of the cells that have results. */
export function reportCells(summaries: readonly CellSummary[], stop: string): unknown[] {
  return summaries.filter(({ seeds }) => seeds.length > 0).map((cell) => {
    const { effect, optimizer, learningRate, batchSize, seeds, value: sharpness } = cell;
    const { trainLoss, testAccuracy, epochs, converged, diverged } = cell;
    return {
      ...{ effect, optimizer, learningRate, batchSize, stop, seeds, sharpness },
      ...{ trainLoss, testAccuracy, epochs, converged, diverged },
    };
  });
}

function summariseCell(cell: Cell, runs: Runs, measure: string): CellSummary {
  const kept = runs.filter(({ training }) => training.stopped !== "diverged");
  const measured = kept.filter(({ measures }) => measures[measure] !== undefined);
  const values = measured.map(({ measures }) => measures[measure]!);
  const seedsOf = (some: Runs): number[] => some.map(({ config }) => config.seed);
  const seedsStopped = (why: Outcome): number[] =>
    seedsOf(runs.filter(({ training }) => training.stopped === why));
  const meanOf = (key: "trainLoss" | "testAccuracy" | "epochs"): number | null =>
    meanOrNull(kept.map(({ training }) => training[key]));
  return {
    ...{ ...cell, measure, runs, seeds: seedsOf(runs) },
    value: values.length === 0 ? null : summariseValues(values),
    bySeed: new Map(seedsOf(measured).map((seed, i) => [seed, values[i]!.estimate])),
    residual: meanOrNull(values.map(({ residual }) => residual)),
    unresolved: seedsOf(kept.filter(({ measures }) => measures[measure]?.converged === false)),
    converged: runs.length > 0 &&
      runs.every(({ stop, training }) =>
        parseStop(stop).isCriterion && training.stopped === "reached"
      ),
    unconverged: seedsStopped("epoch limit"),
    diverged: seedsStopped("diverged"),
    trainLoss: meanOf("trainLoss"),
    testAccuracy: meanOf("testAccuracy"),
    epochs: meanOf("epochs"),
  };
}

/** Summarises a measure's values, one a seed; at least one. */
function summariseValues(values: readonly Measurement[]): ValueSummary {
  const overSeeds = meanInterval(values.map(({ estimate }) => estimate));
  const samples = values.map(({ samples }): number[] => Array.isArray(samples) ? samples : []);
  const isSampled = samples.every(({ length }) => length > 0);
  return {
    mean: overSeeds.mean,
    interval: intervalOf(overSeeds),
    pooledInterval: isSampled ? intervalOf(meanInterval(samples.flat())) : null,
  };
}

function meanOrNull(values: readonly unknown[]): number | null {
  const known = values.filter((value) => typeof value === "number");
  return known.length === 0 ? null : meanInterval(known).mean;
}
