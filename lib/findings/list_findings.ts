/**
 * Everything that is said about a study's effects: one question, asked at every place of every series.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import { plural, significant } from "~/lib/files/numbers.ts";
import { remember } from "~/lib/files/remember.ts";
import {
  compare,
  type Comparison,
  type Contrast,
  type End,
  FEWEST_SEEDS,
  formatComparison,
  type Verdict,
  wayOf,
} from "~/lib/findings/contrast.ts";
import {
  ANTITHETIC_MEASURE,
  atLossLevels,
  atStop,
  endsOf,
  LEAD_MEASURE,
  listSeries,
  type Place,
  type Series,
} from "~/lib/findings/places.ts";
import { rankedMeasures } from "~/lib/findings/ranks.ts";
import { enumerate, formatEstimate } from "~/lib/findings/words.ts";
import { MEASURE_NAMES, parseMeasure } from "~/lib/measure.ts";
import { type Records, runsAt, tableOf } from "~/lib/results.ts";
import { benjaminiHochberg, holm, meanInterval } from "~/lib/statistics.ts";
import { type Cell, mainMeasure, type Study, withMeasures } from "~/lib/study.ts";

/** Of tests that are counted together: at most so many of those that are counted are false. */
const FALSE_SHARE = 0.05;
/** At most so likely is any wrong verdict in a family. */
export const FAMILY_ERROR = 0.05;

/** What becomes of a series at a place. */
export interface Finding extends Series, Place {
  /** Among those of its family, where it is of one: see `listFindings`; of optimizers the cells have one each. */
  readonly verdict: Verdict;
  /** Holm's p of the comparison's own verdict; null where it is of no family. */
  readonly adjustedP: number | null;
  /** Of the two ends; of every cell, where optimizers are compared. */
  readonly comparisons: readonly Comparison[];
  /** Cells that have values, by ascending value; none where optimizers are compared. */
  readonly ends: readonly End[];
}

/**
 * Everything about one study; nothing of it throws for what is missing.
 *
 * What is said at the stop, there in the lead measure, and in that at every level of the loss, is one family
 * for all series of the study; at the levels in the other measure another. p values are adjusted by Holm,
 * and a verdict whose adjusted p is above 0.05 is inconclusive.
 * Where an effect is not settled at the stop itself, it can neither survive nor reverse: it falls or rises.
 */
export const listFindings: (
  study: Study,
  records: Records,
) => readonly Finding[] = remember((study, records) => {
  const checked = withCrossChecks(study);
  const measure = mainMeasure(study);
  const stop = atStop(checked, records, measure, { where: "stop" });
  const others = rankedMeasures(checked, runsAt(checked, records))
    .filter((text) => text !== measure && parseMeasure(text).isCrossCheck)
    .map((text) => atStop(checked, records, text));
  const losses = [LEAD_MEASURE, ANTITHETIC_MEASURE]
    .flatMap((text) => atLossLevels(study, records, text));
  const places = [stop, ...others, ...losses];
  return judgeFamilies(
    listSeries(study).flatMap((series) => places.map((place) => findAt(series, place, stop))),
  );
});

/** The study, asking for every cross-check: of one that few networks have, these are shown. */
function withCrossChecks(study: Study): Study {
  const asked = new Set(study.measures.first.map((text) => parseMeasure(text).name));
  const isLacking = (name: string): boolean =>
    !asked.has(name) && parseMeasure(name).isCrossCheck === true;
  return withMeasures(study, MEASURE_NAMES.filter(isLacking));
}

/** What becomes of a series at a place, by itself; `stop` is the study's, with its first measure. */
export function findAt(series: Series, place: Place, stop: Place): Finding {
  const { isAgainst, cells, nameOf, reference } = series;
  const endAt = (cell: Cell, at: Place): End => ({ name: nameOf(cell), ...at.valuesOf(cell) });
  const contrastAt = (at: Place, first: Cell, last: Cell): Contrast => (
    { first: endAt(first, at), last: endAt(last, at), unit: parseMeasure(at.measure).unit }
  );
  const ends = isAgainst ? [] : cells.map((cell) => ({ cell, ...endAt(cell, place) }))
    .filter(({ bySeed }) => bySeed.size > 0);
  const comparisons = isAgainst
    ? cells.map((cell) => compare(contrastAt(place, { ...cell, optimizer: reference }, cell)))
    : endsOf(ends).map(([{ cell: first }, { cell: last }]) => {
      const before = compare(contrastAt(stop, first, last));
      return compare(contrastAt(place, first, last), place.where === "stop" ? undefined : before);
    });
  const found = comparisons.filter((comparison) => comparison !== undefined);
  const verdict = isAgainst ? "inconclusive" : found[0]?.verdict ?? "inconclusive";
  return { ...series, ...place, verdict, adjustedP: null, comparisons: found, ends };
}

/** Whether it is at a level in the measure that does not lead: these are a family of their own. */
export function isOfOtherFamily({ where, measure }: Place): boolean {
  return where === "loss" && measure === ANTITHETIC_MEASURE;
}

/** Adjusts the verdicts of findings that are judged together. */
function judgeFamilies(findings: readonly Finding[]): Finding[] {
  const members = findings.filter(({ isAgainst, where, measure, comparisons: [found] }) =>
    !isAgainst && found !== undefined && found.n >= FEWEST_SEEDS &&
    (where !== "measure" || parseMeasure(measure).isLead)
  );
  const families = Map.groupBy(members, isOfOtherFamily);
  const adjusted = new Map(
    families.values().flatMap((family) => {
      const ps = holm(family.map(({ comparisons: [found] }) => found!.p));
      return family.map((each, i) => [each, ps[i]!] as const);
    }),
  );
  const isHeld = (finding: Finding): boolean => (adjusted.get(finding) ?? 0) <= FAMILY_ERROR;
  const settled = new Set(
    findings.filter((each) =>
      each.where === "stop" && (each.verdict === "falls" || each.verdict === "rises") &&
      isHeld(each)
    ).map(({ subject }) => subject),
  );
  return findings.map((each) => {
    const { verdict, subject, comparisons: [found] } = each;
    const isSequel = verdict === "survives" || verdict === "reverses";
    const own = isSequel && !settled.has(subject) ? wayOf(found!.sign) : verdict;
    const adjustedP = adjusted.get(each) ?? null;
    return { ...each, adjustedP, verdict: isHeld(each) ? own : "inconclusive" };
  });
}

/** A finding in sentences: its two ends and verdict, or its cells, and what lies between the ends. */
export function describeFinding(finding: Finding): string {
  const { subject, place, measure, isAgainst } = finding;
  const start = `${subject}, ${place}: ${parseMeasure(measure).label}`;
  const n = seedsOf(finding);
  if (n === 0) return `${start} has no two cells to compare.`;
  if (isAgainst && n < FEWEST_SEEDS) return `${start} has too few seeds to be counted.`;
  const what = isAgainst
    ? `is ${againstText(finding)}`
    : `goes from ${endText(finding, 0)} to ${endText(finding, 1)}, ` +
      `${comparisonText(finding)}: ${finding.verdict}`;
  return [`${start} ${what}; n = ${plural(n, "seed")}.`, ...between(finding)].join(" ");
}

/**
 * One row a measure and place that compares any cells, one column a series: the verdict and the ratio of
 * the two ends, which these are where they are not the first and last cell, and n where it is not
 * the most; of optimizers, the cells by what they say.
 */
export function findingsTable(findings: readonly Finding[]): ColumnTable {
  const isShown = ({ isAgainst, comparisons }: Finding): boolean =>
    comparisons.some(({ n }) => !isAgainst || n >= FEWEST_SEEDS);
  const shown = findings.filter(isShown);
  const most = Math.max(...shown.map(seedsOf));
  // Of all findings, so that rows stand in the order of measures and levels, whoever has values there.
  const named = Map.groupBy(
    findings,
    ({ measure, where, place }) =>
      parseMeasure(measure).label + (where === "loss" ? `, ${place}` : ""),
  );
  const rows = [...named].flatMap(([name, all]) => {
    // Those that differ in their parameters have one label.
    const byMeasure = Map.groupBy(all.filter(isShown), ({ measure }) => measure);
    return [...byMeasure].map(([measure, own]) => (
      [byMeasure.size > 1 ? measure : name, own] as const
    ));
  });
  const cellOf = (finding: Finding): string => {
    if (finding.isAgainst) return againstText(finding);
    const { n } = finding.comparisons[0]!;
    return [
      `${finding.verdict}: ${comparisonText(finding).replace(/^ratio /, "")}`,
      ...(isWhole(finding) ? [] : [rangeText(finding)]),
      ...(n === most || n === 1 ? [] : [`n = ${n}`]),
    ].join(", ");
  };
  return tableOf<typeof rows[0]>({
    measure: ([name]) => name,
    ...Object.fromEntries(
      [...new Set(shown.map(({ subject }) => subject))].map((subject) => [
        subject,
        ([, own]) => own.filter((each) => each.subject === subject).map(cellOf).join(),
      ]),
    ),
  }, rows);
}

/** "ratio 0.56 [0.40, 0.76]", with Holm's p where that makes it inconclusive: ", p = 0.14". */
export function comparisonText(finding: Finding): string {
  const { adjustedP, comparisons: [found] } = finding;
  return formatComparison(found!) +
    (isDoubtful(finding) ? `, p = ${significant(adjustedP!, 2)}` : "");
}

/** Whether it is inconclusive for the number of comparisons only. */
export function isDoubtful({ verdict, comparisons: [found] }: Finding): boolean {
  return found!.verdict !== "inconclusive" && verdict === "inconclusive";
}

/** The two ends: "10⁻⁴ to 10⁻¹". */
export function rangeText({ comparisons: [found] }: Finding): string {
  return `${found!.first.name} to ${found!.last.name}`;
}

/** Whether the two ends are the first and the last cell. */
export function isWhole({ cells, nameOf, comparisons: [found] }: Finding): boolean {
  return found!.first.name === nameOf(cells[0]!) && found!.last.name === nameOf(cells.at(-1)!);
}

/** Seeds that are compared within; the most, where cells differ. */
function seedsOf({ comparisons }: Finding): number {
  return Math.max(0, ...comparisons.map(({ n }) => n));
}

/**
 * "lower at 32 and 64, alike at 128 to 1024": what the cells of optimizers say that have `FEWEST_SEEDS` or
 * more; three neighbours or more by their first and last.
 */
export function againstText({ comparisons, cells, nameOf }: Finding): string {
  const counted = comparisons.filter(({ n }) => n >= FEWEST_SEEDS);
  const adjusted = benjaminiHochberg(counted.map(({ p }) => p));
  const byWord = Map.groupBy(counted, ({ verdict, sign }, i) => {
    if (verdict === "inconclusive" || adjusted[i]! > FALSE_SHARE) return "open";
    return verdict === "negligible" ? "alike" : sign < 0 ? "lower" : "higher";
  });
  const namesOf = (own: readonly Comparison[]): string => {
    const order = cells.map(nameOf);
    // Of neighbours the place among all cells and that among these lie equally far apart.
    const runs = Map.groupBy(own, ({ last }, i) => order.indexOf(last.name) - i);
    return enumerate([...runs.values()].flatMap((run) => {
      const names = run.map(({ last }) => last.name);
      return names.length < 3 ? names : `${names[0]} to ${names.at(-1)}`;
    }));
  };
  return [...byWord].map(([word, own]) => `${word} at ${namesOf(own)}`).join(", ");
}

/** "0.438 nats at 10⁻⁴ (loss 1.21)", of the first (0) or last end. */
function endText({ comparisons: [found], where }: Finding, at: 0 | 1): string {
  const { name, loss = null } = [found!.first, found!.last][at]!;
  const isTold = loss !== null && where === "stop";
  return `${formatEstimate({ mean: found!.means[at], interval: null }, found!.unit)} at ${name}` +
    (isTold ? ` (loss ${significant(loss)})` : "");
}

/** What lies between the two ends, in sentences: how many steps from cell to cell go their way, and turns. */
function between(finding: Finding): string[] {
  const { ends, measure, comparisons: [found] } = finding;
  if (ends.length < 3) return [];
  const { unit } = parseMeasure(measure);
  const steps = ends.slice(1)
    .flatMap((last, i) => compare({ first: ends[i]!, last, unit }) ?? [])
    .filter(({ n }) => n >= FEWEST_SEEDS);
  const adjusted = benjaminiHochberg(steps.map(({ pEffect }) => pEffect));
  const settled = steps.filter((_, i) => adjusted[i]! <= FALSE_SHARE);
  const along = settled.filter(({ sign }) => sign === found?.sign).length;
  const way = !found?.sign ? [] : settled.length === 0 ? ["No single step is settled."] : [
    `${along} of ${plural(steps.length, "single step")} ${along === 1 ? "goes" : "go"} ` +
    `${found.sign < 0 ? "down" : "up"}.`,
  ];
  return [...way, ...turnsOf(finding).map((turn) => `It ${turn}`)];
}

/**
 * Where a series turns, its highest or lowest value, if the intervals from the first and to the last both
 * exclude no effect and go opposite ways: "is lowest at 10⁻²: ...". Turns are chosen by the data, so
 * this describes and does not test.
 */
function turnsOf({ ends, measure }: Finding): string[] {
  const { unit } = parseMeasure(measure);
  const means = ends.map(({ bySeed }) => meanInterval([...bySeed.values()]).mean);
  return ([["highest", Math.max], ["lowest", Math.min]] as const).flatMap(([word, extreme]) => {
    const end = ends[means.indexOf(extreme(...means))]!;
    const to = compare({ first: ends[0]!, last: end, unit });
    const from = compare({ first: end, last: ends.at(-1)!, unit });
    if (!to || !from || to.sign * from.sign >= 0) return [];
    const [before, after] = [to, from].map(formatComparison);
    return `is ${word} at ${end.name}: ${before} to there, ${after} from there.`;
  });
}

/** The turns of series, each with where it was seen. */
export function describeTurns(findings: readonly Finding[]): string[] {
  return findings.filter(({ ends }) => ends.length > 2).flatMap((finding) =>
    turnsOf(finding).map((turn) =>
      `${finding.subject}, ${finding.place}: ${parseMeasure(finding.measure).label} ${turn}`
    )
  );
}
