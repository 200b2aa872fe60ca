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
import { type EffectName, EFFECTS } from "~/lib/study.ts";

/** What becomes of a series: its findings at the stop, there in another measure, or at all levels. */
interface Claim {
  readonly optimizer: string;
  /** The verdict of half the findings or more, if no other is among the rest but inconclusive. */
  readonly kind: Kind;
  readonly findings: readonly Finding[];
}

/**
 * What a larger learning rate does, what a larger batch does, and what each other optimizer does against
 * the first: at the stop, and at equal training loss in relative sharpness; in antithetic sharpness where
 * that was taken at less than half as many places.
 */
export function firstScreen(findings: readonly Finding[]): string[] {
  const against = findings.filter(({ isAgainst, where }) => isAgainst && where === "loss");
  return [
    ...(["learning-rate", "batch-size"] as const).flatMap((effect) =>
      effectSentence(
        effect,
        findings.filter((each) => each.effect === effect && !each.isAgainst),
      )
    ),
    ...Map.groupBy(against, ({ optimizer }) => optimizer).values().map(againstSentence),
  ];
}

function effectSentence(effect: EffectName, findings: readonly Finding[]): string[] {
  const at = (where: Finding["where"], name?: string): Claim[] =>
    claimsOf(
      findings.filter((each) =>
        each.where === where && (name === undefined || parseMeasure(each.measure).name === name)
      ),
    );
  const [stop, relative] = [at("stop"), at("measure", LEAD_MEASURE)];
  if (stop.length === 0) return [];
  const places = [LEAD_MEASURE, CURVE_MEASURE].map((name) => at("loss", name));
  const equal = stop.flatMap(({ optimizer }) => {
    const own = places.map((claims) => claims.find((claim) => claim.optimizer === optimizer));
    return choose(own, ({ findings }) => findings.length) ?? [];
  });
  const without = stop.map(({ optimizer }) => optimizer)
    .filter((optimizer) => equal.every((claim) => claim.optimizer !== optimizer));
  return [[
    `${capitalize(EFFECTS[effect].label)} from ${namesOf(stop[0]!.findings[0]!)}: ` +
    `sharpness ${enumerate(stop.map(changeAtStop))}.`,
    ...(relative.length === 0 ? [] : [`In relative sharpness this ${become(relative)}.`]),
    ...[...Map.groupBy(equal, ({ findings: [first] }) => first!.measure)].map(([measure, own]) =>
      `At equal training loss, in ${wordsOf(measure)}, it ${become(own)}.`
    ),
    ...(without.length === 0 ? [] : [
      `No two cells ${equal.length === 0 ? "" : `with ${enumerate(without)} `}` +
      "could be compared at equal training loss.",
    ]),
  ].join(" ")];
}

/** All of one optimizer, at equal training loss. */
function againstSentence(findings: readonly Finding[]): string {
  const counted = [...Map.groupBy(findings, ({ effect }) => effect)].flatMap(([effect, own]) => {
    const counts = [LEAD_MEASURE, CURVE_MEASURE].map((name) => {
      const some = own.filter(({ measure }) => measure === name);
      return { measure: name, ...countSigns(some.flatMap(({ comparisons }) => comparisons)) };
    });
    const { measure, words, text } = choose(counts, ({ words }) => words.length)!;
    const what = `${text} of ${words.length} by ${EFFECTS[effect].label}`;
    return words.length === 0 ? [] : [{ measure, what }];
  });
  const texts = [...Map.groupBy(counted, ({ measure }) => measure)].map(([measure, own]) =>
    `in ${wordsOf(measure)}: ${sentences(own.map(({ what }) => what))}`
  );
  const { optimizer, reference } = findings[0]!;
  return `${optimizer} against ${reference} at equal training loss` +
    `${texts.length === 0 ? ": not measured" : `, ${sentences(texts)}`}.`;
}

/** The first where it has at least half as many values as what stands in for it. */
function choose<T>(
  [first, standIn]: readonly (T | undefined)[],
  sizeOf: (one: T) => number,
): T | undefined {
  const [own, other] = [first, standIn].map((one) => one === undefined ? 0 : sizeOf(one));
  return own! > 0 && 2 * own! >= other! ? first : standIn ?? first;
}

/** "relative sharpness", of whatever kind. */
function wordsOf(measure: string): string {
  return parseMeasure(measure).label.replace(/ \(.*\)$/, "");
}

function claimsOf(findings: readonly Finding[]): Claim[] {
  const had = findings.filter(({ comparisons: [found] }) => found?.interval);
  return [...Map.groupBy(had, ({ optimizer }) => optimizer)].map(([optimizer, own]): Claim => {
    const kinds = own.map(({ judged }) => judged).filter((kind) => kind !== "inconclusive");
    const isOne = new Set(kinds).size === 1 && 2 * kinds.length >= own.length;
    return { optimizer, kind: isOne ? kinds[0]! : "inconclusive", findings: own };
  });
}

/** "falls to 0.019 [0.014, 0.025] of its value with SGD". */
function changeAtStop({ optimizer, kind, findings: [first] }: Claim): string {
  const { interval, estimate, scale } = first!.comparisons[0]!;
  const size = formatEstimate(estimate, interval);
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

/** Each after the first begins with a capital. */
function sentences(parts: readonly string[]): string {
  return parts.map((text, place) => place === 0 ? text : capitalize(text)).join(". ");
}
