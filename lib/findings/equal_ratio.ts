/**
 * Whether an effect of the batch size is left where the learning rate grows with it.
 *
 * @module
 */
import { scientific } from "~/lib/files/numbers.ts";
import { CURVE_MEASURE, listCurves } from "~/lib/findings/curves.ts";
import { endsOf } from "~/lib/findings/ends.ts";
import { compareAtLoss } from "~/lib/findings/equal_loss.ts";
import { type BriefFinding, type Finding, intervalOf, signOf } from "~/lib/findings/finding.ts";
import { VERDICT_TEXT, verdictOf } from "~/lib/findings/verdict.ts";
import { enumerate, formatDifference, formatEnds, formatEstimate } from "~/lib/findings/words.ts";
import { openMeasure } from "~/lib/measure.ts";
import {
  type CellSummary,
  type Interval,
  type RunResult,
  summariseCells,
  type TrajectoryRecord,
  valueBySeed,
} from "~/lib/results.ts";
import { type PairedDifference, pairedDifference } from "~/lib/statistics.ts";
import { type Cell, effectValue, listCells, type Study } from "~/lib/study.ts";

/** Ratios that differ by rounding only are the same: 6.4e-3 / 8192 and 1e-4 / 128. */
const DIGITS = 9;

/**
 * Compares, for every optimizer and every learning rate / batch size that several of a study's pairs
 * have, the pair of the largest batch with that of the smallest (see `endsOf`), and this with the
 * same batch sizes at one learning rate where the study has the effect "batch-size" too: there the
 * effect vanishes where the interval at equal ratio lies within a fifth of it (see `verdictOf`).
 *
 * @param runs Of one stop; pairs without a result are named.
 */
export function effectsAtEqualRatio(study: Study, runs: readonly RunResult[]): Finding[] {
  const cells = summariseCells(study, runs);
  const stop = runs[0]?.stop ?? study.stops[0] ?? "";
  return byRatio(cells).map((group) => {
    const sorted = group.toSorted((a, b) => a.batchSize - b.batchSize);
    const series = sorted.filter(({ value }) => value !== null);
    const absent = sorted.filter((cell) => !series.includes(cell));
    const missing = absent.length === 0
      ? ""
      : ` Missing: ${enumerate(absent.map(({ batchSize }) => String(batchSize)))}.`;
    const [first, last] = endsOf(series, (cell) => valueBySeed(cell).keys());
    if (first === undefined || last === undefined || first === last) {
      const text =
        `${subjectOf(sorted[0]!)}, at ${stop}: not settled, as fewer than two pairs have ` +
        `a result.${missing}`;
      return { text, kind: "not settled", n: 0, interval: null, stop };
    }
    const [firstThere, lastThere] = [first, last].map(({ optimizer, batchSize }) =>
      cells.find((cell) =>
        cell.effect === "batch-size" && cell.optimizer === optimizer &&
        cell.batchSize === batchSize && cell.value !== null
      )
    );
    const finding = judge([first, last], [firstThere, lastThere], stop);
    return { ...finding, text: finding.text + missing };
  });
}

/** The same where the full-set loss is equal too: a sentence for every optimizer and ratio. */
export function ratiosAtEqualLoss(
  study: Study,
  records: readonly TrajectoryRecord[],
): BriefFinding[] {
  const curves = listCurves(study, records, { effects: ["pairs"] });
  return byRatio(listCells(study)).map((cells) =>
    compareAtLoss({
      subject: subjectOf(cells[0]!),
      stop: study.stops[0] ?? "",
      measure: CURVE_MEASURE,
      level: undefined,
      curves: curves.filter(({ cell }) => ratioOf(cell) === ratioOf(cells[0]!)),
      cells,
      valueOf: ({ batchSize }) => batchSize,
      nameOf: String,
    })
  );
}

/** The pairs of an optimizer that have a ratio in common, where there are several. */
function byRatio<T extends Cell>(cells: readonly T[]): T[][] {
  const groups = Map.groupBy(cells.filter(({ effect }) => effect === "pairs"), ratioOf);
  return [...groups.values()].filter(({ length }) => length > 1);
}

/** Of a pair: what those have in common that are compared. */
function ratioOf(pair: Cell): string {
  return `${pair.optimizer} ${effectValue(pair).toPrecision(DIGITS)}`;
}

function subjectOf(pair: Cell): string {
  const ratio = scientific(effectValue(pair));
  return `${pair.optimizer}, batch size at equal learning rate / batch size (${ratio})`;
}

/** One ratio's sentence. */
function judge(
  [first, last]: readonly [CellSummary, CellSummary],
  [firstThere, lastThere]: readonly (CellSummary | undefined)[],
  stop: string,
): Finding {
  const { label, unit } = openMeasure(first.measure);
  const subject = `${subjectOf(first)}, at ${stop}`;
  const [difference, interval] = compare(first, last);
  const n = difference?.n ?? 0;
  if (difference === null || interval === null) {
    const why = n === 1 ? "one seed gives no interval" : "there is no seed in common";
    return { text: `${subject}: not settled, as ${why}.`, kind: "not settled", n, interval, stop };
  }
  const way = `${formatEnds([first, last], unit, ({ batchSize }) => String(batchSize))}, ` +
    `paired difference ${formatDifference(difference, interval, unit)}`;
  const [there, intervalThere] = compare(firstThere, lastThere);
  if (there !== null && intervalThere !== null) {
    const margin = Math.abs(there.mean) / 5;
    const kind = verdictOf({ reference: intervalThere, other: interval, margin });
    const text = `${subject}: the effect on ${label} ${VERDICT_TEXT[kind]}: it goes ${way}; at a ` +
      `learning rate of ${scientific(firstThere!.learningRate)} the paired difference is ` +
      `${formatEstimate(there.mean, intervalThere, unit)}.`;
    return { text, kind, n, interval, stop };
  }
  const sign = signOf(interval);
  const kind = sign < 0 ? "falls" : sign > 0 ? "rises" : "not settled";
  const text = sign === 0
    ? `${subject}: whether ${label} changes is not settled by these runs: it goes ${way}.`
    : `${subject}: ${label} ${kind} ${way}.`;
  return { text, kind, n, interval, stop };
}

function compare(
  first: CellSummary | undefined,
  last: CellSummary | undefined,
): [PairedDifference | null, Interval | null] {
  const difference = first === undefined || last === undefined
    ? null
    : pairedDifference(valueBySeed(last), valueBySeed(first));
  return [difference, intervalOf(difference)];
}
