/**
 * How measures, and baselines that need no measuring, rank networks against how they generalize.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import { plural, significant } from "~/lib/files/numbers.ts";
import { remember } from "~/lib/files/remember.ts";
import { enumerate, formatInterval } from "~/lib/findings/words.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { type RunResult, tableOf } from "~/lib/results.ts";
import { type RankedCell, type TauInterval, tauInterval } from "~/lib/statistics.ts";
import { byCell, type EffectName, EFFECTS, listCells, type Study } from "~/lib/study.ts";

/** Of the bootstrap's draws; any number does. */
const BOOTSTRAP_SEED = 20_251_107;

/** What networks are ranked against: test loss - training loss, or the share of wrong test images. */
export type RankTarget = "gap" | "test error";

/** Kendall's tau of one measure with the target, over one group of cells or the mean over all groups. */
export interface MeasureRank extends TauInterval {
  /** Canonical text, or a baseline's name. */
  readonly measure: string;
  readonly label: string;
  readonly isBaseline: boolean;
  readonly target: RankTarget;
  /** "all groups", or "learning rate, SGD". */
  readonly group: string;
  readonly effect: EffectName | null;
  readonly optimizer: string | null;
}

type ValueOf = (run: RunResult) => number | null | undefined;

/** Minus the training loss ranks the gap by itself: what a measure adds shows beside these only. */
const BASELINES: Readonly<Record<string, ValueOf>> = {
  "minus training loss": ({ training: { trainLoss } }) => trainLoss && -trainLoss,
  "weight norm": ({ training }) => training.weightNorm,
  "distance from the start": ({ training }) => training.distance,
  epochs: ({ training }) => training.epochs,
};
const TARGETS: Readonly<Record<RankTarget, ValueOf>> = {
  gap: ({ training: { trainLoss, testLoss } }) =>
    trainLoss === null || testLoss === null ? null : testLoss - trainLoss,
  "test error": ({ training: { testAccuracy } }) => testAccuracy === null ? null : 1 - testAccuracy,
};

/**
 * Kendall's tau between each measure and the target, over cells that differ in one factor, group by
 * group, with the bootstrap interval over seeds and cells of `tauInterval`; then the mean over groups,
 * where all of them have the same sign.
 *
 * @param runs Of one stop.
 * @returns Baselines first, then the study's measures that are in the runs, each with its groups and
 * then all of them; those of which no tau can be had are left out.
 */
export const rankMeasures: (
  study: Study,
  runs: readonly RunResult[],
  target?: RankTarget,
) => readonly MeasureRank[] = remember((study, runs, target = "gap") => {
  const runsOf = byCell(study, runs, ({ config }) => config);
  // Pairs differ in both factors.
  const cells = listCells(study).filter(({ effect }) => effect !== "pairs")
    .map((cell) => ({ ...cell, runs: runsOf(cell) }));
  const groups = Map.groupBy(cells, ({ effect, optimizer }) => (
    `${EFFECTS[effect].label}, ${optimizer}`
  ));
  const baselines = Object.entries(BASELINES).map(([label, valueOf]) => (
    { measure: label, label, isBaseline: true, valueOf }
  ));
  const measures = rankedMeasures(study, runs).map((measure) => ({
    ...{ measure, label: parseMeasure(measure).label, isBaseline: false },
    valueOf: (({ measures }) => measures[measure]?.estimate) as ValueOf,
  })).filter(({ label }) => !(label in BASELINES));
  const tauOf = (ranked: readonly (readonly RankedCell[])[]): TauInterval =>
    tauInterval(ranked, { seed: BOOTSTRAP_SEED });
  return [...baselines, ...measures].flatMap(({ valueOf, ...named }) => {
    const ranked = [...groups].map(([group, [...own]]) => ({
      ...{ ...named, target, group, effect: own[0]!.effect, optimizer: own[0]!.optimizer },
      values: own.map(({ runs }): RankedCell => {
        const both = runs.filter((run) => isNumber(valueOf(run)) && isNumber(TARGETS[target](run)));
        const mapOf = (of: ValueOf): Map<number, number> =>
          new Map(both.map((run) => [run.config.seed, of(run)!]));
        return { x: mapOf(valueOf), y: mapOf(TARGETS[target]) };
      }).filter(({ x }) => x.size > 0),
    }));
    const each = ranked.map(({ values, ...about }): MeasureRank => (
      { ...tauOf([values]), ...about }
    )).filter(({ tau }) => tau !== null);
    const isOneWay = new Set(each.map(({ tau }) => Math.sign(tau!))).size === 1;
    const all = { ...named, target, group: "all groups", effect: null, optimizer: null };
    return isOneWay ? [...each, { ...tauOf(ranked.map(({ values }) => values)), ...all }] : each;
  });
});

/** The measures of the first stop that are in the runs and are no outcome themselves. */
export function rankedMeasures(study: Study, runs: readonly RunResult[]): string[] {
  const had = new Set(runs.flatMap(({ measures }) => Object.keys(measures)));
  return study.measures.first.filter((text) => had.has(text) && !parseMeasure(text).isOutcome);
}

/**
 * What the baselines do, then of how many measures tau has one sign in every group, and of how many it
 * has not; up to three are named. No sentence without ranks.
 */
export function rankSentences(ranks: readonly MeasureRank[]): string[] {
  const own = ranks.filter(({ effect }) => effect !== null);
  if (own.length === 0) return [];
  const groups = plural(new Set(own.map(({ group }) => group)).size, "group");
  const target = own[0]!.target === "gap" ? "the generalization gap" : "the test error";
  const byMeasure = [...Map.groupBy(own, ({ measure }) => measure).values()].map((all) => {
    const taus = all.map(({ tau }) => tau!);
    return { rank: all[0]!, groups: all.length, low: Math.min(...taus), high: Math.max(...taus) };
  });
  const baselines = byMeasure.filter(({ rank }) => rank.isBaseline)
    .map(({ rank, low, high }) => {
      const ends = [...new Set([low, high].map((tau) => significant(tau, 2)))];
      return `${ends.join(" to ")} of ${rank.label}`;
    });
  const most = Math.max(...byMeasure.map(({ groups }) => groups));
  const whole = byMeasure.filter((one) => !one.rank.isBaseline && one.groups === most);
  const namesOf = (some: typeof whole): string =>
    some.length === 0 ? "none" : String(some.length) +
      (some.length > 3 ? "" : ` (${enumerate(some.map(({ rank }) => rank.label))})`);
  const above = whole.filter(({ low }) => low > 0);
  const below = whole.filter(({ high }) => high < 0);
  const mixed = whole.filter(({ low, high }) => low <= 0 && high >= 0);
  const seeds = plural(Math.max(...own.map(({ seeds }) => seeds.length)), "seed");
  return [
    ...(baselines.length === 0 ? [] : [
      `Kendall's tau with ${target}, in ${groups}, is ${
        enumerate(baselines)
      }: these baselines need ` +
      "no measuring.",
    ]),
    `Of ${plural(whole.length, "measure")}, tau is above 0 in every group for ${namesOf(above)}, ` +
    `below 0 in every group for ${namesOf(below)}, and has no one sign for ${namesOf(mixed)} ` +
    `(n = ${seeds}).`,
  ];
}

/** One row a measure, baselines first: Kendall's tau in each group and in all, with intervals. */
export function rankTable(ranks: readonly MeasureRank[]): ColumnTable {
  const groups = [...new Set(ranks.map(({ group }) => group))];
  return tableOf<MeasureRank[]>({
    measure: ([rank]) => rank!.label + (rank!.isBaseline ? " (baseline)" : ""),
    ...Object.fromEntries(
      groups.map((group) => [group, (own) => formatTau(own.find((rank) => rank.group === group))]),
    ),
    seeds: (own) => Math.max(...own.map(({ seeds }) => seeds.length)),
  }, [...Map.groupBy(ranks, ({ measure }) => measure).values()]);
}

/** "0.81 [0.52, 0.95]". */
function formatTau(rank: MeasureRank | undefined): string {
  const { tau = null, low, high } = rank ?? {};
  const interval = isNumber(low) && isNumber(high) ? ` ${formatInterval([low, high])}` : "";
  return tau === null ? "" : significant(tau, 2) + interval;
}

function isNumber(value: unknown): value is number {
  return typeof value === "number";
}
