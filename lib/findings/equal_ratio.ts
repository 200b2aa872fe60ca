/**
 * Whether cells of equal learning rate / batch size are equally sharp.
 *
 * @module
 */
import { type Finding, type FindingKind, intervalOf, signOf } from "~/lib/findings/finding.ts";
import { formatDifference } from "~/lib/findings/words.ts";
import { scientific } from "~/lib/files/numbers.ts";
import { openMeasure } from "~/lib/measure.ts";
import { type RunResult, sharpnessBySeed, summariseCells } from "~/lib/results.ts";
import { pairedDifference } from "~/lib/statistics.ts";
import type { Study } from "~/lib/study.ts";

/** Ratios that differ by rounding only are the same: 6.4e-3 / 8192 and 1e-4 / 128. */
const DIGITS = 9;

/**
 * Compares, for every optimizer and every learning rate / batch size that several of a study's pairs
 * have, the pair of the largest batch with that of the smallest.
 *
 * The kind is "vanishes" where the interval contains 0 and lies within a fifth of the larger value.
 *
 * @param runs Of one stop.
 */
export function effectsAtEqualRatio(study: Study, runs: readonly RunResult[]): Finding[] {
  const stop = runs[0]?.stop ?? study.stops[0] ?? "";
  const cells = summariseCells(study, runs)
    .filter(({ effect, sharpness }) => effect === "pairs" && sharpness !== null);
  const groups = Map.groupBy(
    cells,
    ({ optimizer, learningRate, batchSize }) =>
      `${optimizer} ${(learningRate / batchSize).toPrecision(DIGITS)}`,
  );
  return [...groups.values()].flatMap((group): Finding[] => {
    const [first, last] = group.toSorted((a, b) => a.batchSize - b.batchSize)
      .filter((_, i, all) => i === 0 || i === all.length - 1);
    if (first === undefined || last === undefined) return [];
    const { label, unit } = openMeasure(first.measure);
    const ratio = scientific(first.learningRate / first.batchSize);
    const subject = `${first.optimizer}, learning rate / batch size ${ratio}, at ${stop}`;
    const difference = pairedDifference(sharpnessBySeed(last), sharpnessBySeed(first));
    const interval = intervalOf(difference);
    const n = difference?.n ?? 0;
    if (difference === null || interval === null) {
      const why = n === 1 ? "one seed gives no interval" : "there is no seed in common";
      return [{
        text: `${subject}: not settled, as ${why}.`,
        kind: "not settled",
        n,
        interval,
        stop,
      }];
    }
    const largest = Math.max(Math.abs(first.sharpness!.mean), Math.abs(last.sharpness!.mean));
    const isSmall = interval[0] >= -largest / 5 && interval[1] <= largest / 5;
    const sign = signOf(interval);
    const kind: FindingKind = sign < 0
      ? "falls"
      : sign > 0
      ? "rises"
      : isSmall
      ? "vanishes"
      : "not settled";
    const claim = {
      falls: `${label} falls`,
      rises: `${label} rises`,
      vanishes: `${label} stays the same within a fifth`,
      "not settled": `whether ${label} changes is not settled by these runs`,
    }[kind];
    const text = `${subject}: ${claim} from batch size ${first.batchSize} to ${last.batchSize}, ` +
      `paired difference ${formatDifference(difference, interval, unit)}.`;
    return [{ text, kind, n, interval, stop }];
  });
}
