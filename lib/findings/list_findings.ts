/**
 * Everything that is said about a study's effects: one question, asked at every place of every series.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import { plural, plurals, significant } from "~/lib/files/numbers.ts";
import { remember } from "~/lib/files/remember.ts";
import {
  compare,
  type Comparison,
  type End,
  formatComparison,
  type Kind,
  wayOf,
} from "~/lib/findings/contrast.ts";
import { CURVE_MEASURE, listCurves, LOSS_LEVELS } from "~/lib/findings/curves.ts";
import {
  atLoss,
  atStop,
  endsOf,
  listSeries,
  type Place,
  type Series,
} from "~/lib/findings/places.ts";
import { rankedMeasures } from "~/lib/findings/rank_measures.ts";
import { enumerate, formatMean, missingSeeds, unitAfter } from "~/lib/findings/words.ts";
import { type Measure, MEASURE_NAMES, openMeasure } from "~/lib/measure.ts";
import { runsAt, tableOf, type TrajectoryRecord } from "~/lib/results.ts";
import { benjaminiHochberg, meanInterval } from "~/lib/statistics.ts";
import { type Cell, type EffectName, EFFECTS, type Study } from "~/lib/study.ts";

/** Of tests that are counted together: at most so many of those that are counted are false. */
const FALSE_SHARE = 0.05;

/** The measure that sees neither the weights' scale nor, at equal loss, how far training got. */
export function leadMeasure(): Measure {
  return MEASURE_NAMES.map(openMeasure).find(({ isLead }) => isLead)!;
}

/** A sentence about an effect, with what it stands on. */
export interface Finding {
  /** At the study's first stop in its first measure, there in another, or at equal loss. */
  readonly where: "stop" | "measure" | "loss";
  readonly effect: EffectName;
  readonly optimizer: string;
  /** Whether the optimizer is compared, cell by cell, with the study's first: the reference. */
  readonly isAgainst: boolean;
  readonly reference: string;
  /** "SGD, learning rate (batch size 128)", "AdaGrad against SGD, by learning rate". */
  readonly subject: string;
  /** "at cumulative:1e-3". */
  readonly place: string;
  /** Of the full-set loss in nats, at equal loss. */
  readonly level: number | undefined;
  /** A measure's text and label. */
  readonly measure: string;
  readonly label: string;
  readonly text: string;
  /** "falls in 5 of 6 steps, ratio 0.019 [0.017, 0.021]". */
  readonly brief: string;
  readonly kind: Kind;
  /** Seeds that are compared within. */
  readonly n: number;
  /** Of the two ends of a series; of every cell that both optimizers have. */
  readonly comparisons: readonly Comparison[];
}

/** Everything about one study; nothing of it throws for what is missing. */
export const listFindings: (
  study: Study,
  records: readonly TrajectoryRecord[],
) => readonly Finding[] = remember((study, records) => {
  const runs = runsAt(study, records);
  const measure = study.measures.first[0] ?? "sharpness";
  const stop = atStop(study, runs, measure);
  const others = rankedMeasures(study, runs)
    .filter((text) => text !== measure && openMeasure(text).isCrossCheck)
    .map((text) => atStop(study, runs, text));
  const losses = [leadMeasure().text, CURVE_MEASURE].flatMap((text) => {
    const curves = listCurves(study, records, { measure: text });
    return LOSS_LEVELS.map((level) => atLoss(curves, text, level));
  });
  const places = [stop, ...others, ...losses];
  const series = listSeries(study);
  const [reference] = study.grid.optimizers;
  return [
    ...series.flatMap((each) => places.map((place) => askSeries(study, each, place, stop))),
    ...series.filter(({ effect, optimizer }) => effect !== "pairs" && optimizer !== reference)
      .flatMap((each) => places.map((place) => askOptimizers(study, each, place, stop))),
  ];
});

/** What an effect does from the one end of a series to the other. */
export function askSeries(study: Study, series: Series, place: Place, stop: Place): Finding {
  const all = series.cells.map((cell) => endOf(series, place, cell));
  const ends = all.filter(({ bySeed }) => bySeed.size > 0);
  const [first, last] = endsOf(ends);
  const known = { ...about(study, series, place, stop), subject: series.subject, isAgainst: false };
  const missing = missingSeeds(study, all);
  const { unit, label } = place.measure;
  const start = `${series.subject}, ${place.name}: ${label}`;
  if (first === undefined || last === undefined || first === last) {
    const text = `${start} is inconclusive, as fewer than two values are there.${missing}`;
    return { ...known, ...OPEN, text, n: 0, comparisons: [] };
  }
  const isElsewhere = place !== stop;
  const reference = compare({
    first: endOf(series, stop, first.cell),
    last: endOf(series, stop, last.cell),
    unit: stop.measure.unit,
  }) ?? null;
  const found = compare({ first, last, unit }, isElsewhere ? reference : undefined);
  if (found === undefined || found.interval === null) {
    const why = found === undefined ? "no two have a seed in common" : "one seed gives no interval";
    const way = found === undefined ? "" : ` goes ${formatWay(found, first, last)};`;
    const text = `${start}${way} is inconclusive, as ${why}.${missing}`;
    return { ...known, ...OPEN, text, n: found?.n ?? 0, comparisons: [] };
  }
  const { kind, sign, n } = found;
  const steps = ends.slice(1).flatMap((end, i) =>
    compare({ first: ends[i]!, last: end, unit }) ?? []
  );
  const along = signsOf(steps).filter((each) => each === sign).length;
  const counted = isElsewhere || sign === 0
    ? ""
    : ` in ${along} of ${plural(steps.length, "step")}`;
  const ratio = formatComparison(found);
  const turn = turnOf(ends, unit);
  const text = isElsewhere
    ? `${start} from ${first.name} to ${last.name}: ${ratio}, n = ${
      plural(n, "seed")
    }; the effect ` +
      `at the stop ${becomes(found, reference)}${turn}.`
    : `${start} ${DOES[kind] ?? kind} ${formatWay(found, first, last)}, ${ratio}, n = ` +
      `${plural(n, "seed")}${stepsText(steps)}${turn}.`;
  const brief = `${kind}${counted}, ${ratio}`;
  return { ...known, text: text + missing, brief, kind, n, comparisons: [found] };
}

/** What an optimizer does against the study's first, cell by cell. */
export function askOptimizers(study: Study, series: Series, place: Place, stop: Place): Finding {
  const { effect, optimizer } = series;
  const reference = study.grid.optimizers[0]!;
  const subject = `${optimizer} against ${reference}, by ${EFFECTS[effect].label}`;
  const comparisons = series.cells.flatMap((cell) =>
    compare({
      first: endOf(series, place, { ...cell, optimizer: reference }),
      last: endOf(series, place, cell),
      unit: place.measure.unit,
    }) ?? []
  );
  const settled = settledOf(comparisons);
  const known = { ...about(study, series, place, stop), subject, isAgainst: true, comparisons };
  const start = `${subject}, ${place.name}: ${place.measure.label} is`;
  if (settled.length === 0) {
    const why = comparisons.length === 0 ? "no cell has both" : "one seed gives no interval";
    const n = comparisons[0]?.n ?? 0;
    return { ...known, ...OPEN, text: `${start} inconclusive, as ${why}.`, n };
  }
  const counts = wordsOf(settled);
  const brief = `${countText(counts)} of ${plural(settled.length, "cell")}`;
  const [widest] = settled.toSorted((a, b) => a.pEffect - b.pEffect);
  return {
    ...known,
    text:
      `${start} ${brief}; clearest at ${widest!.last.name}, ${formatComparison(widest!)}, n = ` +
      `${plurals(settled.map(({ n }) => n), "seed")}.`,
    brief,
    kind: new Set(counts).size === 1 ? WORDS[counts[0]!]! : "inconclusive",
    n: Math.max(...settled.map(({ n }) => n)),
  };
}

/** One row a finding: where, from what to what, the ratio or the count of cells, and the verdict. */
export function findingsTable(findings: readonly Finding[]): ColumnTable {
  return tableOf<Finding>({
    "what is compared": ({ subject }) => subject,
    measure: ({ label }) => label,
    where: ({ place }) => place,
    "from, to": ({ isAgainst, comparisons: [found] }) =>
      isAgainst || found === undefined ? "" : `${found.first.name}, ${found.last.name}`,
    "last / first": ({ isAgainst, brief, comparisons: [found] }) =>
      isAgainst ? brief : found === undefined ? "" : formatComparison(found),
    verdict: ({ kind }) => kind,
    seeds: ({ n }) => n,
  }, findings);
}

/** One row a comparison: the two means in the measure's unit, and the ratio or difference. */
export function comparisonsTable(findings: readonly Finding[]): ColumnTable {
  const rows = findings.flatMap(({ comparisons, ...finding }) =>
    comparisons.map((found) => ({ ...finding, found }))
  );
  return tableOf<typeof rows[number]>({
    "what is compared": ({ subject }) => subject,
    at: ({ isAgainst, found: { first, last } }) =>
      isAgainst ? last.name : `${first.name}, ${last.name}`,
    first: ({ found }) => found.means[0],
    last: ({ found }) => found.means[1],
    scale: ({ found }) => found.scale,
    "last / first": ({ found }) => found.estimate,
    low: ({ found }) => found.interval?.[0] ?? null,
    high: ({ found }) => found.interval?.[1] ?? null,
    seeds: ({ found }) => found.n,
  }, rows);
}

/** Comparisons that have an interval. */
export function settledOf(comparisons: readonly Comparison[]): Comparison[] {
  return comparisons.filter(({ interval }) => interval !== null);
}

/** "lower", "higher", "alike" (negligible) or "open" of each, counted together. */
export function wordsOf(comparisons: readonly Comparison[]): string[] {
  const signs = signsOf(comparisons);
  return comparisons.map(({ kind }, i) =>
    kind === "negligible" ? "alike" : ["lower", "open", "higher"][signs[i]! + 1]!
  );
}

/** "lower in 3, higher in 2 and open in 1". */
export function countText(words: readonly string[]): string {
  const groups = [...Map.groupBy(words, (word) => word)];
  return enumerate(groups.map(([word, own]) => `${word} in ${own.length}`));
}

type CellEnd = End & { readonly cell: Cell; readonly loss: number | null };

const OPEN = { brief: "inconclusive", kind: "inconclusive" } as const;
/** What it is if every cell is called so. */
const WORDS: Readonly<Record<string, Kind>> = {
  ...{ lower: "falls", higher: "rises", alike: "negligible", open: "inconclusive" },
};
const DOES: Partial<Record<Kind, string>> = {
  inconclusive: "is inconclusive: it goes",
  negligible: "hardly changes: it goes",
};

/** What a finding says of itself but for its text and numbers. */
function about(study: Study, series: Series, place: Place, stop: Place): Omit<
  Finding,
  "subject" | "isAgainst" | "text" | "brief" | "kind" | "n" | "comparisons"
> {
  const { effect, optimizer } = series;
  const { name, level, measure: { text: measure, label } } = place;
  const where = place === stop ? "stop" : level === undefined ? "measure" : "loss";
  const reference = study.grid.optimizers[0]!;
  return { where, effect, optimizer, reference, place: name, level, measure, label };
}

function endOf(series: Series, place: Place, cell: Cell): CellEnd {
  return { cell, name: series.nameOf(cell), ...place.valuesOf(cell) };
}

/** The ways of comparisons that are counted together, by Benjamini and Hochberg: 1, -1, or 0. */
function signsOf(comparisons: readonly Comparison[]): number[] {
  const adjusted = benjaminiHochberg(comparisons.map(({ pEffect }) => pEffect));
  return comparisons.map(({ means: [first, last] }, i) =>
    adjusted[i]! <= FALSE_SHARE ? Math.sign(last - first) : 0
  );
}

/** "; of 6 steps it falls in 5 and rises in 1 (10⁻⁴ to 5×10⁻⁴)": those of the minority are named. */
function stepsText(steps: readonly Comparison[]): string {
  const words = signsOf(steps).map((sign) => ["falls", "is inconclusive", "rises"][sign + 1]!);
  const groups = [...Map.groupBy(steps, (_, i) => words[i]!)]
    .sort(([, a], [, b]) => b.length - a.length);
  return `; of ${plural(steps.length, "step")} it ` + enumerate(groups.map(([word, own], i) => {
    const names = own.map(({ first, last }) => `${first.name} to ${last.name}`);
    const isNamed = i > 0 && word !== "is inconclusive";
    return `${word} in ${own.length}${isNamed ? ` (${enumerate(names)})` : ""}`;
  }));
}

/**
 * Where a series turns: its highest or lowest value between the ends, if the intervals from the first
 * and to the last both exclude no effect and go opposite ways. It is chosen by the data, so this
 * describes and does not test.
 */
function turnOf(ends: readonly CellEnd[], unit: string): string {
  const means = ends.map(({ bySeed }) => meanInterval([...bySeed.values()]).mean);
  const texts = [[Math.max(...means), "highest"], [Math.min(...means), "lowest"]] as const;
  return texts.map(([extreme, word]) => {
    const end = ends[means.indexOf(extreme)]!;
    const to = compare({ first: ends[0]!, last: end, unit });
    const from = compare({ first: end, last: ends.at(-1)!, unit });
    if (!to || !from || to.sign * from.sign >= 0) return "";
    return `; ${word} at ${end.name} (${formatComparison(to)} from ${ends[0]!.name}, then ` +
      `${formatComparison(from)})`;
  }).join("");
}

function becomes({ kind, sign }: Comparison, reference: Comparison | null): string {
  if (kind === "negligible") return "is negligible here";
  if (kind !== "inconclusive") return kind;
  return sign !== 0 && wayOf(reference) === 0
    ? "is itself not settled, so this is inconclusive"
    : "is inconclusive here";
}

/** "from 0.438 at 10⁻⁴ to 0.0083 nats at 10⁻¹ (full-set losses 1.21 and 1.02 nats)". */
function formatWay({ means, unit }: Comparison, first: CellEnd, last: CellEnd): string {
  const losses = first.loss === null || last.loss === null
    ? ""
    : ` (full-set losses ${significant(first.loss)} and ${significant(last.loss)} nats)`;
  return `from ${formatMean(means[0], null)} at ${first.name} to ` +
    `${formatMean(means[1], null)}${unitAfter(unit)} at ${last.name}${losses}`;
}
