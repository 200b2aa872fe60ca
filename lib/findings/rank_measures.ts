/**
 * How measures rank networks against the generalisation gap.
 *
 * @module
 */
import { plural, plurals, significant } from "~/lib/files/numbers.ts";
import { enumerate } from "~/lib/findings/words.ts";
import { openMeasure } from "~/lib/measure.ts";
import { type RunResult, summariseCells } from "~/lib/results.ts";
import { type RankedCell, type TauInterval, tauInterval } from "~/lib/statistics.ts";
import { type EffectName, EFFECTS, listCells, type Study } from "~/lib/study.ts";

/** Of the bootstrap's draws; any number does. */
const BOOTSTRAP_SEED = 20_251_107;

/** Kendall's tau of one measure with the gap, over one group of cells or the mean over all groups. */
export interface MeasureRank extends TauInterval {
  /** Canonical text. */
  readonly measure: string;
  readonly label: string;
  /** "all groups", or "learning rate, SGD". */
  readonly group: string;
  readonly effect: EffectName | null;
  readonly optimizer: string | null;
}

/**
 * Kendall's tau between each measure and the generalisation gap (test loss - train loss), over cells
 * that differ in one factor, group by group, then the mean over groups, with the bootstrap interval
 * over seeds of `tauInterval`.
 *
 * @param runs Of one stop.
 * @param measures Canonical texts; default: the study's that are in the runs, the gap itself left out.
 * @returns Measures in this order, each with its groups and then all of them; those of which no tau
 * can be had are left out.
 */
export function rankMeasures(
  study: Study,
  runs: readonly RunResult[],
  measures: readonly string[] = rankedMeasures(study, runs),
): MeasureRank[] {
  const groups = Map.groupBy(
    // Pairs differ in both factors.
    listCells(study).filter(({ effect }) => effect !== "pairs"),
    ({ effect, optimizer }) => JSON.stringify([effect, optimizer]),
  );
  return measures.flatMap((measure) => {
    const cells = summariseCells(study, runs, measure);
    const ranked = [...groups.keys()].map((key) => {
      const [effect, optimizer] = JSON.parse(key) as [EffectName, string];
      const own = cells.filter((cell) => cell.effect === effect && cell.optimizer === optimizer);
      return {
        effect,
        optimizer,
        cells: own.map(({ bySeed }): RankedCell => {
          const values = bySeed.flatMap(({ seed, value, run: { training } }) => {
            const { trainLoss, testLoss } = training;
            const known = value !== null && trainLoss !== null && testLoss !== null;
            return known ? [{ seed, value, gap: testLoss - trainLoss }] : [];
          });
          return {
            x: new Map(values.map(({ seed, value }) => [seed, value])),
            y: new Map(values.map(({ seed, gap }) => [seed, gap])),
          };
        }).filter(({ x }) => x.size > 0),
      };
    });
    const { label } = openMeasure(measure);
    const tauOf = (parts: readonly (readonly RankedCell[])[]): TauInterval =>
      tauInterval(parts, { seed: BOOTSTRAP_SEED, resamples: 1000 });
    return [
      ...ranked.map(({ effect, optimizer, cells }): MeasureRank => ({
        ...tauOf([cells]),
        ...{ measure, label, effect, optimizer },
        group: `${EFFECTS[effect].label}, ${optimizer}`,
      })),
      {
        ...tauOf(ranked.map(({ cells }) => cells)),
        ...{ measure, label, group: "all groups", effect: null, optimizer: null },
      },
    ].filter(({ tau }) => tau !== null);
  });
}

/** The measures of the first stop that are in the runs and are not the gap itself. */
export function rankedMeasures(study: Study, runs: readonly RunResult[]): string[] {
  const had = new Set(runs.flatMap(({ measures }) => Object.keys(measures)));
  return study.measures.first.filter((text) => had.has(text) && !openMeasure(text).isOutcome);
}

/**
 * Which measures rank cells as the generalisation gap does in every group, which against it, and which
 * one way here and the other way there; those that are not in every group are named for themselves. No
 * sentence without ranks.
 */
export function rankSentences(ranks: readonly MeasureRank[]): string[] {
  const own = ranks.filter(({ effect }) => effect !== null);
  if (own.length === 0) return [];
  const groups = new Set(own.map(({ group }) => group));
  const measures = [...Map.groupBy(own, ({ measure }) => measure)];
  const [whole, partial] = [true, false].map((isWhole) =>
    measures.filter(([, all]) => (all.length === groups.size) === isWhole)
  ) as [typeof measures, typeof measures];
  const namesOf = (test: (taus: readonly number[]) => boolean): string => {
    const some = whole.filter(([, all]) => test(all.map(({ tau }) => tau!)));
    if (some.length === 0) return "none";
    if (some.length === whole.length) return `all ${some.length}`;
    return `${some.length} (${some.map(([, [rank]]) => rank!.label).join(", ")})`;
  };
  const above = (taus: readonly number[]): boolean => taus.every((tau) => tau > 0);
  const below = (taus: readonly number[]): boolean => taus.every((tau) => tau < 0);
  const cells = own.map((rank) => rank.cells);
  const seeds = Math.max(...own.map((rank) => rank.seeds.length));
  return [
    `Of ${plural(whole.length, "measure")} in ${plural(groups.size, "group")} of ` +
    `${plurals(cells, "cell")}, Kendall's tau with the gap is ` +
    `above 0 in all of them for ${namesOf(above)}, below 0 in all of them for ${namesOf(below)}, ` +
    `and changes sign, or is 0, for ${namesOf((taus) => !above(taus) && !below(taus))}; n = ${
      plural(seeds, "seed")
    }.`,
    ...partial.map(([, all]) =>
      `Not in every group: ${all[0]!.label}, ${
        enumerate(all.map(({ group, tau }) => `${significant(tau!, 2)} in ${group}`))
      }.`
    ),
  ];
}
