/**
 * The edge of stability: what the Hessian's largest eigenvalue does along training.
 *
 * @module
 */
import { significant } from "~/lib/files/numbers.ts";
import { runsAt, type TrajectoryRecord } from "~/lib/results.ts";
import { measureNamed, type Study } from "~/lib/study.ts";

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

/** Share of 2 / lr within which an eigenvalue counts as at the edge. */
const NEAR = 0.2;

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
      ...(isFull && optimizer === "SGD" ? { learningRate } : {}),
      trainLoss: training.trainLoss,
    }];
  }).sort((a, b) => a.series < b.series ? -1 : a.series > b.series ? 1 : a.epoch - b.epoch);
}

/** One sentence a trajectory: where lambda max went, and whether it reached 2 / lr and stayed. */
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
    const reached = points.find(({ lambdaMax }) => lambdaMax >= (1 - NEAR) * edge);
    if (reached === undefined) return `${way}; 2 / lr = ${edge} is not reached.`;
    const after = points.filter(({ epoch }) => epoch >= reached.epoch)
      .map(({ lambdaMax }) => lambdaMax / edge);
    return `${way}; 2 / lr = ${edge} is reached within 20 % by epoch ${reached.epoch}, and from ` +
      `there on λ max stays within ${Math.min(...after).toFixed(2)} to ` +
      `${Math.max(...after).toFixed(2)} times it (${after.length} networks).`;
  });
}
