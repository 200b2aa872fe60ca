/**
 * The edge of stability: what the Hessian's largest eigenvalue does along training.
 *
 * @module
 */
import { plurals, significant } from "~/lib/files/numbers.ts";
import { enumerate, formatMean } from "~/lib/findings/words.ts";
import {
  type CellSummary,
  type Interval,
  type RunResult,
  runsAt,
  summariseCells,
  type TrajectoryRecord,
} from "~/lib/results.ts";
import { type EffectName, EFFECTS, effectValue, measureNamed, type Study } from "~/lib/study.ts";

/** A network on a trajectory of the edge's study. */
export interface EdgePoint {
  /** "SGD, full batch, lr 0.05". */
  readonly series: string;
  readonly epoch: number;
  /** Largest eigenvalue of the Hessian of the full-set loss, nats per unit^2. */
  readonly lambdaMax: number;
  /** Where 2 / lr is the edge: full-batch SGD without momentum. */
  readonly learningRate?: number;
}

/** The optimizer whose edge is 2 / learning rate: gradient descent without momentum. */
const EDGE_OPTIMIZER = "SGD";
/**
 * Which eigenvalue times the learning rate is 2 at the edge of full batches (Cohen et al. arXiv
 * 2103.00065; of the preconditioned Hessian: arXiv 2207.14484).
 */
const EDGE_MEASURE: Readonly<Record<string, string>> = {
  [EDGE_OPTIMIZER]: "lambda-max",
  AdaGrad: "preconditioned-lambda-max",
};

/** The networks of a study whose first measure is lambda max, by series and epoch. */
export function edgeRows(study: Study, records: readonly TrajectoryRecord[]): EdgePoint[] {
  const text = measureNamed(study, EDGE_MEASURE[EDGE_OPTIMIZER]!);
  if (text === undefined) return [];
  const runs = study.stops.flatMap((stop) => runsAt(study, records, stop));
  return runs.flatMap(({ config, training, measures }): EdgePoint[] => {
    const lambdaMax = measures[text]?.estimate;
    if (lambdaMax === undefined) return [];
    const { optimizer, learningRate, batchSize, images } = config;
    const isFullBatch = batchSize >= images;
    const batch = isFullBatch ? "full batch" : `batch ${batchSize}`;
    return [{
      series: `${optimizer}, ${batch}, lr ${learningRate}`,
      ...{ epoch: training.epochs, lambdaMax },
      ...(isFullBatch && optimizer === EDGE_OPTIMIZER ? { learningRate } : {}),
    }];
  }).sort((a, b) => a.series < b.series ? -1 : a.series > b.series ? 1 : a.epoch - b.epoch);
}

/** One sentence a trajectory: where lambda max went, and where it was after it passed 2 / lr. */
export function edgeSentences(study: Study, records: readonly TrajectoryRecord[]): string[] {
  const bySeries = Map.groupBy(edgeRows(study, records), ({ series }) => series);
  return [...bySeries].map(([series, points]) => {
    const values = points.map(({ lambdaMax }) => lambdaMax);
    const [first, last] = [points[0]!, points.at(-1)!];
    const way = `${series}: λ max goes from ${significant(first.lambdaMax)} at epoch ` +
      `${first.epoch} to ${significant(last.lambdaMax)} at epoch ${last.epoch}.`;
    if (first.learningRate === undefined) return way;
    const edge = 2 / first.learningRate;
    const at = points.findIndex(({ lambdaMax }) => lambdaMax >= edge);
    const shares = values.slice(Math.max(0, at)).map((value) => (value / edge).toFixed(2));
    if (at < 0) return `${way} It stays below 2 / lr = ${edge}.`;
    const when = at === 0
      ? `by epoch ${first.epoch}`
      : `between epochs ${points[at - 1]!.epoch} and ${points[at]!.epoch}`;
    return `${way} It passes 2 / lr = ${edge} ${when}; from there on it is ` +
      `${shares.toSorted()[0]} to ${shares.toSorted().at(-1)} times that.`;
  });
}

/** Learning rate x the eigenvalue whose edge is 2, of one cell. */
export interface EdgeShare {
  readonly cell: CellSummary;
  readonly mean: number;
  /**
   * 95 % t interval over seeds, its upper end raised by the mean residual: Lanczos comes from below,
   * and an eigenvalue lies within the residual.
   */
  readonly interval: Interval | null;
  /** Residual / eigenvalue, mean over seeds; null where it was not kept. */
  readonly residual: number | null;
}

/**
 * Learning rate x lambda max of an optimizer's cells, AdaGrad's of the preconditioned Hessian, by
 * ascending value; none where the optimizer has no edge here, or it was not measured.
 *
 * @param runs Of one stop.
 */
export function edgeShares(
  study: Study,
  runs: readonly RunResult[],
  { effect, optimizer }: { readonly effect: EffectName; readonly optimizer: string },
): EdgeShare[] {
  const text = measureNamed(study, EDGE_MEASURE[optimizer] ?? "");
  if (text === undefined) return [];
  return summariseCells(study, runs, text)
    .filter((cell) => cell.effect === effect && cell.optimizer === optimizer)
    .sort((a, b) => effectValue(a) - effectValue(b))
    .flatMap((cell): EdgeShare[] => {
      const { learningRate: rate, value, residual } = cell;
      if (value === null) return [];
      const { mean, interval } = value;
      return [{
        ...{ cell, mean: rate * mean, residual: residual && residual / mean },
        interval: interval && [rate * interval[0], rate * (interval[1] + (residual ?? 0))],
      }];
    });
}

const SIDES = [
  ["contains 2", ([low, high]: Interval) => low <= 2 && high >= 2],
  ["lies below 2", ([, high]: Interval) => high < 2],
  ["lies above 2", ([low]: Interval) => low > 2],
] as const;

/**
 * Where learning rate x lambda max of every optimizer with an edge ends, which is 2 at the edge of
 * stability of full batches, and which cells' interval contains 2, lies below it or above.
 *
 * @param runs Of one stop.
 * @returns A sentence an optimizer; one that says so where it was not measured.
 */
export function edgeAtStop(
  study: Study,
  runs: readonly RunResult[],
  { effect }: { readonly effect: EffectName },
): string[] {
  const { label, other, format } = EFFECTS[effect];
  const stop = runs[0]?.stop ?? study.stops[0] ?? "";
  const namesOf = (some: readonly EdgeShare[]): string =>
    enumerate(some.map(({ cell }) => format(effectValue(cell))));
  return study.grid.optimizers.filter((name) => name in EDGE_MEASURE).map((optimizer) => {
    const shares = edgeShares(study, runs, { effect, optimizer });
    const what = optimizer === EDGE_OPTIMIZER ? "λ max" : "λ max of the preconditioned Hessian";
    const subject = `${optimizer}, ${label} (${other(study)}), at ${stop}: learning rate × ${what}`;
    if (shares.length === 0) return `${subject} was not measured.`;
    const where = SIDES.flatMap(([side, holds]) => {
      const some = shares.filter(({ interval }) => interval !== null && holds(interval));
      return some.length === 0 ? [] : [`${side} at ${namesOf(some)}`];
    });
    const open = shares.filter(({ cell }) => cell.unresolved.length > 0);
    const worst = Math.max(...shares.flatMap(({ residual }) => residual ?? []));
    return [
      `${subject}, 2 at the edge of stability of full batches, is ` +
      `${enumerate(shares.map(({ mean, interval }) => formatMean(mean, interval)))} at ` +
      namesOf(shares),
      where.length > 0 ? `the 95 % interval ${where.join(", ")}` : "one seed gives no interval",
      worst > -Infinity &&
      `it carries Lanczos's residual, at most ${Math.round(100 * worst)} % of the value`,
      open.length > 0 && `not converged, so a lower bound, at ${namesOf(open)}`,
      `n = ${plurals(shares.map(({ cell }) => cell.bySeed.length), "seed")}.`,
    ].filter(Boolean).join("; ");
  });
}
