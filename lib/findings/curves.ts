/**
 * A measure along a trajectory, and its value where the full-set loss passes a level.
 *
 * @module
 */
import { openMeasure } from "~/lib/measure.ts";
import { endOf, locateStop, type NetworkRecord, type TrajectoryRecord } from "~/lib/results.ts";
import { type Cell, type Effect, listCells, type Study, trajectoryOf } from "~/lib/study.ts";
import { trajectoryPath } from "~/lib/trainer.ts";

/** A network of a trajectory with the value of a measure. */
export interface CurvePoint {
  readonly epoch: number;
  /** Full-set loss in nats. */
  readonly trainLoss: number;
  /** Learning rate x updates so far, the time of gradient flow. */
  readonly learningTime: number;
  readonly value: number;
  readonly standardError: number | null;
  /** Whether it is the network at the study's first stop. */
  readonly atStop: boolean;
}

/** A measure along one trajectory. */
export interface Curve {
  readonly cell: Cell;
  readonly seed: number;
  /** By epoch, ascending. */
  readonly points: readonly CurvePoint[];
}

/** Which curves are wanted. */
export interface CurveOptions {
  /** A measure's text; values with any number of directions count. Default "antithetic". */
  readonly measure?: string;
  /** Default: every effect of the study. */
  readonly effects?: readonly Effect[];
}

/** What curves show unless told otherwise: the seed's sharpness without the slope's noise. */
export const CURVE_MEASURE = "antithetic";

/**
 * The curves of a study's trajectories that have a network with the measure, in the order of
 * `listCells`, seed by seed.
 */
export function listCurves(
  study: Study,
  records: readonly TrajectoryRecord[],
  { measure = CURVE_MEASURE, effects = study.grid.effects }: CurveOptions = {},
): Curve[] {
  const byPath = new Map(
    records.map((record) => [trajectoryPath(record.content.trajectory), record]),
  );
  return listCells({ grid: { ...study.grid, effects } }).flatMap((cell) =>
    study.grid.seeds.flatMap((seed): Curve[] => {
      const record = byPath.get(trajectoryPath(trajectoryOf(study, cell, seed)));
      const points = record === undefined ? [] : curveOf(study, record, measure);
      return points.length === 0 ? [] : [{ cell, seed, points }];
    })
  );
}

/**
 * Where the full-set loss first passes a level between two neighbouring networks: the measure's value
 * there, linear in the loss.
 *
 * @returns Null where no two neighbours have the level between them: nothing is extrapolated.
 */
export function valueAtLoss(points: readonly CurvePoint[], level: number): number | null {
  for (const [index, point] of points.entries()) {
    if (point.trainLoss === level) return point.value;
    const next = points[index + 1];
    if (next === undefined) return null;
    const [above, below] = [point.trainLoss - level, next.trainLoss - level];
    if (above * below >= 0) continue;
    return point.value + (next.value - point.value) * above / (above - below);
  }
  return null;
}

function curveOf(
  study: Study,
  { content }: TrajectoryRecord,
  measure: string,
): CurvePoint[] {
  const { images, learningRate, batchSize } = content.trajectory;
  const updates = Math.ceil(images / batchSize);
  const stop = study.stops[0] === undefined
    ? undefined
    : locateStop(study, study.stops[0], content)?.epoch;
  const end = endOf(study, content.epochLosses);
  return content.networks.flatMap((network) => {
    const found = bestMeasurement(network, measure);
    if (found === undefined || network.epoch > end) return [];
    return [{
      epoch: network.epoch,
      trainLoss: network.trainLoss,
      learningTime: learningRate * updates * network.epoch,
      value: found.estimate,
      standardError: found.standardError,
      atStop: network.epoch === stop,
    }];
  });
}

/** The value of a measure with the most directions; all other parameters as asked. */
function bestMeasurement(
  { measures }: NetworkRecord,
  text: string,
): NetworkRecord["measures"][number] | undefined {
  const { name, parameters } = openMeasure(text);
  const { directions: _, ...others } = parameters;
  return measures
    .filter(({ measure, protocol }) =>
      measure === name &&
      Object.entries(others).every(([key, value]) => protocol[key] === value)
    )
    .toSorted((a, b) => Number(b.protocol.directions ?? 0) - Number(a.protocol.directions ?? 0))[0];
}
