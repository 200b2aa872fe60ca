/**
 * How sentences name values, intervals and lists.
 *
 * @module
 */
import { significant, toSpread, unitAfter } from "~/lib/files/numbers.ts";
import type { Interval, MeanInterval, TauInterval } from "~/lib/statistics.ts";

/**
 * "0.438 nats [0.345, 0.530]": a mean to the digits that its interval leaves meaning, or to three where
 * there is none, the ends to two digits of the width; nothing for no mean.
 */
export function formatEstimate(
  value: Pick<MeanInterval, "mean" | "interval"> | null,
  unit = "1",
): string {
  if (value === null) return "";
  const { mean, interval } = value;
  const spread = interval === null ? 0 : (interval[1] - interval[0]) / 2;
  const units = unitAfter("value", unit.replace("^2", "²"));
  return toSpread(mean, spread) + units + formatInterval(interval);
}

/** "0.81 [0.52, 0.95], 20 pairs"; nothing where there is no tau. */
export function formatTau({ tau, interval, pairs }: TauInterval): string {
  return tau === null ? "" : `${significant(tau, 2)}${formatInterval(interval)}, ${pairs} pairs`;
}

/** "a, b and c". */
export function enumerate(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join("") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}

/** " [−1.31, −1.25]", to two digits of its width; an end that these would make 0 has one of its own. */
function formatInterval(interval: Interval | null): string {
  if (interval === null) return "";
  const [low, high] = interval.map((end) => {
    const text = toSpread(end, (interval[1] - interval[0]) / 2);
    return end !== 0 && Number(text) === 0 ? significant(end, 1) : text;
  });
  return ` [${low}, ${high}]`;
}
