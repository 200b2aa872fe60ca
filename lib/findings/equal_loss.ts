/**
 * Whether an effect survives where cells are compared at equal full-set loss.
 *
 * @module
 */
import {
  commonLevel,
  type Curve,
  CURVE_MEASURE,
  listCurves,
  valuesAtLoss,
} from "~/lib/findings/curves.ts";
import type { EffectOptions } from "~/lib/findings/effect_at_stop.ts";
import { endsOf } from "~/lib/findings/ends.ts";
import { type BriefFinding, intervalOf } from "~/lib/findings/finding.ts";
import { VERDICT_TEXT, verdictOf } from "~/lib/findings/verdict.ts";
import {
  effectSubject,
  enumerate,
  formatDifference,
  formatEstimate,
} from "~/lib/findings/words.ts";
import { openMeasure } from "~/lib/measure.ts";
import { type TrajectoryRecord } from "~/lib/results.ts";
import { pairedDifference } from "~/lib/statistics.ts";
import { type Cell, EFFECTS, effectValue, listCells, type Study } from "~/lib/study.ts";

/** An effect's values at equal loss. */
export interface EqualLossCell {
  /** On the effect's axis. */
  readonly value: number;
  /** The measure's value by seed where the trajectory passes the level. */
  readonly bySeed: ReadonlyMap<number, number>;
  /** Its value by seed at the study's first stop. */
  readonly atStop: ReadonlyMap<number, number>;
}

/** How cells are compared at equal loss. */
export interface EqualLossOptions extends EffectOptions {
  /** Full-set loss in nats; default: see `commonLevel`. */
  readonly level?: number;
}

/** Where a cell stands among those it is compared with. */
type ValueOf = (cell: Cell) => number;

/** An effect's cells at equal loss, by ascending value; those that no seed brings there are left out. */
export function cellsAtLoss(
  curves: readonly Curve[],
  level: number,
  valueOf: ValueOf = effectValue,
): EqualLossCell[] {
  const byValue = Map.groupBy(curves, ({ cell }) => valueOf(cell));
  return [...byValue].sort(([a], [b]) => a - b).flatMap(([value, group]) => {
    const bySeed = valuesAtLoss(group, level);
    const atStop = new Map(group.flatMap(({ seed, points }) => {
      const found = points.find((point) => point.atStop);
      return found === undefined ? [] : [[seed, found.value] as const];
    }));
    return bySeed.size === 0 ? [] : [{ value, bySeed, atStop }];
  });
}

/**
 * Compares an effect at the study's first stop with the same effect at equal full-set loss: the
 * paired difference between the largest and the smallest value whose trajectories pass the level.
 *
 * It vanishes where the interval at equal loss lies within a fifth of the effect at the stop (see
 * `verdictOf`).
 */
export function effectAtEqualLoss(
  study: Study,
  records: readonly TrajectoryRecord[],
  { effect, optimizer, measure = CURVE_MEASURE, level }: EqualLossOptions,
): BriefFinding {
  return compareAtLoss({
    subject: effectSubject(study, { effect, optimizer }),
    stop: study.stops[0] ?? "",
    measure,
    level,
    curves: listCurves(study, records, { measure, effects: [effect] })
      .filter(({ cell }) => cell.optimizer === optimizer),
    cells: listCells(study)
      .filter((cell) => cell.effect === effect && cell.optimizer === optimizer),
    valueOf: effectValue,
    nameOf: (value) => EFFECTS[effect].format(value),
  });
}

/** What is compared at equal loss, and what it is called. */
export interface EqualLossQuestion {
  /** What the sentence is about. */
  readonly subject: string;
  /** The study's first stop, where the effect was seen. */
  readonly stop: string;
  /** A measure's text. */
  readonly measure: string;
  /** Full-set loss in nats; undefined: see `commonLevel`. */
  readonly level: number | undefined;
  readonly curves: readonly Curve[];
  /** All that could be compared; those that are not are named. */
  readonly cells: readonly Cell[];
  readonly valueOf: ValueOf;
  nameOf(value: number): string;
}

/** Compares the two ends of a series of cells at the stop and at equal full-set loss. */
export function compareAtLoss(question: EqualLossQuestion): BriefFinding {
  const { subject, stop, measure, curves, valueOf, nameOf } = question;
  const at = question.level ?? commonLevel(curves);
  const open = (why: string, n = 0): BriefFinding => (
    {
      text: `${subject}, at equal loss: not settled, as ${why}.`,
      brief: "not settled",
      kind: "not settled",
      n,
      interval: null,
      stop,
    }
  );
  if (at === null) return open("no trajectory has two networks with a common loss between them");
  const cells = cellsAtLoss(curves, at, valueOf);
  const [first, last] = endsOf(cells, ({ bySeed }) => bySeed.keys());
  const place = `full-set loss ${at} nats`;
  if (first === undefined || last === undefined || first === last) {
    return open(`fewer than two values pass a full-set loss of ${at} nats`);
  }
  const equal = pairedDifference(last.bySeed, first.bySeed);
  const stopped = pairedDifference(last.atStop, first.atStop);
  const [equalInterval, stopInterval] = [intervalOf(equal), intervalOf(stopped)];
  const n = equal?.n ?? 0;
  if (equal === null || equalInterval === null || stopped === null || stopInterval === null) {
    const why = n === 1
      ? "one seed gives no interval"
      : equalInterval === null
      ? "the ends have no seed in common"
      : `the ends have no two seeds in common at ${stop}`;
    return open(`${why} (${place})`, n);
  }
  const { label, unit } = openMeasure(measure);
  const margin = Math.abs(stopped.mean) / 5;
  const kind = verdictOf({ reference: stopInterval, other: equalInterval, margin });
  const found = formatDifference(equal, equalInterval, unit);
  const way = `${nameOf(first.value)} to ${nameOf(last.value)}`;
  const text =
    `${subject}: the effect on ${label} ${VERDICT_TEXT[kind]} at equal loss (${place}): ` +
    `from ${way} the paired difference is ${found}; at ${stop} it is ` +
    `${formatEstimate(stopped.mean, stopInterval, unit)}.`;
  return {
    text: text + absent(question, cells),
    brief: `${kind} at ${at} nats, ${way}, ${formatEstimate(equal.mean, equalInterval, unit)}`,
    kind,
    n,
    interval: equalInterval,
    stop,
  };
}

/** Names the values that are not compared. */
function absent(
  { cells: all, valueOf, nameOf }: EqualLossQuestion,
  cells: readonly EqualLossCell[],
): string {
  const names = [...new Set(all.map(valueOf))].sort((a, b) => a - b)
    .filter((value) => !cells.some((cell) => cell.value === value)).map(nameOf);
  return names.length === 0 ? "" : ` Without a network on both sides of it: ${enumerate(names)}.`;
}
