/**
 * Where cells are compared: at a stop, or at equal full-set loss, in a measure.
 *
 * @module
 */
import { scientific } from "~/lib/files/numbers.ts";
import type { End } from "~/lib/findings/contrast.ts";
import { type Curve, valueAtLoss } from "~/lib/findings/curves.ts";
import { type Measure, openMeasure } from "~/lib/measure.ts";
import { type RunResult, summariseCells, valueBySeed } from "~/lib/results.ts";
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
  /** "SGD, learning rate (batch size 128)". */
  readonly subject: string;
  readonly cells: readonly Cell[];
  nameOf(cell: Cell): string;
}

/** Somewhere cells have values. */
export interface Place {
  /** "at cumulative:1e-3", "at 1.3 nats". */
  readonly name: string;
  readonly measure: Measure;
  /** Of the full-set loss in nats; undefined at a stop. */
  readonly level: number | undefined;
  /** A cell's values, without seeds where there are none, and its mean full-set loss in nats. */
  valuesOf(cell: Cell): Omit<End, "name"> & { readonly loss: number | null };
}

/** Ratios that differ by rounding only are the same: 6.4e-3 / 8192 and 1e-4 / 128. */
const DIGITS = 9;

/**
 * The series of a study: each effect for each optimizer, and the pairs that have their learning rate /
 * batch size in common, by batch size, where there are several.
 */
export function listSeries(study: Study): Series[] {
  const groups = Map.groupBy(
    listCells(study),
    (cell) =>
      cell.effect === "pairs"
        ? `${cell.optimizer} ${effectValue(cell).toPrecision(DIGITS)}`
        : `${cell.optimizer} ${cell.effect}`,
  );
  return [...groups.values()].flatMap((cells): Series[] => {
    const { effect, optimizer } = cells[0]!;
    const isPairs = effect === "pairs";
    const { label, other, valueOf, format } = EFFECTS[isPairs ? "batch-size" : effect];
    const what = isPairs
      ? `${label} at equal learning rate / batch size (${scientific(effectValue(cells[0]!))})`
      : `${label} (${other(study)})`;
    return isPairs && cells.length < 2 ? [] : [{
      ...{ effect, optimizer },
      subject: `${optimizer}, ${what}`,
      cells: cells.toSorted((a, b) => valueOf(a) - valueOf(b)),
      nameOf: (cell) => format(valueOf(cell)),
    }];
  });
}

/** A measure of a study's networks at the stop of `runs`. */
export function atStop(study: Study, runs: readonly RunResult[], text: string): Place {
  const stop = runs[0]?.stop ?? study.stops[0] ?? "";
  const cells = new Map(summariseCells(study, runs, text).map((cell) => [keyOf(cell), cell]));
  return {
    name: `at ${stop}`,
    measure: openMeasure(text),
    level: undefined,
    valuesOf: (cell) => {
      const found = cells.get(keyOf(cell));
      const bySeed = found === undefined ? new Map<number, number>() : valueBySeed(found);
      return { bySeed, loss: found?.trainLoss ?? null };
    },
  };
}

/** A measure where trajectories pass a level of the full-set loss. */
export function atLoss(curves: readonly Curve[], text: string, level: number): Place {
  const byCell = Map.groupBy(curves, ({ cell }) => keyOf(cell));
  return {
    name: `at ${level} nats`,
    measure: openMeasure(text),
    level,
    valuesOf: (cell) => {
      const found = (byCell.get(keyOf(cell)) ?? []).flatMap(({ seed, points }) => {
        const value = valueAtLoss(points, level);
        return value === null ? [] : [[seed, value] as const];
      });
      return {
        bySeed: new Map(found.map(([seed, { value }]) => [seed, value])),
        others: new Map(found.map(([seed, { cubic }]) => [seed, cubic])),
        loss: level,
      };
    },
  };
}

/**
 * The two values that lie furthest apart of those with two or more seeds in common, which is what a
 * paired interval needs; the more seeds, where several are as far apart. Where no two have that: the
 * first and the last.
 *
 * @param series By ascending value, each with values.
 */
export function endsOf<T extends Pick<End, "bySeed">>(
  series: readonly T[],
): readonly [first: T | undefined, last: T | undefined] {
  const seeds = series.map(({ bySeed }) => new Set(bySeed.keys()));
  const pairs = series.flatMap((first, i) =>
    series.slice(i + 1).map((last, place) => ({
      ends: [first, last] as const,
      span: place,
      n: seeds[i]!.intersection(seeds[i + 1 + place]!).size,
    }))
  );
  const [best] = pairs.filter(({ n }) => n >= 2).toSorted((a, b) => b.span - a.span || b.n - a.n);
  return best?.ends ?? [series[0], series.at(-1)];
}

function keyOf({ effect, optimizer, learningRate, batchSize }: Cell): string {
  return `${effect} ${optimizer} ${learningRate} ${batchSize}`;
}
