/**
 * What a cell's runs say together: means over seeds, intervals, how far training got.
 *
 * @module
 */
import type { Outcome, RunResult } from "~/lib/results/run_result.ts";
import { summariseValues, type ValueSummary } from "~/lib/results/value_summary.ts";
import { meanInterval } from "~/lib/statistics.ts";
import { type Cell, listCells, type Study, trajectoryOf } from "~/lib/study.ts";
import { openStop, trajectoryPath } from "~/lib/trainer.ts";

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

/**
 * A cell's runs together. Means are over seeds; diverged runs are in `seeds` and `diverged` and in
 * no mean. A mean over no run is null, and so is an interval of one value.
 */
export interface CellSummary extends Cell {
  /** Canonical text of the measure that `value` holds. */
  readonly measure: string;
  /** Every seed of the grid that has a result, ascending. */
  readonly seeds: readonly number[];
  /** The measure's estimate, in its unit: for "sharpness" the rise in training loss in nats. */
  readonly value: ValueSummary | null;
  /** Full-split losses in nats, accuracies as fractions. */
  readonly trainLoss: number | null;
  readonly trainAccuracy: number | null;
  readonly testLoss: number | null;
  readonly testAccuracy: number | null;
  readonly epochs: number | null;
  readonly weightNorm: number | null;
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
  const meanOf = (
    key: "trainLoss" | "trainAccuracy" | "testLoss" | "testAccuracy" | "epochs" | "weightNorm",
  ) => meanOrNull(kept.flatMap(({ training }) => training[key] ?? []));
  return {
    ...cell,
    measure,
    seeds: results.map(({ config }) => config.seed),
    value: values.length === 0 ? null : summariseValues(values),
    trainLoss: meanOf("trainLoss"),
    trainAccuracy: meanOf("trainAccuracy"),
    testLoss: meanOf("testLoss"),
    testAccuracy: meanOf("testAccuracy"),
    epochs: meanOf("epochs"),
    weightNorm: meanOf("weightNorm"),
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

function meanOrNull(values: readonly number[]): number | null {
  return values.length === 0 ? null : meanInterval(values).mean;
}
