/**
 * What explains sharpness where learning rate and batch size are varied at once.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import { CURVE_MEASURE, LEAD_MEASURE } from "~/lib/findings/curves.ts";
import { pairValues, tauOf, tauTable } from "~/lib/findings/rank_measures.ts";
import { atLossLevels, atStop } from "~/lib/findings/series.ts";
import { formatEstimate } from "~/lib/findings/words.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { type Records, type RunResult, type Runs, runsAt, tableOf } from "~/lib/results.ts";
import { intervalOf, type MeanInterval, meanInterval, type TauInterval } from "~/lib/statistics.ts";
import { byCell, listCells, mainMeasure, type Study } from "~/lib/study.ts";

/** What may explain it, by name: of a run. */
const EXPLANATIONS: Readonly<Record<string, (run: RunResult) => number | null>> = {
  "learning rate / batch size": ({ config }) => config.learningRate / config.batchSize,
  "learning rate": ({ config }) => config.learningRate,
  "batch size": ({ config }) => config.batchSize,
  "training loss": ({ training }) => training.trainLoss,
};

/** Kendall's tau between an explanation and a measure over all cells. */
export interface Explanation extends TauInterval {
  /** Canonical text. */
  readonly measure: string;
  readonly label: string;
  /** "with learning rate". */
  readonly group: string;
}

/**
 * Kendall's tau of every explanation with the study's measure and the scale-free one, over all cells,
 * with the bootstrap interval over seeds and cells of `tauInterval`.
 */
export function explain(study: Study, runs: Runs): Explanation[] {
  const cells = listCells(study).map(byCell(study, runs, ({ config }) => config));
  return [mainMeasure(study), LEAD_MEASURE].flatMap((measure) =>
    Object.entries(EXPLANATIONS).map(([name, valueOf]): Explanation => ({
      ...{ measure, label: parseMeasure(measure).label, group: `with ${name}` },
      ...tauOf([
        cells.map((own) => pairValues(own, valueOf, ({ measures }) => measures[measure]?.estimate)),
      ]),
    }))
  );
}

/** One row a measure, a column an explanation. */
export function explanationTable(found: readonly Explanation[]): ColumnTable {
  return tauTable("Kendall's tau of", found, { cells: ([own]) => own!.cells });
}

/** How a measure goes with both factors at one place: S = c learningRate^a batchSize^b. */
export interface FactorSlopes {
  readonly place: string;
  /** Canonical text of the measure. */
  readonly measure: string;
  /** a and b: means over seeds with 95 % t intervals. */
  readonly learningRate: MeanInterval;
  readonly batchSize: MeanInterval;
  /** a + b: 0 where only the ratio counts. */
  readonly sum: MeanInterval;
  /** Cells that every seed has there. */
  readonly cells: number;
}

/**
 * Fits log S = log c + a log(learning rate) + b log(batch size) by least squares, for each seed over the
 * cells that all seeds have, at the stop and at the levels of the full-set loss. If only learning rate /
 * batch size counts, b = -a; if only the learning rate counts, b = 0; if only the loss counts, both are
 * 0 at equal loss.
 *
 * @returns Places where both factors vary over at least four cells.
 */
export function factorSlopes(study: Study, records: Records): FactorSlopes[] {
  const { seeds } = study.grid;
  const places = [[mainMeasure(study), CURVE_MEASURE], [LEAD_MEASURE, LEAD_MEASURE]]
    .flatMap(([measure, along]) => [
      atStop(study, runsAt(study, records), measure!),
      ...atLossLevels(study, records, along!),
    ]);
  return places.flatMap(({ place, measure, valuesOf }): FactorSlopes[] => {
    const whole = listCells(study).map((cell) => ({ ...cell, ...valuesOf(cell) }))
      .filter(({ bySeed }) => seeds.every((seed) => (bySeed.get(seed) ?? 0) > 0));
    const fits = seeds.flatMap((seed) =>
      fitTwo(
        whole.map(({ learningRate, batchSize, bySeed }) =>
          [learningRate, batchSize, bySeed.get(seed)!].map(Math.log)
        ),
      ) ?? []
    );
    return whole.length < 4 || fits.length === 0 ? [] : [{
      ...{ place, measure, cells: whole.length },
      learningRate: meanInterval(fits.map(({ a }) => a)),
      batchSize: meanInterval(fits.map(({ b }) => b)),
      sum: meanInterval(fits.map(({ a, b }) => a + b)),
    }];
  });
}

/** Least squares of z on x and y with a constant; undefined where x and y do not vary apart. */
function fitTwo(rows: readonly (readonly number[])[]): { a: number; b: number } | undefined {
  const centred = [0, 1, 2].map((k) => {
    const own = rows.map((row) => row[k]!);
    const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
    return own.map((value) => value - mean);
  });
  const dot = (p: number, q: number): number =>
    centred[p]!.reduce((sum, value, i) => sum + value * centred[q]![i]!, 0);
  const [xx, yy, xy, xz, yz] = [dot(0, 0), dot(1, 1), dot(0, 1), dot(0, 2), dot(1, 2)];
  const determinant = xx * yy - xy * xy;
  if (!(determinant > 1e-9 * xx * yy)) return undefined;
  return { a: (yy * xz - xy * yz) / determinant, b: (xx * yz - xy * xz) / determinant };
}

/** One row a measure and place: the exponents of both factors. */
export function slopesTable(found: readonly FactorSlopes[]): ColumnTable {
  return tableOf<FactorSlopes>({
    measure: ({ measure }) => parseMeasure(measure).label,
    where: ({ place }) => place,
    "exponent of the learning rate": ({ learningRate }) =>
      formatEstimate(learningRate.mean, intervalOf(learningRate)),
    "of the batch size": ({ batchSize }) => formatEstimate(batchSize.mean, intervalOf(batchSize)),
    "what explains it": verdictOn,
    cells: ({ cells }) => cells,
    seeds: ({ batchSize }) => batchSize.n,
  }, found);
}

/** Which of the explanations the intervals of a, b and a + b leave. */
function verdictOn({ learningRate, batchSize, sum }: FactorSlopes): string {
  const [rate, size, both] = [learningRate, batchSize, sum].map(({ low, high }) =>
    low === null || high === null ? undefined : low <= 0 && high >= 0
  );
  if (rate === undefined) return "open";
  if (rate && size) return "neither factor";
  if (size && both) return "open";
  return size ? "learning rate alone" : both ? "their ratio" : "both, apart";
}
