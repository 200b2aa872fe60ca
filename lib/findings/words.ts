/**
 * How sentences name values, intervals and stops.
 *
 * @module
 */
import { significant, toSpread } from "~/lib/files/numbers.ts";
import { type Interval, intervalOf, type TauInterval } from "~/lib/statistics.ts";

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

/** "0.438 [0.345, 0.530]"; nothing for no value. */
export function formatEstimate(mean: number | null, interval: Interval | null): string {
  if (mean === null) return "";
  return formatMean(mean, interval) + (interval === null ? "" : ` ${formatInterval(interval)}`);
}

/** "0.81 [0.52, 0.95]"; nothing where there is no tau. */
export function formatTau(rank: TauInterval | undefined): string {
  if (rank === undefined || rank.tau === null) return "";
  const interval = intervalOf(rank);
  return significant(rank.tau, 2) + (interval === null ? "" : ` ${formatInterval(interval)}`);
}

/** "a, b and c". */
export function enumerate(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** What a stop is, in a few words. */
export function stopInWords(stop: string): string {
  const [rule, value, count = "five"] = stop.split(":");
  switch (rule) {
    case "cumulative":
      return `${count} epochs, wherever they lay, changed the epoch loss by less than ${value} nats`;
    case "consecutive":
      return `${count} epochs in a row changed the epoch loss by less than ${value} nats`;
    case "loss":
      return `the epoch loss has come down to ${value} nats`;
    default:
      return `after ${value} epochs`;
  }
}
