/**
 * A finding: one sentence about an effect, with what it stands on.
 *
 * @module
 */
import type { Interval } from "~/lib/results.ts";
import type { PairedDifference } from "~/lib/statistics.ts";

/** What an effect does: at a stop, and elsewhere in comparison with the stop. */
export type FindingKind = "falls" | "rises" | "survives" | "vanishes" | "turns" | "not settled";

/** A sentence about an effect. */
export interface Finding {
  /** Names stop, n and interval, or what is missing for them. */
  readonly text: string;
  readonly kind: FindingKind;
  /** Seeds that are compared within. */
  readonly n: number;
  /** 95 % t interval of the paired difference that decides; null where there is none. */
  readonly interval: Interval | null;
  /** Canonical text of the stop. */
  readonly stop: string;
}

/** A finding with what of it stands in a table's cell. */
export interface BriefFinding extends Finding {
  /** "falls in 5 of 6 steps, −0.40 nats [−0.42, −0.38]". */
  readonly brief: string;
}

/** The interval of a paired difference. */
export function intervalOf(difference: PairedDifference | null): Interval | null {
  return difference === null || difference.low === null || difference.high === null
    ? null
    : [difference.low, difference.high];
}

/** 1 or -1 where an interval excludes 0, 0 where it does not or there is none. */
export function signOf(interval: Interval | null): number {
  return interval === null || interval[0] * interval[1] <= 0 ? 0 : Math.sign(interval[0]);
}
