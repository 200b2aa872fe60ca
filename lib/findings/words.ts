/**
 * How sentences name values, cells and intervals.
 *
 * @module
 */
import { plural, significant, toSpread } from "~/lib/files/numbers.ts";
import type { CellSummary, Interval } from "~/lib/results.ts";
import type { PairedDifference } from "~/lib/statistics.ts";
import { type EffectName, EFFECTS, type Study } from "~/lib/study.ts";

/** What a sentence is about: "SGD, learning rate (batch size 128)". */
export function effectSubject(
  study: Study,
  { effect, optimizer }: { readonly effect: EffectName; readonly optimizer: string },
): string {
  return `${optimizer}, ${EFFECTS[effect].label} (${EFFECTS[effect].other(study)})`;
}

/** " nats", as it follows a number; nothing for a pure one. */
export function unitAfter(unit: string): string {
  return unit === "1" ? "" : ` ${unit.replace("^2", "²")}`;
}

/** "[−1.31, −1.25]", to two digits of its width. */
export function formatInterval([low, high]: Interval): string {
  return `[${toSpread(low, (high - low) / 2)}, ${toSpread(high, (high - low) / 2)}]`;
}

/** A mean to the digits that its interval leaves meaning, or to three where there is none. */
export function formatMean(mean: number, interval: Interval | null): string {
  return toSpread(mean, interval === null ? 0 : (interval[1] - interval[0]) / 2);
}

/** "−0.40 nats [−0.42, −0.38]". */
export function formatEstimate(mean: number, interval: Interval, unit: string): string {
  return `${formatMean(mean, interval)}${unitAfter(unit)} ${formatInterval(interval)}`;
}

/** "−0.40 nats, 95 % interval [−0.42, −0.38], n = 3 seeds". */
export function formatDifference(
  { mean, n }: Pick<PairedDifference, "mean" | "n">,
  interval: Interval,
  unit: string,
): string {
  return `${formatMean(mean, interval)}${unitAfter(unit)}, 95 % interval ` +
    `${formatInterval(interval)}, n = ${plural(n, "seed")}`;
}

/**
 * Two cells' means and how far their training got: "from 0.913 at 32 to 0.102 nats at 50000 (full-set
 * losses 0.766 and 2.10 nats)".
 *
 * @param ends With results for their measure.
 * @param nameOf What a cell is called.
 */
export function formatEnds(
  [first, last]: readonly [CellSummary, CellSummary],
  unit: string,
  nameOf: (cell: CellSummary) => string,
): string {
  const mean = ({ value }: CellSummary): string => formatMean(value!.mean, value!.interval);
  const losses = first.trainLoss === null || last.trainLoss === null
    ? ""
    : ` (full-set losses ${significant(first.trainLoss)} and ${significant(last.trainLoss)} nats)`;
  return `from ${mean(first)} at ${nameOf(first)} to ${mean(last)}${unitAfter(unit)} at ` +
    `${nameOf(last)}${losses}`;
}

/** "a, b and c". */
export function enumerate(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}
