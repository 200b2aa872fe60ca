/**
 * What a cell's runs say together: means over seeds, intervals, how far training got.
 *
 * @module
 */
import { meanInterval, pooledInterval, seedInterval } from "~/lib/statistics.ts";
import { type Cell, listCells, runPath, type Study } from "~/lib/study.ts";
import type { RunResult } from "~/lib/results/schema.ts";

/** Low and high end of a 95 % interval. */
export type Interval = readonly [low: number, high: number];

/** One seed of a cell, with what a figure shows of it. */
export interface SeedSummary {
  readonly seed: number;
  readonly stopped: RunResult["training"]["stopped"];
  /** Mean over directions in nats; null where training diverged. */
  readonly sharpness: number | null;
  /** Full-set loss in nats; null where training diverged. */
  readonly trainLoss: number | null;
}

/**
 * A cell's runs together. Means are over seeds; diverged runs are in `seeds` and `diverged` and in
 * no mean. A mean over no run is null, and so is an interval of one value.
 */
export interface CellSummary extends Cell {
  /** Every seed of the grid that has a result, ascending. */
  readonly seeds: readonly number[];
  /** Rise in training loss in nats. */
  readonly sharpness: {
    readonly mean: number;
    /** 95 % t interval over seed means, n = seeds. */
    readonly interval: Interval | null;
    /** The original's: 95 % t interval over seeds x directions as if independent. */
    readonly pooledInterval: Interval | null;
  } | null;
  /** Full-split losses in nats, accuracies as fractions. */
  readonly trainLoss: number | null;
  readonly trainAccuracy: number | null;
  readonly testLoss: number | null;
  readonly testAccuracy: number | null;
  readonly epochs: number | null;
  /** Whether there are results and all of them stopped because they converged. */
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
  & Pick<
    CellSummary,
    "seeds" | "sharpness" | "trainLoss" | "testAccuracy" | "epochs" | "converged" | "diverged"
  >;

/**
 * Summarises every cell of a study's grid, in the order of `listCells`.
 *
 * @param results In any order; runs that are not in the grid are passed over, and a cell without
 * results has an empty `seeds`.
 * @throws {RangeError} If two results are of the same run.
 */
export function summariseCells(study: Study, results: readonly RunResult[]): CellSummary[] {
  const byPath = new Map<string, RunResult>();
  for (const result of results) {
    const path = runPath(result.config);
    if (byPath.has(path)) {
      throw new RangeError(
        `Cannot summarise the study as a run must have one result: ${path} has more`,
      );
    }
    byPath.set(path, result);
  }
  const seeds = [...study.grid.seeds].sort((a, b) => a - b);
  return listCells(study.grid).map((cell) =>
    summariseCell(cell, seeds.flatMap((seed) => byPath.get(runPath({ ...cell, seed })) ?? []))
  );
}

/** Where a cell stands on its effect's axis: its learning rate, or its batch size in images. */
export function effectValue(cell: Omit<Cell, "optimizer">): number {
  return { "learning-rate": cell.learningRate, "batch-size": cell.batchSize }[cell.effect];
}

/** A cell's sharpness by seed in nats, for paired differences; seeds without one are left out. */
export function sharpnessBySeed({ bySeed }: CellSummary): Map<number, number> {
  return new Map(
    bySeed.flatMap(({ seed, sharpness }) => sharpness === null ? [] : [[seed, sharpness] as const]),
  );
}

/** What `reproduce --json` prints of the cells that have results. */
export function reportCells(summaries: readonly CellSummary[]): CellReport[] {
  return summaries.filter(({ seeds }) => seeds.length > 0).map((cell) => ({
    effect: cell.effect,
    optimizer: cell.optimizer,
    learningRate: cell.learningRate,
    batchSize: cell.batchSize,
    seeds: cell.seeds,
    sharpness: cell.sharpness,
    trainLoss: cell.trainLoss,
    testAccuracy: cell.testAccuracy,
    epochs: cell.epochs,
    converged: cell.converged,
    diverged: cell.diverged,
  }));
}

function summariseCell(cell: Cell, results: readonly RunResult[]): CellSummary {
  const kept = results.filter(({ training }) => training.stopped !== "diverged");
  const samples = kept.flatMap(({ sharpness }) => sharpness === null ? [] : [sharpness.samples]);
  const seedsStopped = (why: RunResult["training"]["stopped"]): number[] =>
    results.filter(({ training }) => training.stopped === why).map(({ config }) => config.seed);
  const meanOf = (key: "trainLoss" | "trainAccuracy" | "testLoss" | "testAccuracy" | "epochs") =>
    meanOrNull(kept.flatMap(({ training }) => training[key] ?? []));
  return {
    ...cell,
    seeds: results.map(({ config }) => config.seed),
    sharpness: samples.length === 0 ? null : summariseSharpness(samples),
    trainLoss: meanOf("trainLoss"),
    trainAccuracy: meanOf("trainAccuracy"),
    testLoss: meanOf("testLoss"),
    testAccuracy: meanOf("testAccuracy"),
    epochs: meanOf("epochs"),
    converged: results.length > 0 &&
      results.every(({ training }) => training.stopped === "converged"),
    unconverged: seedsStopped("epoch limit"),
    diverged: seedsStopped("diverged"),
    bySeed: results.map(({ config: { seed }, training: { stopped, trainLoss }, sharpness }) => ({
      seed,
      stopped,
      sharpness: sharpness === null || stopped === "diverged"
        ? null
        : meanInterval(sharpness.samples).mean,
      trainLoss,
    })),
  };
}

function summariseSharpness(samples: readonly number[][]): NonNullable<CellSummary["sharpness"]> {
  const overSeeds = seedInterval(samples);
  const pooled = pooledInterval(samples);
  const ends = ({ low, high }: typeof pooled): Interval | null =>
    low === null || high === null ? null : [low, high];
  return { mean: overSeeds.mean, interval: ends(overSeeds), pooledInterval: ends(pooled) };
}

function meanOrNull(values: readonly number[]): number | null {
  return values.length === 0 ? null : meanInterval(values).mean;
}
