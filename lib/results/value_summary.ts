/**
 * A measure's mean over seeds and its intervals.
 *
 * @module
 */
import type { Measurement } from "~/lib/results/record.ts";
import { meanInterval, pooledInterval, twoWayInterval } from "~/lib/statistics.ts";

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

/** Summarises a measure's values, one a seed; at least one. */
export function summariseValues(values: readonly Measurement[]): ValueSummary {
  const overSeeds = meanInterval(values.map(({ estimate }) => estimate));
  const samples = values.map(samplesOf);
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

/** The samples of a measure that keeps them, by direction; else none. */
function samplesOf({ samples }: Measurement): readonly number[] {
  return Array.isArray(samples) ? samples : [];
}
