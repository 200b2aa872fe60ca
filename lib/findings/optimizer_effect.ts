/**
 * What the optimizer does to a measure at a stop, cell by cell.
 *
 * @module
 */
import { type Finding, intervalOf, signOf } from "~/lib/findings/finding.ts";
import { EFFECT_NAME, enumerate, formatDifference, formatValue } from "~/lib/findings/words.ts";
import { openMeasure } from "~/lib/measure.ts";
import {
  type CellDifference,
  listDifferences,
  type RunResult,
  summariseCells,
} from "~/lib/results.ts";
import type { Effect, Study } from "~/lib/study.ts";

/**
 * Compares every other optimizer with the study's first, within seed, in all cells of an effect: in
 * how many the paired interval lies below 0, above 0, or contains it.
 *
 * @param runs Of one stop.
 * @returns One sentence an optimizer but the first; none where a study has one optimizer.
 */
export function optimizersAtStop(
  study: Study,
  runs: readonly RunResult[],
  options: { readonly effect: Effect; readonly measure?: string },
): Finding[] {
  const stop = runs[0]?.stop ?? study.stops[0] ?? "";
  const { effect } = options;
  const cells = summariseCells(study, runs, options.measure)
    .filter((cell) => cell.effect === effect);
  const [reference, ...others] = study.grid.optimizers;
  const all = listDifferences(study, cells).filter(({ comparison }) => comparison === "optimizer");
  return others.map((optimizer): Finding => {
    const pairs = all.filter(({ cell }) => cell.optimizer === optimizer);
    const subject = `${optimizer} against ${reference}, by ${EFFECT_NAME[effect]}, at ${stop}`;
    const settled = pairs.filter((pair) => intervalOf(pair) !== null);
    const [widest] = settled.toSorted((a, b) => Math.abs(b.mean) - Math.abs(a.mean));
    if (widest === undefined) {
      const why = pairs.length === 0 ? "no cell has both" : "one seed gives no interval";
      const text = `${subject}: not settled, as ${why}.`;
      return { text, kind: "not settled", n: pairs[0]?.n ?? 0, interval: null, stop };
    }
    const { measure, learningRate, batchSize } = widest.cell;
    const { label, unit } = openMeasure(measure);
    const withSign = (sign: number): CellDifference[] =>
      settled.filter((pair) => signOf(intervalOf(pair)) === sign);
    const [below, above] = [withSign(-1), withSign(1)];
    const interval = intervalOf(widest)!;
    const counts = [
      below.length > 0 && `lower in ${below.length}`,
      above.length > 0 && `higher in ${above.length}`,
      settled.length > below.length + above.length &&
      `not settled in ${settled.length - below.length - above.length}`,
    ].filter((part) => typeof part === "string");
    const kind = below.length === settled.length
      ? "falls"
      : above.length === settled.length
      ? "rises"
      : "not settled";
    return {
      text:
        `${subject}: ${label} is ${enumerate(counts)} of ${settled.length} cells; the largest ` +
        `paired difference, at learning rate ${formatValue("learning-rate", learningRate)} and ` +
        `batch size ${batchSize}, is ${formatDifference(widest, interval, unit)}.`,
      kind,
      n: widest.n,
      interval,
      stop,
    };
  });
}
