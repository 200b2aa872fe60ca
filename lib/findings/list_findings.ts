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
import { rankedMeasures } from "~/lib/findings/rank_measures.ts";
import {
  atLoss,
  atStop,
  endsOf,
  listSeries,
  type Place,
  type Series,
} from "~/lib/findings/series.ts";
import { enumerate, formatMean, missingSeeds, unitAfter } from "~/lib/findings/words.ts";
import { type Measure, MEASURE_NAMES, parseMeasure } from "~/lib/measure.ts";
import { runsAt, tableOf, type TrajectoryRecord } from "~/lib/results.ts";
import { benjaminiHochberg, meanInterval } from "~/lib/statistics.ts";
import type { Cell, Study } from "~/lib/study.ts";

/** Of tests that are counted together: at most so many of those that are counted are false. */
const FALSE_SHARE = 0.05;

/** The measure that sees neither the weights' scale nor, at equal loss, how far training got. */
export function leadMeasure(): Measure {
  return MEASURE_NAMES.map(parseMeasure).find(({ isLead }) => isLead)!;
}

/** A sentence about a series at a place, with what it stands on. */
export interface Finding extends Series, Place {
  readonly text: string;
  /** "falls in 5 of 6 steps, ratio 0.019 [0.017, 0.021]". */
  readonly brief: string;
  readonly kind: Kind;
  /** Seeds that are compared within. */
  readonly n: number;
  /** Of the two ends of a series; of every cell that both optimizers have. */
  readonly comparisons: readonly Comparison[];
}
type Answer = Pick<Finding, "text" | "brief" | "kind" | "n" | "comparisons">;

/** Everything about one study; nothing of it throws for what is missing. */
export const listFindings: (
  study: Study,
  records: readonly TrajectoryRecord[],
) => readonly Finding[] = remember((study, records) => {
  const runs = runsAt(study, records);
  const measure = study.measures.first[0] ?? "sharpness";
  const stop = atStop(study, runs, measure, "stop");
  const others = rankedMeasures(study, runs)
    .filter((text) => text !== measure && parseMeasure(text).isCrossCheck)
    .map((text) => atStop(study, runs, text));
  const losses = [leadMeasure().text, CURVE_MEASURE].flatMap((text) => {
    const curves = listCurves(study, records, { measure: text });
    return LOSS_LEVELS.map((level) => atLoss(curves, text, level));
  });
  const places = [stop, ...others, ...losses];
  return listSeries(study).flatMap((series) =>
    places.map((place) => findAt(study, series, { place, stop }))
  );
});

/** What is said of a series at a place, beside the stop with the first measure. */
export function findAt(
  study: Study,
  series: Series,
  { place, stop }: { readonly place: Place; readonly stop: Place },
): Finding {
  const answer = series.isAgainst
    ? compareOptimizers(series, place)
    : compareEnds(study, series, { place, stop });
  return { ...series, ...place, ...answer };
}

/** What an effect does from the one end of a series to the other. */
function compareEnds(
  study: Study,
  series: Series,
  { place, stop }: { readonly place: Place; readonly stop: Place },
): Answer {
  const all = series.cells.map((cell) => endOf(series, place, cell));
  const ends = all.filter(({ bySeed }) => bySeed.size > 0);
  const [first, last] = endsOf(ends);
  const missing = missingSeeds(study, all);
  const start = `${series.subject}, ${place.place}: ${place.label}`;
  const open = (why: string, n = 0, way = ""): Answer => (
    { ...OPEN, n, text: `${start}${way} is inconclusive, as ${why}.${missing}` }
  );
  if (first === undefined || last === undefined || first === last) {
    return open("fewer than two values are there");
  }
  const [from, to] = [first, last].map((end) => (
    endOf(series, stop, series.cells[all.indexOf(end)]!)
  ));
  const reference = compare({ first: from!, last: to!, unit: stop.unit }) ?? null;
  const isStop = place.where === "stop";
  const { unit } = place;
  const found = compare({ first, last, unit }, isStop ? undefined : reference);
  if (found === undefined) return open("no two have a seed in common");
  const { kind, sign, n } = found;
  if (found.interval === null) {
    return open("one seed gives no interval", n, ` goes ${formatWay(found)};`);
  }
  const ratio = formatComparison(found);
  const turn = turnOf(ends, unit);
  if (!isStop) {
    return {
      text:
        `${start} from ${first.name} to ${last.name}: ${ratio}, n = ${plural(n, "seed")}; the ` +
        `effect at the stop ${becomes(found, reference)}${turn}.${missing}`,
      ...{ brief: `${kind}, ${ratio}`, kind, n, comparisons: [found] },
    };
  }
  const steps = ends.slice(1).flatMap((last, i) => compare({ first: ends[i]!, last, unit }) ?? []);
  const along = signsOf(steps).filter((each) => each === sign).length;
  const counted = sign === 0 ? "" : ` in ${along} of ${plural(steps.length, "step")}`;
  return {
    text: `${start} ${DOES[kind] ?? kind} ${formatWay(found)}, ${ratio}, n = ` +
      `${plural(n, "seed")}${stepsText(steps)}${turn}.${missing}`,
    ...{ brief: `${kind}${counted}, ${ratio}`, kind, n, comparisons: [found] },
  };
}

/** What an optimizer does against the study's first, cell by cell. */
function compareOptimizers(series: Series, place: Place): Answer {
  const comparisons = series.cells.flatMap((cell) =>
    compare({
      first: endOf(series, place, { ...cell, optimizer: series.reference }),
      last: endOf(series, place, cell),
      unit: place.unit,
    }) ?? []
  );
  const { settled, words, text } = countSigns(comparisons);
  const start = `${series.subject}, ${place.place}: ${place.label} is`;
  if (settled.length === 0) {
    const why = comparisons.length === 0 ? "no cell has both" : "one seed gives no interval";
    const n = comparisons[0]?.n ?? 0;
    return { ...OPEN, comparisons, n, text: `${start} inconclusive, as ${why}.` };
  }
  const brief = `${text} of ${plural(settled.length, "cell")}`;
  const [widest] = settled.toSorted((a, b) => a.pEffect - b.pEffect);
  const counts = settled.map(({ n }) => n);
  return {
    text:
      `${start} ${brief}; clearest at ${widest!.last.name}, ${formatComparison(widest!)}, n = ` +
      `${plurals(counts, "seed")}.`,
    kind: new Set(words).size === 1 ? ALL[words[0]!]! : "inconclusive",
    ...{ brief, comparisons, n: Math.max(...counts) },
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

/**
 * Comparisons that have an interval, a word for each, "lower", "higher", "alike" (negligible) or
 * "open", and how often: "lower in 3, higher in 2 and open in 1".
 */
export function countSigns(
  comparisons: readonly Comparison[],
): { settled: Comparison[]; words: string[]; text: string } {
  const settled = comparisons.filter(({ interval }) => interval !== null);
  const signs = signsOf(settled);
  const words = settled.map(({ kind }, i) =>
    kind === "negligible" ? "alike" : ["lower", "open", "higher"][signs[i]! + 1]!
  );
  const groups = [...Map.groupBy(words, (word) => word)];
  const text = enumerate(groups.map(([word, own]) => `${word} in ${own.length}`));
  return { settled, words, text };
}

const OPEN = { brief: "inconclusive", kind: "inconclusive", comparisons: [] } as const;
/** What it is if every cell is called so. */
const ALL: Readonly<Record<string, Kind>> = {
  ...{ lower: "falls", higher: "rises", alike: "negligible", open: "inconclusive" },
};
const DOES: Partial<Record<Kind, string>> = {
  inconclusive: "is inconclusive: it goes",
  negligible: "hardly changes: it goes",
};

function endOf(series: Series, place: Place, cell: Cell): End {
  return { name: series.nameOf(cell), ...place.valuesOf(cell) };
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
  const signs = signsOf(steps);
  const groups = [
    ...Map.groupBy(steps, (_, i) => ["falls", "is inconclusive", "rises"][signs[i]! + 1]!),
  ].sort(([, a], [, b]) => b.length - a.length);
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
function turnOf(ends: readonly End[], unit: string): string {
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
function formatWay({ means: [from, to], unit, first, last }: Comparison): string {
  const [a, b] = [first.loss ?? null, last.loss ?? null];
  const losses = a === null || b === null
    ? ""
    : ` (full-set losses ${significant(a)} and ${significant(b)} nats)`;
  return `from ${formatMean(from, null)} at ${first.name} to ${formatMean(to, null)}` +
    `${unitAfter(unit)} at ${last.name}${losses}`;
}
