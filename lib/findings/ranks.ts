/**
 * What goes with what: measures with how networks generalize, and sharpness with learning rate, batch size
 * and loss where both are varied at once.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import { plural, plurals } from "~/lib/files/numbers.ts";
import { remember } from "~/lib/files/remember.ts";
import { LEAD_MEASURE } from "~/lib/findings/places.ts";
import { enumerate, formatTau } from "~/lib/findings/words.ts";
import { parseMeasure } from "~/lib/measure.ts";
import {
  distinctCells,
  type RunResult,
  type Runs,
  summariseCells,
  tableOf,
} from "~/lib/results.ts";
import { type Interval, type RankedCell, type TauInterval, tauInterval } from "~/lib/statistics.ts";
import { type EffectName, EFFECTS, mainMeasure, type Study } from "~/lib/study.ts";

/** Of the bootstrap's draws; any number does. */
const BOOTSTRAP_SEED = 20_251_107;

/** What networks are ranked against: test loss - training loss, the share of wrong test images, sharpness. */
export type RankTarget = "gap" | "test error" | "sharpness";

/** Kendall's tau of one measure with the target, over one group of cells or the mean over all groups. */
export interface MeasureRank extends TauInterval {
  /** Canonical text, or a baseline's name. */
  readonly measure: string;
  /** What it is called among the others: its text where two have one name. */
  readonly label: string;
  readonly isBaseline: boolean;
  readonly target: RankTarget;
  /** "all groups", or "learning rate, SGD". */
  readonly group: string;
  readonly effect: EffectName | null;
  readonly optimizer: string | null;
}

/** A value of a run, where it has one. */
type ValueOf = (run: RunResult) => number | undefined;

/** Minus the training loss ranks the gap by itself: what a measure adds shows beside these only. */
const BASELINES: Readonly<Record<string, ValueOf>> = {
  "minus training loss": ({ network }) => network && -network.trainLoss,
  "weight norm": ({ network }) => network?.weightNorm,
  "distance from the start": ({ network }) => network?.distance,
  epochs: ({ training }) => training.epochs,
};
const TARGETS: Readonly<Record<RankTarget, { readonly name: string; readonly valueOf: ValueOf }>> =
  {
    gap: {
      name: "the generalization gap",
      valueOf: ({ network }) => network && network.testLoss - network.trainLoss,
    },
    "test error": {
      name: "the test error",
      valueOf: ({ network }) => network && 1 - network.testAccuracy,
    },
    sharpness: { name: "sharpness", valueOf: ({ measures }) => measures.sharpness?.estimate },
  };

/**
 * Kendall's tau between each measure and the target, over cells that differ in one factor, group by
 * group: see `tauInterval`; then the mean over groups, where each of them has a tau, all of the same sign.
 *
 * @returns Baselines first, then the study's measures that are in the runs, each with its groups and
 * then all of them; those of which no tau can be had are left out.
 */
export const rankMeasures: (
  study: Study,
  runs: Runs,
  target?: RankTarget,
) => readonly MeasureRank[] = remember((study, runs, target = "gap") => {
  // Pairs differ in both factors.
  const cells = summariseCells(study, runs).filter(({ effect }) => effect !== "pairs");
  const groups = [
    ...Map.groupBy(cells, ({ effect, optimizer }) => `${EFFECTS[effect].label}, ${optimizer}`),
  ];
  const baselines = Object.entries(BASELINES).map(([measure, valueOf]) => (
    { measure, label: `${measure} (baseline)`, isBaseline: true, valueOf }
  ));
  const texts = rankedMeasures(study, runs).filter((text) =>
    text !== target && !(parseMeasure(text).label in BASELINES)
  );
  const labels = texts.map((text) => parseMeasure(text).label);
  const measures = texts.map((measure, i) => ({
    ...{ measure, isBaseline: false },
    label: labels.filter((label) => label === labels[i]).length > 1 ? measure : labels[i]!,
    valueOf: (({ measures }) => measures[measure]?.estimate) as ValueOf,
  }));
  return [...baselines, ...measures].flatMap(({ valueOf, ...about }) => {
    const ranked = groups.map(([group, own]) => ({
      of: { group, effect: own[0]!.effect, optimizer: own[0]!.optimizer },
      values: own.map(({ runs }) => pairValues(runs, valueOf, TARGETS[target].valueOf))
        .filter(({ length }) => length > 0),
    }));
    const each = ranked.map(({ values, of }) => ({
      ...about,
      target,
      ...of,
      ...tauInterval([values], BOOTSTRAP_SEED),
    }))
      .filter(({ tau }) => tau !== null);
    const isOneWay = new Set(each.map(({ tau }) => Math.sign(tau!))).size === 1;
    if (!isOneWay || groups.length < 2 || each.length < groups.length) return each;
    const all = { group: "all groups", effect: null, optimizer: null };
    return [...each, {
      ...about,
      target,
      ...all,
      ...tauInterval(ranked.map(({ values }) => values), BOOTSTRAP_SEED),
    }];
  });
});

/** The measures of the first stop that are in the runs and are no outcome themselves. */
export function rankedMeasures(study: Study, runs: Runs): string[] {
  const had = new Set(runs.flatMap(({ measures }) => Object.keys(measures)));
  return study.measures.first.filter((text) => {
    const { isOutcome, isRepeat } = parseMeasure(text);
    return had.has(text) && !isOutcome && !isRepeat;
  });
}

/**
 * Of how many measures that have a tau in every group its interval lies on one side of 0 in all; up to
 * three are named. No sentence without ranks.
 */
export function rankSentences(ranks: readonly MeasureRank[]): string[] {
  const counted = ranks.filter(({ effect }) => effect !== null);
  const byMeasure = [...Map.groupBy(counted, ({ measure }) => measure).values()];
  const most = Math.max(...byMeasure.map(({ length }) => length));
  const whole = byMeasure.filter((own) => own.length === most);
  if (whole.length === 0) return [];
  const counts = plural(whole.length, "measure");
  // In a group of few pairs no measure has one.
  const withInterval = new Set(counted.flatMap(({ group, interval }) => interval ? group : []));
  const namesOf = (isMeant: (interval: Interval) => boolean): string => {
    const some = whole.filter((own) =>
      own.every(({ group, interval }) => interval ? isMeant(interval) : !withInterval.has(group))
    );
    if (some.length === 0) return "none";
    const names = some.map(([rank]) => rank!.isBaseline ? rank!.measure : rank!.label);
    return some.length > 3 ? String(some.length) : `${some.length} (${enumerate(names)})`;
  };
  const { name } = TARGETS[ranks[0]!.target];
  const start = `With ${name}, ${counts} (baselines included) have a tau in each of ` +
    `${plural(most, "group")}`;
  if (withInterval.size === 0) return [`${start}, none with an interval.`];
  const known = withInterval.size < most ? `, with an interval in ${withInterval.size}` : "";
  return [
    `${start}${known}. It lies above 0 in all for ${
      namesOf(([low]) => low > 0)
    }, below 0 in all for ` +
    `${namesOf(([, high]) => high < 0)}.`,
  ];
}

/** One row a measure, in their order, a column a group: tau with its interval and its pairs of cells. */
export function tauTable(ranks: readonly Explanation[], head = "measure"): ColumnTable {
  const rows = [...Map.groupBy(ranks, ({ measure }) => measure).values()];
  return tableOf<Explanation[]>({
    [head]: ([rank]) => rank!.label,
    ...Object.fromEntries(
      [...Map.groupBy(ranks, ({ group }) => group)].map(([group, all]) => [
        `${group} (${plurals(all.map(({ cells }) => cells), "cell")})`,
        (own) => own.filter((one) => one.group === group).map(formatTau).join(),
      ]),
    ),
    seeds: (own) => Math.max(...own.map(({ seeds }) => seeds.length)),
  }, rows);
}

/** Both values of a cell's runs that have both. */
function pairValues(runs: Runs, xOf: ValueOf, yOf: ValueOf): RankedCell {
  return runs.flatMap((run) => {
    const [x, y] = [xOf(run), yOf(run)];
    return typeof x === "number" && typeof y === "number" ? [{ seed: run.config.seed, x, y }] : [];
  });
}

/** What may explain it, by name: of a run. */
const EXPLANATIONS: Readonly<Record<string, ValueOf>> = {
  "learning rate / batch size": ({ config }) => config.learningRate / config.batchSize,
  "learning rate": ({ config }) => config.learningRate,
  "batch size": ({ config }) => config.batchSize,
  "training loss": ({ network }) => network?.trainLoss,
};

/** Kendall's tau of a measure with an explanation, over all cells; its group is "with learning rate". */
export type Explanation = TauInterval & Pick<MeasureRank, "measure" | "label" | "group">;

/** Kendall's tau of the study's measure and the scale-free one with every explanation: see `tauInterval`. */
export function explain(study: Study, runs: Runs): Explanation[] {
  const cells = distinctCells(summariseCells(study, runs));
  return [mainMeasure(study), LEAD_MEASURE].flatMap((measure) =>
    Object.entries(EXPLANATIONS).map(([name, valueOf]): Explanation => ({
      ...{ measure, label: parseMeasure(measure).label, group: `with ${name}` },
      ...tauInterval([
        cells.map(({ runs }) =>
          pairValues(runs, valueOf, ({ measures }) => measures[measure]?.estimate)
        ),
      ], BOOTSTRAP_SEED),
    }))
  );
}
