/**
 * What goes with what: measures with how networks generalize, and sharpness with learning rate, batch size
 * and loss where both are varied at once.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import { plural, plurals, significant } from "~/lib/files/numbers.ts";
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
import { type RankedCell, type TauInterval, tauInterval } from "~/lib/statistics.ts";
import { type EffectName, EFFECTS, mainMeasure, type Study } from "~/lib/study.ts";

/** Of the bootstrap's draws; any number does. */
const BOOTSTRAP_SEED = 20_251_107;

/** Two cells have an order whatever they are. */
const FEWEST_CELLS = 3;

/** What networks are ranked against: test loss - training loss, or the share of wrong test images. */
export type RankTarget = "gap" | "test error";

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
const TARGETS: Readonly<Record<RankTarget, ValueOf>> = {
  gap: ({ network }) => network && network.testLoss - network.trainLoss,
  "test error": ({ network }) => network && 1 - network.testAccuracy,
};

/**
 * Kendall's tau (Somers' d, the same without ties) between each measure and the target, over cells that
 * differ in one factor, group by group, with the bootstrap interval over seeds and cells of
 * `tauInterval`; then the mean over groups, where each of them has a tau, all of the same sign.
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
  const most = groups.filter(([, own]) => own.length >= FEWEST_CELLS).length;
  const baselines = Object.entries(BASELINES).map(([measure, valueOf]) => (
    { measure, label: `${measure} (baseline)`, isBaseline: true, valueOf }
  ));
  const texts = rankedMeasures(study, runs).filter((text) =>
    !(parseMeasure(text).label in BASELINES)
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
      values: own.map(({ runs }) => pairValues(runs, valueOf, TARGETS[target]))
        .filter(({ length }) => length > 0),
    }));
    const each = ranked.map(({ values, of }) => ({ ...about, target, ...of, ...tauOf([values]) }))
      .filter(({ tau }) => tau !== null);
    const isOneWay = new Set(each.map(({ tau }) => Math.sign(tau!))).size === 1;
    if (!isOneWay || most < 2 || each.length < most) return each;
    const all = { group: "all groups", effect: null, optimizer: null };
    return [...each, { ...about, target, ...all, ...tauOf(ranked.map(({ values }) => values)) }];
  });
});

/** The measures of the first stop that are in the runs and are no outcome themselves. */
export function rankedMeasures(study: Study, runs: Runs): string[] {
  const had = new Set(runs.flatMap(({ measures }) => Object.keys(measures)));
  return study.measures.first.filter((text) => had.has(text) && !parseMeasure(text).isOutcome);
}

/**
 * What the first baseline does, and of how many measures tau has one sign in every group; up to three
 * are named. No sentence without ranks.
 */
export function rankSentences(ranks: readonly MeasureRank[]): string[] {
  const counted = ranks.filter(({ effect }) => effect !== null);
  const byMeasure = [...Map.groupBy(counted, ({ measure }) => measure).values()];
  if (byMeasure.length === 0) return [];
  const target = ranks[0]!.target === "gap" ? "the generalization gap" : "the test error";
  const most = Math.max(...byMeasure.map(({ length }) => length));
  const baselines = byMeasure.filter(([rank]) => rank!.isBaseline).slice(0, 1).map((own) => {
    const taus = own.map(({ tau }) => tau!).sort((a, b) => a - b);
    const ends = new Set([taus[0]!, taus.at(-1)!].map((tau) => significant(tau, 2)));
    return `Kendall's tau of ${own[0]!.measure} with ${target} is ${[...ends].join(" to ")} in ` +
      `${plural(own.length, "group")}.`;
  });
  const whole = byMeasure.filter((own) => !own[0]!.isBaseline && own.length === most);
  const namesOf = (isMeant: (tau: number) => boolean): string => {
    const some = whole.filter((own) => own.every(({ tau }) => isMeant(tau!)));
    if (some.length === 0) return "none";
    const names = some.map(([rank]) => rank!.label);
    return some.length > 3 ? String(some.length) : `${some.length} (${enumerate(names)})`;
  };
  if (whole.length === 0) return baselines;
  return [
    ...baselines,
    `Of ${plural(whole.length, "measure")}, tau is above 0 in every group for ` +
    `${namesOf((tau) => tau > 0)}, and below 0 in every group for ${namesOf((tau) => tau < 0)}.`,
  ];
}

/** One row a measure, in their order, a column a group: tau or Somers' d with its interval. */
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

/** The rank correlation, with the draws that all have in common; groups of too few cells are passed over. */
function tauOf(groups: readonly (readonly RankedCell[])[]): TauInterval {
  return tauInterval(groups.filter(({ length }) => length >= FEWEST_CELLS), BOOTSTRAP_SEED);
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

/** Somers' d of a measure given an explanation, over all cells; its group is "given learning rate". */
export type Explanation = TauInterval & Pick<MeasureRank, "measure" | "label" | "group">;

/**
 * Somers' d of the study's measure and the scale-free one given every explanation, over all cells, with
 * the bootstrap interval over seeds and cells of `tauInterval`.
 */
export function explain(study: Study, runs: Runs): Explanation[] {
  const cells = distinctCells(summariseCells(study, runs));
  return [mainMeasure(study), LEAD_MEASURE].flatMap((measure) =>
    Object.entries(EXPLANATIONS).map(([name, valueOf]): Explanation => ({
      ...{ measure, label: parseMeasure(measure).label, group: `given ${name}` },
      ...tauOf([
        cells.map(({ runs }) =>
          pairValues(runs, valueOf, ({ measures }) => measures[measure]?.estimate)
        ),
      ]),
    }))
  );
}
