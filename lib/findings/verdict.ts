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
 * Judges by paired intervals: an effect vanishes where the whole interval lies within the margin, on
 * whichever side of 0; else it survives where the interval excludes 0 on the side where it was seen,
 * and turns where it does so on the other. An interval that contains 0 because it is wide settles
 * nothing.
 *
 * @param intervals `reference` of the effect where it was seen, `other` of the one elsewhere, and
 * `margin`, the size in the unit of `other` that counts as nothing.
 */
export function verdictOf(
  { reference, other, margin }: { reference: Interval; other: Interval; margin: number },
): Verdict {
  const [seen, elsewhere] = [signOf(reference), signOf(other)];
  if (seen === 0) return "not settled";
  if (other[0] >= -margin && other[1] <= margin) return "vanishes";
  return elsewhere === 0 ? "not settled" : elsewhere === seen ? "survives" : "turns";
}
