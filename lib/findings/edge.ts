/**
 * The edge of stability: what the Hessian's largest eigenvalue does along training.
 *
 * @module
 */
import { plural, plurals, significant } from "~/lib/files/numbers.ts";
import { effectSubject, enumerate, formatMean } from "~/lib/findings/words.ts";
import {
  type CellSummary,
  type Interval,
  type RunResult,
  runsAt,
  seriesOf,
  summariseCells,
  type TrajectoryRecord,
  valueBySeed,
} from "~/lib/results.ts";
import { type EffectName, EFFECTS, effectValue, measureNamed, type Study } from "~/lib/study.ts";

/** A network on a trajectory of the edge's study. */
export interface EdgePoint {
  /** "SGD, full batch, lr 0.05". */
  readonly series: string;
  readonly optimizer: string;
  readonly isFullBatch: boolean;
  readonly epoch: number;
  /** Largest eigenvalue of the Hessian of the full-set loss, nats per unit^2. */
  readonly lambdaMax: number;
  /** Where 2 / lr is the edge: full-batch SGD without momentum. */
  readonly learningRate?: number;
  /** Full-set loss in nats. */
  readonly trainLoss: number;
}

/** The optimizer whose edge is 2 / learning rate: gradient descent without momentum. */
export const EDGE_OPTIMIZER = "SGD";

/** The networks of a study whose first measure is lambda max, by series and epoch. */
export function edgeRows(study: Study, records: readonly TrajectoryRecord[]): EdgePoint[] {
  const text = measureNamed(study, "lambda-max");
  if (text === undefined) return [];
  const runs = study.stops.flatMap((stop) => runsAt(study, records, stop));
  return runs.flatMap(({ config, training, measures }): EdgePoint[] => {
    const value = measures[text];
    if (value === undefined || training.trainLoss === null) return [];
    const { optimizer, learningRate, batchSize, images } = config;
    const isFull = batchSize >= images;
    return [{
      series: `${optimizer}, ${isFull ? "full batch" : `batch ${batchSize}`}, lr ${learningRate}`,
      optimizer,
      isFullBatch: isFull,
      epoch: training.epochs,
      lambdaMax: value.estimate,
      ...(isFull && optimizer === EDGE_OPTIMIZER ? { learningRate } : {}),
      trainLoss: training.trainLoss,
    }];
  }).sort((a, b) => a.series < b.series ? -1 : a.series > b.series ? 1 : a.epoch - b.epoch);
}

/** One sentence a trajectory: where lambda max went, and where it was after it passed 2 / lr. */
export function edgeSentences(study: Study, records: readonly TrajectoryRecord[]): string[] {
  const bySeries = Map.groupBy(edgeRows(study, records), ({ series }) => series);
  return [...bySeries].map(([series, points]) => {
    const values = points.map(({ lambdaMax }) => lambdaMax);
    const [first, last] = [points[0]!, points.at(-1)!];
    const way = `${series} (1 seed): λ max goes from ${significant(first.lambdaMax)} at epoch ` +
      `${first.epoch} to ${significant(last.lambdaMax)} at epoch ${last.epoch}, between ` +
      `${significant(Math.min(...values))} and ${significant(Math.max(...values))}`;
    if (first.learningRate === undefined) return `${way}.`;
    const edge = 2 / first.learningRate;
    const at = points.findIndex(({ lambdaMax }) => lambdaMax >= edge);
    if (at < 0) {
      const most = (Math.max(...values) / edge).toFixed(2);
      return `${way}; 2 / lr = ${edge} is not passed: λ max is at most ${most} times it.`;
    }
    const when = at === 0
      ? `by epoch ${first.epoch}`
      : `between epochs ${points[at - 1]!.epoch} and ${points[at]!.epoch}`;
    const after = values.slice(at).map((value) => value / edge);
    return `${way}; 2 / lr = ${edge} is passed ${when}, and at the ${
      plural(after.length, "network")
    } from there on λ max is ${Math.min(...after).toFixed(2)} to ` +
      `${Math.max(...after).toFixed(2)} times it.`;
  });
}

/**
 * Where learning rate x lambda max of gradient descent without momentum ends, which is 2 at the edge
 * of stability of full batches: its mean in every cell of an effect, and which cells' 95 % t interval
 * over seeds contains 2, lies below it or above.
 *
 * @param runs Of one stop.
 * @returns No sentence where lambda max was not taken, or no such optimizer is in the grid.
 */
export function edgeAtStop(
  study: Study,
  runs: readonly RunResult[],
  { effect }: { readonly effect: EffectName },
): string[] {
  const text = measureNamed(study, "lambda-max");
  if (text === undefined) return [];
  const which = { effect, optimizer: EDGE_OPTIMIZER };
  const cells = seriesOf(summariseCells(study, runs, text), which)
    .filter(({ value }) => value !== null);
  if (cells.length === 0) return [];
  const nameOf = (some: readonly CellSummary[]): string =>
    enumerate(some.map((cell) => EFFECTS[effect].format(effectValue(cell))));
  const shares = cells.map((cell) => ({ cell, ...edgeShare(cell) }));
  const means = shares.map(({ mean, interval }) => formatMean(mean, interval));
  const known = shares.flatMap(({ cell, interval }) => interval ? [{ cell, interval }] : []);
  const sides = [
    ["contains 2", ([low, high]: Interval) => low <= 2 && high >= 2],
    ["lies below 2", ([, high]: Interval) => high < 2],
    ["lies above 2", ([low]: Interval) => low > 2],
  ] as const;
  const where = sides.flatMap(([side, holds]) => {
    const some = known.filter(({ interval }) => holds(interval)).map(({ cell }) => cell);
    return some.length === 0 ? [] : [`${side} at ${nameOf(some)}`];
  });
  const seeds = cells.map((cell) => valueBySeed(cell).size);
  const stop = runs[0]?.stop ?? study.stops[0] ?? "";
  return [
    `${effectSubject(study, which)}, at ${stop}: learning rate × ` +
    `λ max, 2 at the edge of stability of full batches, is ${enumerate(means)} at ` +
    `${nameOf(cells)}; ` +
    (where.length > 0 ? `the 95 % interval ${where.join(", ")}` : "one seed gives no interval") +
    `; n = ${plurals(seeds, "seed")}.`,
  ];
}

/** Learning rate x a cell's lambda max, with the interval over seeds. */
export function edgeShare(
  { learningRate, value }: CellSummary,
): { readonly mean: number; readonly interval: Interval | null } {
  const { mean, interval } = value!;
  return {
    mean: learningRate * mean,
    interval: interval && [learningRate * interval[0], learningRate * interval[1]],
  };
}
