/**
 * What an effect does to a measure at a stop.
 *
 * @module
 */
import { plural } from "~/lib/files/numbers.ts";
import { endsOf } from "~/lib/findings/ends.ts";
import { type BriefFinding, intervalOf, signOf } from "~/lib/findings/finding.ts";
import { missingText } from "~/lib/findings/missing.ts";
import {
  effectSubject,
  enumerate,
  formatDifference,
  formatEnds,
  formatEstimate,
} from "~/lib/findings/words.ts";
import { openMeasure } from "~/lib/measure.ts";
import {
  type CellSummary,
  type RunResult,
  seriesOf,
  summariseCells,
  valueBySeed,
} from "~/lib/results.ts";
import { pairedDifference } from "~/lib/statistics.ts";
import { type EffectName, EFFECTS, effectValue, type Study } from "~/lib/study.ts";

/** Which effect a sentence is about. */
export interface EffectOptions {
  readonly effect: EffectName;
  /** Canonical text. */
  readonly optimizer: string;
  /** Canonical text; default: the study's first. */
  readonly measure?: string;
}

/**
 * Says whether a measure falls or rises from an effect's smallest value to its largest (see `endsOf`),
 * by the paired interval between the two, and whether it does so at every step between neighbours.
 *
 * @param runs Of one stop; cells without a result are named.
 */
export function effectAtStop(
  study: Study,
  runs: readonly RunResult[],
  { effect, optimizer, measure }: EffectOptions,
): BriefFinding {
  const stop = runs[0]?.stop ?? study.stops[0] ?? "";
  const all = summariseCells(study, runs, measure)
    .filter((cell) => cell.effect === effect && cell.optimizer === optimizer);
  const series = seriesOf(all, { effect, optimizer }).filter(({ value }) => value !== null);
  const missing = missingText(study, all);
  const subject = `${effectSubject(study, { effect, optimizer })}, at ${stop}`;
  const [first, last] = endsOf(series, (cell) => valueBySeed(cell).keys());
  if (first === undefined || last === undefined || first === last) {
    const text = `${subject}: not settled, as fewer than two values have a result.${missing}`;
    return { text, brief: "not settled", kind: "not settled", n: 0, interval: null, stop };
  }
  const { label, unit } = openMeasure(first.measure);
  const difference = pairedDifference(valueBySeed(last), valueBySeed(first));
  const interval = intervalOf(difference);
  const n = difference?.n ?? 0;
  const way = formatEnds([first, last], unit, valueOf);
  if (difference === null || interval === null) {
    const why = n === 1 ? "one seed gives no interval" : "the two have no seed in common";
    const text = `${subject}: ${label} goes ${way}; not settled, as ${why}.${missing}`;
    return { text, brief: "not settled", kind: "not settled", n, interval, stop };
  }
  const sign = signOf(interval);
  const kind = sign < 0 ? "falls" : sign > 0 ? "rises" : "not settled";
  const steps = stepsOf(series);
  const paired = `paired difference ${formatDifference(difference, interval, unit)}`;
  const text = sign === 0
    ? `${subject}: whether ${label} changes is not settled by these runs: it goes ${way}, ${paired}.`
    : `${subject}: ${label} ${kind} ${way}, ${paired}; ${stepsText(steps, sign)}.`;
  const brief = `${kind}${sign === 0 ? "" : ` ${stepsBrief(steps, sign)}`}, ` +
    formatEstimate(difference.mean, interval, unit);
  return { text: text + missing, brief, kind, n, interval, stop };
}

/** From one value to the next: its sign is 0 where it is not settled. */
interface Step {
  readonly name: string;
  readonly sign: number;
}

function stepsOf(series: readonly CellSummary[]): Step[] {
  return series.slice(1).map((cell, i) => {
    const before = series[i]!;
    const sharp = pairedDifference(valueBySeed(cell), valueBySeed(before));
    return { name: `${valueOf(before)} to ${valueOf(cell)}`, sign: signOf(intervalOf(sharp)) };
  });
}

/** "in 5 of 6 steps". */
function stepsBrief(steps: readonly Step[], sign: number): string {
  const along = steps.filter((step) => step.sign === sign).length;
  return `in ${along} of ${plural(steps.length, "step")}`;
}

/** Whether every step goes the same way, and which do not. */
function stepsText(steps: readonly Step[], sign: number): string {
  const along = steps.filter((step) => step.sign === sign);
  if (along.length === steps.length) return "at every step between neighbouring values";
  const against = steps.filter((step) => step.sign === -sign).map(({ name }) => name);
  if (along.length + against.length === 0) return "no step between neighbouring values is settled";
  const [same, other] = sign < 0 ? ["falls", "rises"] : ["rises", "falls"];
  const open = steps.length - along.length - against.length;
  return [
    `of ${plural(steps.length, "step")} between neighbouring values it ${same} in ${along.length}`,
    against.length > 0 && `${other} in ${against.length} (${enumerate(against)})`,
    open > 0 && `${open} ${open === 1 ? "is" : "are"} not settled`,
  ].filter(Boolean).join(", ");
}

function valueOf(cell: CellSummary): string {
  return EFFECTS[cell.effect].format(effectValue(cell));
}
