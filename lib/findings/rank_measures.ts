/**
 * How measures, and baselines that need no measuring, rank networks against how they generalize.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import { plural, plurals, significant } from "~/lib/files/numbers.ts";
import { remember } from "~/lib/files/remember.ts";
import { enumerate, formatInterval } from "~/lib/findings/words.ts";
import { openMeasure } from "~/lib/measure.ts";
import { type RunResult, tableOf } from "~/lib/results.ts";
import { type TauInterval, tauInterval } from "~/lib/statistics.ts";
import { type EffectName, EFFECTS, listCells, type Study, trajectoryOf } from "~/lib/study.ts";
import { trajectoryPath } from "~/lib/trainer.ts";

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

type Training = RunResult["training"];
type ValueOf = (run: RunResult) => number | null | undefined;

/** Minus the training loss ranks the gap by itself: what a measure adds shows beside these only. */
const BASELINES: Readonly<Record<string, (training: Training) => number | null>> = {
  "minus training loss": ({ trainLoss }) => trainLoss && -trainLoss,
  "weight norm": ({ weightNorm }) => weightNorm,
  "distance from the start": ({ distance }) => distance,
  epochs: ({ epochs }) => epochs,
};
const TARGETS: Readonly<Record<RankTarget, (training: Training) => number | null>> = {
  gap: ({ trainLoss, testLoss }) =>
    trainLoss === null || testLoss === null ? null : testLoss - trainLoss,
  "test error": ({ testAccuracy }) => testAccuracy === null ? null : 1 - testAccuracy,
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
  const byPath = new Map(runs.map((run) => [trajectoryPath(run.config), run]));
  // Pairs differ in both factors.
  const groups = Map.groupBy(
    listCells(study).filter(({ effect }) => effect !== "pairs"),
    ({ effect, optimizer }) => `${EFFECTS[effect].label}, ${optimizer}`,
  );
  const candidates = [
    ...Object.entries(BASELINES).map(([name, of]) => ({
      ...{ measure: name, label: name, isBaseline: true },
      valueOf: (({ training }) => of(training)) as ValueOf,
    })),
    ...rankedMeasures(study, runs).map((text) => ({
      ...{ measure: text, label: openMeasure(text).label, isBaseline: false },
      valueOf: (({ measures }) => measures[text]?.estimate) as ValueOf,
    })).filter(({ label }) => !(label in BASELINES)),
  ];
  return candidates.flatMap(({ valueOf, ...named }) => {
    const ranked = [...groups].map(([group, cells]) => ({
      group,
      first: cells[0]!,
      cells: cells.map((cell) => {
        const found = study.grid.seeds.flatMap((seed) => {
          const run = byPath.get(trajectoryPath(trajectoryOf(study, cell, seed)));
          const [x, y] = run === undefined ? [] : [valueOf(run), TARGETS[target](run.training)];
          return typeof x !== "number" || typeof y !== "number" ? [] : [{ seed, x, y }];
        });
        return {
          x: new Map(found.map(({ seed, x }) => [seed, x])),
          y: new Map(found.map(({ seed, y }) => [seed, y])),
        };
      }).filter(({ x }) => x.size > 0),
    }));
    const tauOf = (cells: Parameters<typeof tauInterval>[0]): TauInterval =>
      tauInterval(cells, { seed: BOOTSTRAP_SEED, resamples: 1000 });
    const own = ranked.map(({ group, first: { effect, optimizer }, cells }): MeasureRank => ({
      ...tauOf([cells]),
      ...{ ...named, target, group, effect, optimizer },
    })).filter(({ tau }) => tau !== null);
    const agree = new Set(own.map(({ tau }) => Math.sign(tau!))).size === 1;
    const all = { ...named, target, group: "all groups", effect: null, optimizer: null };
    return agree ? [...own, { ...tauOf(ranked.map(({ cells }) => cells)), ...all }] : own;
  });
});

/** The measures of the first stop that are in the runs and are no outcome themselves. */
export function rankedMeasures(study: Study, runs: readonly RunResult[]): string[] {
  const had = new Set(runs.flatMap(({ measures }) => Object.keys(measures)));
  return study.measures.first.filter((text) => had.has(text) && !openMeasure(text).isOutcome);
}

/**
 * What the baselines do, then which measures rank cells as the target does in every group, which
 * against it, and which one way here and the other way there. No sentence without ranks.
 */
export function rankSentences(ranks: readonly MeasureRank[]): string[] {
  const own = ranks.filter(({ effect }) => effect !== null);
  if (own.length === 0) return [];
  const groups = new Set(own.map(({ group }) => group));
  const target = own[0]!.target === "gap" ? "the generalization gap" : "the test error";
  const byMeasure = [...Map.groupBy(own, ({ measure }) => measure).values()];
  const baselines = byMeasure.filter(([rank]) => rank!.isBaseline);
  const whole = byMeasure.filter((all) => !all[0]!.isBaseline && all.length === groups.size);
  const namesOf = (test: (taus: readonly number[]) => boolean): string => {
    const some = whole.filter((all) => test(all.map(({ tau }) => tau!)));
    if (some.length === 0) return "none";
    return `${some.length} (${some.map(([rank]) => rank!.label).join(", ")})`;
  };
  const above = (taus: readonly number[]): boolean => taus.every((tau) => tau > 0);
  const below = (taus: readonly number[]): boolean => taus.every((tau) => tau < 0);
  return [
    ...baselines.map((all) =>
      `Kendall's tau of ${all[0]!.label}, a baseline, with ${target}: ${
        enumerate(all.map(({ group, tau }) => `${significant(tau!, 2)} (${group})`))
      }.`
    ),
    `Of ${plural(whole.length, "measure")} in ${plural(groups.size, "group")} of ` +
    `${plurals(own.map(({ cells }) => cells), "cell")}, tau with ${target} is above 0 in every ` +
    `group for ${namesOf(above)}, below 0 in every group for ${namesOf(below)}, and differs from ` +
    `group to group for ${namesOf((taus) => !above(taus) && !below(taus))}; n = ${
      plural(Math.max(...own.map(({ seeds }) => seeds.length)), "seed")
    }.`,
  ];
}

/** One row a measure, baselines first: Kendall's tau in each group and in all, with intervals. */
export function rankTable(ranks: readonly MeasureRank[]): ColumnTable {
  const groups = [...new Set(ranks.map(({ group }) => group))];
  const rows = [...Map.groupBy(ranks, ({ measure }) => measure).values()];
  return tableOf<MeasureRank[]>({
    measure: ([rank]) => rank!.label + (rank!.isBaseline ? " (baseline)" : ""),
    ...Object.fromEntries(groups.map((group) => [group, (own: MeasureRank[]) => {
      const found = own.find((rank) => rank.group === group);
      return found === undefined ? "" : formatTau(found);
    }])),
    seeds: (own) => Math.max(...own.map(({ seeds }) => seeds.length)),
  }, rows);
}

/** "0.81 [0.52, 0.95]". */
function formatTau({ tau, low, high }: TauInterval): string {
  const interval = low === null || high === null ? "" : ` ${formatInterval([low, high])}`;
  return tau === null ? "" : significant(tau, 2) + interval;
}
