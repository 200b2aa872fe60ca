/**
 * Whether an effect on sharpness shows in another measure too.
 *
 * @module
 */
import type { EffectOptions } from "~/lib/findings/effect_at_stop.ts";
import { endsOf } from "~/lib/findings/ends.ts";
import { type BriefFinding, intervalOf, signOf } from "~/lib/findings/finding.ts";
import { VERDICT_TEXT, verdictOf } from "~/lib/findings/verdict.ts";
import { effectSubject, formatDifference, formatEstimate } from "~/lib/findings/words.ts";
import { openMeasure } from "~/lib/measure.ts";
import {
  type CellSummary,
  type RunResult,
  seriesOf,
  summariseCells,
  valueBySeed,
} from "~/lib/results.ts";
import { type PairedDifference, pairedDifference } from "~/lib/statistics.ts";
import { EFFECTS, effectValue, type Study } from "~/lib/study.ts";

/** Which effect, and the other measure. */
export interface OtherMeasureOptions extends EffectOptions {
  /** Canonical text of the measure in which the effect is looked for. */
  readonly other: string;
}

/**
 * Compares an effect on one measure with the same effect on another, at one stop: paired differences
 * between the largest and the smallest value that has both.
 *
 * It vanishes where the other's interval lies within a fifth of the larger of the two values compared
 * (see `verdictOf`).
 */
export function effectInMeasure(
  study: Study,
  runs: readonly RunResult[],
  { effect, optimizer, measure, other }: OtherMeasureOptions,
): BriefFinding {
  const stop = runs[0]?.stop ?? study.stops[0] ?? "";
  const valuesOf = (text: string | undefined): CellSummary[] =>
    seriesOf(summariseCells(study, runs, text), { effect, optimizer })
      .filter(({ value }) => value !== null);
  const reference = valuesOf(measure);
  const others = valuesOf(other).filter((cell) =>
    reference.some((one) => effectValue(one) === effectValue(cell))
  );
  const { label, unit } = openMeasure(other);
  const subject = `${effectSubject(study, { effect, optimizer })}, at ${stop}`;
  const [first, last] = endsOf(others, (cell) => valueBySeed(cell).keys());
  const open = (why: string, n = 0): BriefFinding => (
    {
      text: `${subject}: ${label} is not settled, as ${why}.`,
      brief: "not settled",
      kind: "not settled",
      n,
      interval: null,
      stop,
    }
  );
  if (first === undefined || last === undefined || first === last) {
    return open("fewer than two values have both measures");
  }
  const difference = (series: readonly CellSummary[]): PairedDifference | null => {
    const at = ({ learningRate, batchSize }: CellSummary): CellSummary =>
      series.find((cell) => cell.learningRate === learningRate && cell.batchSize === batchSize)!;
    return pairedDifference(valueBySeed(at(last)), valueBySeed(at(first)));
  };
  const [seen, found] = [difference(reference), difference(others)];
  const [seenInterval, interval] = [intervalOf(seen), intervalOf(found)];
  const n = found?.n ?? 0;
  if (found === null || interval === null || seenInterval === null) {
    return open(n === 1 ? "one seed gives no interval" : "the ends have no seed in common", n);
  }
  const margin = Math.max(Math.abs(first.value!.mean), Math.abs(last.value!.mean)) / 5;
  const kind = verdictOf({ reference: seenInterval, other: interval, margin });
  const way = `from ${EFFECTS[effect].format(effectValue(first))} to ` +
    EFFECTS[effect].format(effectValue(last));
  const paired = formatDifference(found, interval, unit);
  const there = `${way} the paired difference is ${paired}.`;
  const asked = `${subject}: the effect on ${openMeasure(reference[0]!.measure).label}`;
  const text = signOf(seenInterval) === 0
    ? `${asked} is itself not settled by these runs; in ${label}, ${there}`
    : `${asked} ${VERDICT_TEXT[kind]} in ${label}: ${there}`;
  const brief = `${kind}, ${formatEstimate(found.mean, interval, unit)}`;
  return { text, brief, kind, n, interval, stop };
}
