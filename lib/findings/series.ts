/**
 * What is compared, and where: series of cells, at a stop or at equal full-set loss, in a measure.
 *
 * @module
 */
import { scientific } from "~/lib/files/numbers.ts";
import type { End } from "~/lib/findings/contrast.ts";
import { listCurves, LOSS_LEVELS, valueAtLoss } from "~/lib/findings/curves.ts";
import { type Records, type Runs, summariseCells } from "~/lib/results.ts";
import {
  type Cell,
  type EffectName,
  EFFECTS,
  effectValue,
  listCells,
  type Study,
} from "~/lib/study.ts";

/** Cells that differ in one factor, by ascending value. */
export interface Series {
  readonly effect: EffectName;
  readonly optimizer: string;
  /** Whether the optimizer is compared, cell by cell, with the study's first: the reference. */
  readonly isAgainst: boolean;
  readonly reference: string;
  /** "SGD, learning rate (batch size 128)", "AdaGrad against SGD, by learning rate". */
  readonly subject: string;
  readonly cells: readonly Cell[];
  nameOf(cell: Cell): string;
}

/** Somewhere cells have values. */
export interface Place {
  /** At the study's first stop in its first measure, there in another, or at equal loss. */
  readonly where: "stop" | "measure" | "loss";
  /** "at cumulative:1e-3", "at 1.3 nats". */
  readonly place: string;
  /** Of the full-set loss in nats, at equal loss. */
  readonly level?: number;
  /** A measure's text. */
  readonly measure: string;
  /** A cell's values, of no seed where there are none. */
  valuesOf(cell: Cell): Omit<End, "name">;
}

/**
 * The series of a study: each effect for each optimizer, and the pairs that have their learning rate /
 * batch size in common, by batch size, where there are several; then every optimizer against the first.
 */
export function listSeries(study: Study): Series[] {
  const [reference = ""] = study.grid.optimizers;
  // Ratios that differ by rounding only are the same: 6.4e-3 / 8192 and 1e-4 / 128.
  const groups = Map.groupBy(
    listCells(study),
    (cell) =>
      `${cell.optimizer} ${cell.effect} ${
        cell.effect === "pairs" && effectValue(cell).toPrecision(9)
      }`,
  );
  const series = [...groups.values()].flatMap((cells): Series[] => {
    const { effect, optimizer } = cells[0]!;
    const isPairs = effect === "pairs";
    const { label, other, valueOf, format } = EFFECTS[isPairs ? "batch-size" : effect];
    const what = isPairs
      ? `at equal learning rate / batch size (${scientific(effectValue(cells[0]!))})`
      : `(${other(study)})`;
    return isPairs && cells.length < 2 ? [] : [{
      ...{ effect, optimizer, reference, isAgainst: false },
      subject: `${optimizer}, ${label} ${what}`,
      cells: cells.toSorted((a, b) => valueOf(a) - valueOf(b)),
      nameOf: (cell) => format(valueOf(cell)),
    }];
  });
  const against = series.filter((own) => own.effect !== "pairs" && own.optimizer !== reference);
  return [
    ...series,
    ...against.map((own) => ({
      ...{ ...own, isAgainst: true },
      subject: `${own.optimizer} against ${reference}, by ${EFFECTS[own.effect].label}`,
    })),
  ];
}

/**
 * A measure of a study's networks at the stop of `runs`.
 *
 * @param where "stop" for the study's first stop and measure.
 */
export function atStop(
  study: Study,
  runs: Runs,
  measure: string,
  where: "stop" | "measure" = "measure",
): Place {
  const cells = new Map(summariseCells(study, runs, measure).map((cell) => [keyOf(cell), cell]));
  return {
    ...{ where, place: `at ${runs[0]?.stop ?? study.stops[0] ?? ""}`, measure },
    valuesOf: (cell) => {
      const { bySeed = new Map(), trainLoss: loss = null } = cells.get(keyOf(cell)) ?? {};
      return { bySeed, loss };
    },
  };
}

/** A measure where trajectories pass the levels of the full-set loss, one place a level. */
export function atLossLevels(study: Study, records: Records, measure: string): Place[] {
  const curves = Map.groupBy(listCurves(study, records, measure), ({ cell }) => keyOf(cell));
  return LOSS_LEVELS.map((level): Place => ({
    ...{ where: "loss", place: `at ${level} nats`, level, measure },
    valuesOf: (cell) => {
      const found = (curves.get(keyOf(cell)) ?? []).flatMap(({ seed, points }) => {
        const value = valueAtLoss(points, level);
        return value === null ? [] : [{ seed, ...value }];
      });
      return {
        bySeed: new Map(found.map(({ seed, value }) => [seed, value])),
        others: new Map(found.map(({ seed, cubic }) => [seed, cubic])),
        loss: level,
      };
    },
  }));
}

/**
 * The two values that lie furthest apart of those with two or more seeds in common, which is what a
 * paired interval needs; the more seeds, where several are as far apart. Where no two have that: the
 * first and the last.
 *
 * @param ends By ascending value, each with values.
 */
export function endsOf<T extends Pick<End, "bySeed">>(
  ends: readonly T[],
): readonly [first: T | undefined, last: T | undefined] {
  const seeds = ends.map(({ bySeed }) => new Set(bySeed.keys()));
  const pairs = ends.flatMap((first, i) =>
    ends.slice(i + 1).map((last, span) => ({
      ...{ first, last, span },
      n: seeds[i]!.intersection(seeds[i + 1 + span]!).size,
    }))
  );
  const [best] = pairs.filter(({ n }) => n >= 2).sort((a, b) => b.span - a.span || b.n - a.n);
  return best === undefined ? [ends[0], ends.at(-1)] : [best.first, best.last];
}

function keyOf({ effect, optimizer, learningRate, batchSize }: Cell): string {
  return `${effect} ${optimizer} ${learningRate} ${batchSize}`;
}
