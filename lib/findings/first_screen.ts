/**
 * The three sentences of the first screen.
 *
 * @module
 */
import { capitalize } from "~/lib/files/text.ts";
import type { Kind } from "~/lib/findings/contrast.ts";
import { countSigns, type Finding } from "~/lib/findings/list_findings.ts";
import { CURVE_MEASURE, LEAD_MEASURE } from "~/lib/findings/places.ts";
import { enumerate, formatEstimate } from "~/lib/findings/words.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { EFFECTS } from "~/lib/study.ts";

/** What becomes of a series: its findings at the stop, there in another measure, or at all levels. */
interface Claim {
  readonly optimizer: string;
  /** The one verdict among the findings that are not inconclusive; how many have it is said. */
  readonly kind: Kind;
  readonly findings: readonly Finding[];
}

/**
 * What a larger learning rate does, what a larger batch does, and what each other optimizer does against
 * the first: at the stop, and at equal training loss in relative sharpness; in antithetic sharpness where
 * that was taken at less than half as many places.
 */
export function firstScreen(findings: readonly Finding[]): string[] {
  const equal = Map.groupBy(
    findings.filter(({ where, comparisons }) =>
      where === "loss" && comparisons.some(({ interval }) => interval !== null)
    ),
    ({ measure }) => measure,
  );
  const [lead, standIn] = [LEAD_MEASURE, CURVE_MEASURE].map((name) => equal.get(name) ?? []);
  const measure = lead!.length > 0 && 2 * lead!.length >= standIn!.length
    ? LEAD_MEASURE
    : CURVE_MEASURE;
  const shown = findings.filter((each) => each.where !== "loss" || each.measure === measure);
  const against = shown.filter(({ isAgainst, where }) => isAgainst && where === "loss");
  return [
    ...(["learning-rate", "batch-size"] as const).flatMap((effect) =>
      effectSentence(
        shown.filter((each) => each.effect === effect && !each.isAgainst),
        `in ${wordsOf(measure)}`,
      )
    ),
    ...Map.groupBy(against, ({ optimizer }) => optimizer).values()
      .map((own) => againstSentence(own, `in ${wordsOf(measure)}`)),
  ];
}

/** Of the findings of one effect. */
function effectSentence(findings: readonly Finding[], inMeasure: string): string[] {
  const [stop, relative, equal] = [
    findings.filter(({ where }) => where === "stop"),
    findings.filter(({ where, measure }) => where === "measure" && parseMeasure(measure).isLead),
    findings.filter(({ where }) => where === "loss"),
  ].map(claimsOf) as [Claim[], Claim[], Claim[]];
  if (stop.length === 0) return [];
  const without = stop.map(({ optimizer }) => optimizer)
    .filter((optimizer) => equal.every((claim) => claim.optimizer !== optimizer));
  const [first] = stop[0]!.findings;
  return [[
    `${capitalize(EFFECTS[first!.effect].label)} from ${namesOf(first!)}: ` +
    `sharpness ${enumerate(stop.map(changeAtStop))}.`,
    ...(relative.length === 0 ? [] : [`In relative sharpness this ${become(relative)}.`]),
    ...(equal.length === 0 ? [] : [`At equal training loss, ${inMeasure}, it ${become(equal)}.`]),
    ...(without.length === 0 ? [] : [
      `No two cells ${equal.length === 0 ? "" : `with ${enumerate(without)} `}` +
      "could be compared at equal training loss.",
    ]),
  ].join(" ")];
}

/** Of all findings of one optimizer at equal training loss. */
function againstSentence(findings: readonly Finding[], inMeasure: string): string {
  const counts = [...Map.groupBy(findings, ({ effect }) => effect)].flatMap(([effect, own]) => {
    const { words, text } = countSigns(own.flatMap(({ comparisons }) => comparisons));
    return words.length === 0 ? [] : `${text} of ${words.length} by ${EFFECTS[effect].label}`;
  }).map((text, place) => place === 0 ? text : capitalize(text));
  const { optimizer, reference } = findings[0]!;
  return `${optimizer} against ${reference} at equal training loss` +
    (counts.length === 0 ? ": not measured." : `, ${inMeasure}: ${counts.join(". ")}.`);
}

/** "relative sharpness", of whatever kind. */
function wordsOf(measure: string): string {
  return parseMeasure(measure).label.replace(/ \(.*\)$/, "");
}

function claimsOf(findings: readonly Finding[]): Claim[] {
  const had = findings.filter(({ comparisons: [found] }) => found?.interval);
  return [...Map.groupBy(had, ({ optimizer }) => optimizer)].map(([optimizer, own]): Claim => {
    const [kind, ...others] = new Set(
      own.map(({ judged }) => judged)
        .filter((kind) => kind !== "inconclusive"),
    );
    return {
      optimizer,
      kind: others.length > 0 ? "inconclusive" : kind ?? "inconclusive",
      findings: own,
    };
  });
}

/** "falls to 0.019 [0.014, 0.025] of its value with SGD". */
function changeAtStop({ optimizer, kind, findings: [first] }: Claim): string {
  const { interval, estimate, scale } = first!.comparisons[0]!;
  const size = formatEstimate({ mean: estimate, interval });
  const isWay = kind === "falls" || kind === "rises";
  return isWay && scale === "ratio"
    ? `${kind} to ${size} of its value with ${optimizer}`
    : `${isWay ? kind : "has no settled change"} with ${optimizer} (${scale} ${size})`;
}

/** "survives with SGD (3 of 4 levels, narrowest 10⁻² to 10⁻¹) and is inconclusive with AdaGrad". */
function become(claims: readonly Claim[]): string {
  return enumerate([...Map.groupBy(claims, ({ kind }) => kind)].map(([kind, alike]) => {
    const word = kind === "negligible" || kind === "inconclusive" ? `is ${kind}` : kind;
    return `${word} with ${enumerate(alike.map(coverageOf))}`;
  }));
}

/** "SGD (3 of 4 levels, narrowest 10⁻² to 10⁻¹)": levels with the verdict, and the least of the cells. */
function coverageOf({ optimizer, findings, kind }: Claim): string {
  if (findings[0]!.level === undefined) return optimizer;
  const own = findings.filter(({ judged }) => judged === kind);
  // How many steps lie between the two ends.
  const spanOf = ({ cells, nameOf, comparisons: [found] }: Finding): number => {
    const names = cells.map(nameOf);
    return names.indexOf(found!.last.name) - names.indexOf(found!.first.name);
  };
  const narrowest = own.toSorted((a, b) => spanOf(a) - spanOf(b))[0]!;
  const isPart = spanOf(narrowest) < narrowest.cells.length - 1;
  return `${optimizer} (${own.length} of ${findings.length} levels` +
    `${isPart ? `, narrowest ${namesOf(narrowest)}` : ""})`;
}

/** "10⁻⁴ to 10⁻¹". */
function namesOf({ comparisons: [found] }: Finding): string {
  return `${found!.first.name} to ${found!.last.name}`;
}
