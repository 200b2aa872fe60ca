/**
 * A measure along a trajectory, and its value where the full-set loss passes a level.
 *
 * @module
 */
import { currentName, openMeasure } from "~/lib/measure.ts";
import {
  endOf,
  locateStop,
  type Measurement,
  type NetworkRecord,
  type TrajectoryRecord,
} from "~/lib/results.ts";
import { meanInterval } from "~/lib/statistics.ts";
import { type Cell, type EffectName, listCells, type Study, trajectoryOf } from "~/lib/study.ts";
import { trajectoryPath } from "~/lib/trainer.ts";

/** A network of a trajectory with the value of a measure. */
export interface CurvePoint {
  readonly epoch: number;
  /** Full-set loss in nats. */
  readonly trainLoss: number;
  /** Learning rate x updates so far, the time of gradient flow. */
  readonly learningTime: number;
  /** The mean over the first K directions, which all curves that are compared have. */
  readonly value: number;
  /** Whether it is the network at the study's first stop. */
  readonly atStop: boolean;
}

/** A measure along one trajectory. */
export interface Curve {
  readonly cell: Cell;
  readonly seed: number;
  /** K; null where the measure has no directions. */
  readonly directions: number | null;
  /** By epoch, ascending. */
  readonly points: readonly CurvePoint[];
}

/** Which curves are wanted. */
export interface CurveOptions {
  /** A measure's text; values with any number of directions count. Default "antithetic". */
  readonly measure?: string;
  /** Default: every effect of the study. */
  readonly effects?: readonly EffectName[];
}

/** What curves show unless told otherwise: sharpness without the slope's noise. */
export const CURVE_MEASURE = "antithetic";

/** Nats from one level that is tried to the next. */
const LEVEL_STEP = 0.1;
/** Cross-entropy of 10 classes lies between 0.28 and 2.3 nats; levels are tried up to here. */
const HIGHEST_LEVEL = 2.5;

/**
 * The curves of a study's trajectories that have a network with the measure, in the order of
 * `listCells`, seed by seed.
 *
 * Values are means over the first K directions, K the fewest that one of the networks has: so all have
 * the same directions, whose differences from one another cancel in a pair.
 */
export function listCurves(
  study: Study,
  records: readonly TrajectoryRecord[],
  { measure = CURVE_MEASURE, effects = study.grid.effects }: CurveOptions = {},
): Curve[] {
  const byPath = new Map(
    records.map((record) => [trajectoryPath(record.content.trajectory), record]),
  );
  const found = listCells({ grid: { ...study.grid, effects } }).flatMap((cell) =>
    study.grid.seeds.flatMap((seed) => {
      const record = byPath.get(trajectoryPath(trajectoryOf(study, cell, seed)));
      const networks = record === undefined ? [] : networksWith(study, record, measure);
      return networks.length === 0 ? [] : [{ cell, seed, networks }];
    })
  );
  const counts = found.flatMap(({ networks }) =>
    networks.flatMap(({ measurement }) => samplesOf(measurement)?.length ?? [])
  );
  const directions = counts.length === 0 ? null : Math.min(...counts);
  return found.map(({ cell, seed, networks }): Curve => ({
    ...{ cell, seed, directions },
    points: networks.map(({ measurement, ...point }) => (
      { ...point, value: meanOver(measurement, directions) }
    )),
  }));
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

/** The values of one cell's curves at a level of the full-set loss, by seed; those without are left out. */
export function valuesAtLoss(curves: readonly Curve[], level: number): Map<number, number> {
  return new Map(curves.flatMap(({ seed, points }) => {
    const found = valueAtLoss(points, level);
    return found === null ? [] : [[seed, found] as const];
  }));
}

/**
 * The level of the full-set loss, a multiple of 0.1 nats, that the most trajectories pass between two
 * of their networks; of several the lowest. Null where no trajectory passes one.
 */
export function commonLevel(curves: readonly Curve[]): number | null {
  let best: { level: number; count: number } | null = null;
  for (let step = Math.round(HIGHEST_LEVEL / LEVEL_STEP); step > 0; step--) {
    const level = Number((step * LEVEL_STEP).toFixed(10));
    const count = curves.filter(({ points }) => valueAtLoss(points, level) !== null).length;
    if (count > 0 && count >= (best?.count ?? 0)) best = { level, count };
  }
  return best?.level ?? null;
}

type NetworkWith = Omit<CurvePoint, "value"> & { readonly measurement: Measurement };

/** A trajectory's networks that have the measure, with the most directions each. */
function networksWith(
  study: Study,
  { content }: TrajectoryRecord,
  text: string,
): NetworkWith[] {
  const { images, learningRate, batchSize } = content.trajectory;
  const updates = Math.ceil(images / batchSize);
  const stop = study.stops[0] === undefined
    ? undefined
    : locateStop(study, study.stops[0], content)?.epoch;
  const end = endOf(study, content.epochLosses);
  return content.networks.flatMap((network): NetworkWith[] => {
    const measurement = bestMeasurement(network, text);
    if (measurement === undefined || network.epoch > end) return [];
    return [{
      epoch: network.epoch,
      trainLoss: network.trainLoss,
      learningTime: learningRate * updates * network.epoch,
      atStop: network.epoch === stop,
      measurement,
    }];
  });
}

/** The value of a measure with the most directions; all other parameters as asked. */
function bestMeasurement(
  { measures }: NetworkRecord,
  text: string,
): Measurement | undefined {
  const { name, parameters } = openMeasure(text);
  const { directions: _, ...others } = parameters;
  return measures
    .filter(({ measure, protocol }) =>
      currentName(measure) === name &&
      Object.entries(others).every(([key, value]) => protocol[key] === value)
    )
    .toSorted((a, b) => Number(b.protocol.directions ?? 0) - Number(a.protocol.directions ?? 0))[0];
}

/** A value a direction, in the directions' order; undefined where the measure has none. */
function samplesOf({ samples }: Measurement): readonly number[] | undefined {
  return Array.isArray(samples) ? samples : undefined;
}

function meanOver(measurement: Measurement, directions: number | null): number {
  const samples = samplesOf(measurement);
  return samples === undefined || directions === null
    ? measurement.estimate
    : meanInterval(samples.slice(0, directions)).mean;
}
