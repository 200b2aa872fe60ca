/**
 * What the optimizer does to a measure, cell by cell.
 *
 * @module
 */
import { commonLevel, CURVE_MEASURE, listCurves, valuesAtLoss } from "~/lib/findings/curves.ts";
import { type BriefFinding, intervalOf, signOf } from "~/lib/findings/finding.ts";
import { enumerate, formatDifference } from "~/lib/findings/words.ts";
import { openMeasure } from "~/lib/measure.ts";
import {
  listDifferences,
  type RunResult,
  summariseCells,
  type TrajectoryRecord,
} from "~/lib/results.ts";
import { type PairedDifference, pairedDifference } from "~/lib/statistics.ts";
import { type Cell, type EffectName, EFFECTS, type Study } from "~/lib/study.ts";

/** Along which cells optimizers are compared, and in what. */
export interface OptimizersOptions {
  readonly effect: EffectName;
  /** A measure's text; default: the study's first at a stop, the antithetic sharpness along training. */
  readonly measure?: string;
}

/** An optimizer against the first, within seed, in one cell. */
interface Pair extends PairedDifference {
  readonly cell: Pick<Cell, "learningRate" | "batchSize">;
  /** What follows the cell's name where the largest difference is named. */
  readonly note: string;
}

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
  { effect, measure = study.measures.first[0] ?? "sharpness" }: OptimizersOptions,
): BriefFinding[] {
  const stop = runs[0]?.stop ?? study.stops[0] ?? "";
  const cells = summariseCells(study, runs, measure).filter((cell) => cell.effect === effect);
  const all = listDifferences(study, cells).filter(({ comparison }) => comparison === "optimizer");
  return study.grid.optimizers.slice(1).map((optimizer) => {
    const pairs = all.filter(({ cell }) => cell.optimizer === optimizer)
      .map((pair): Pair => ({ ...pair, note: "" }));
    return compare(study, pairs, {
      ...{ effect, optimizer, measure, stop },
      where: `at ${stop}`,
      without: "no cell has both",
    });
  });
}

/**
 * The same at equal full-set loss: in every cell at the level that most of its trajectories pass, of
 * both optimizers (see `commonLevel`).
 *
 * @returns One sentence an optimizer but the first.
 */
export function optimizersAtEqualLoss(
  study: Study,
  records: readonly TrajectoryRecord[],
  { effect, measure = CURVE_MEASURE }: OptimizersOptions,
): BriefFinding[] {
  const [reference, ...others] = study.grid.optimizers;
  const stop = study.stops[0] ?? "";
  const curves = listCurves(study, records, { measure, effects: [effect] });
  return others.map((optimizer) => {
    const own = curves.filter(({ cell }) => [reference, optimizer].includes(cell.optimizer));
    const byCell = Map.groupBy(own, ({ cell }) => `${cell.learningRate} ${cell.batchSize}`);
    const pairs = [...byCell.values()].flatMap((group): Pair[] => {
      const level = commonLevel(group);
      if (level === null) return [];
      const [minuend, subtrahend] = [optimizer, reference].map((name) =>
        valuesAtLoss(group.filter(({ cell }) => cell.optimizer === name), level)
      );
      const difference = pairedDifference(minuend!, subtrahend!);
      const note = ` (${level} nats)`;
      return difference === null ? [] : [{ ...difference, cell: group[0]!.cell, note }];
    });
    return compare(study, pairs, {
      ...{ effect, optimizer, measure, stop },
      where: "at equal full-set loss",
      without: "in no cell have both two networks with a common loss between them",
    });
  });
}

/** What a sentence is about: "AdaGrad against SGD, by learning rate". */
export function againstSubject(
  { grid: { optimizers } }: Study,
  { effect, optimizer }: { readonly effect: EffectName; readonly optimizer: string },
): string {
  return `${optimizer} against ${optimizers[0]}, by ${EFFECTS[effect].label}`;
}

function compare(
  study: Study,
  pairs: readonly Pair[],
  { effect, optimizer, measure, stop, where, without }: Required<OptimizersOptions> & {
    optimizer: string;
    stop: string;
    where: string;
    /** Why there is no pair. */
    without: string;
  },
): BriefFinding {
  const subject = `${againstSubject(study, { effect, optimizer })}, ${where}`;
  const settled = pairs.filter((pair) => intervalOf(pair) !== null);
  const [widest] = settled.toSorted((a, b) => Math.abs(b.mean) - Math.abs(a.mean));
  if (widest === undefined) {
    const why = pairs.length === 0 ? without : "one seed gives no interval";
    const text = `${subject}: not settled, as ${why}.`;
    return {
      text,
      brief: "not settled",
      kind: "not settled",
      n: pairs[0]?.n ?? 0,
      interval: null,
      stop,
    };
  }
  const { label, unit } = openMeasure(measure);
  const counts = [[-1, "lower"], [1, "higher"], [0, "not settled"]].map(([sign, word]) => ({
    word,
    count: settled.filter((pair) => signOf(intervalOf(pair)) === sign).length,
  }));
  const [below, above] = counts.map(({ count }) => count);
  const { cell: { learningRate, batchSize }, note } = widest;
  const interval = intervalOf(widest)!;
  const how = counts.filter(({ count }) => count > 0).map(({ word, count }) =>
    `${word} in ${count}`
  );
  const brief = `${enumerate(how)} of ${settled.length} cells`;
  return {
    text: `${subject}: ${label} is ${brief}; the largest paired difference, at learning rate ` +
      `${EFFECTS["learning-rate"].format(learningRate)} and batch size ${batchSize}${note}, is ` +
      `${formatDifference(widest, interval, unit)}.`,
    brief,
    kind: below === settled.length ? "falls" : above === settled.length ? "rises" : "not settled",
    n: widest.n,
    interval,
    stop,
  };
}
