/**
 * What becomes of an effect elsewhere than where it was seen.
 *
 * @module
 */
import { signOf } from "~/lib/findings/finding.ts";
import type { Interval } from "~/lib/results.ts";

/** Survives, vanishes, turns, or not settled by these runs. */
export type Verdict = "survives" | "vanishes" | "turns" | "not settled";

/** What stands between "the effect" and "at equal loss". */
export const VERDICT_TEXT: Readonly<Record<Verdict, string>> = {
  survives: "survives",
  vanishes: "vanishes",
  turns: "turns round",
  "not settled": "is not settled by these runs",
};

/**
 * Judges by paired intervals. An effect vanishes only where it is shown to be small: an interval that
 * contains 0 because it is wide settles nothing.
 *
 * @param intervals `reference` of the effect where it was seen, `other` of the one elsewhere, and
 * `margin`, the size in the unit of `other` that counts as nothing.
 */
export function verdictOf(
  { reference, other, margin }: { reference: Interval; other: Interval; margin: number },
): Verdict {
  const [seen, elsewhere] = [signOf(reference), signOf(other)];
  if (seen === 0) return "not settled";
  if (elsewhere !== 0) return elsewhere === seen ? "survives" : "turns";
  return other[0] >= -margin && other[1] <= margin ? "vanishes" : "not settled";
}
