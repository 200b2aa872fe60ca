/**
 * What is found, in a few sentences.
 *
 * @module
 */
import { significant } from "~/lib/files/numbers.ts";
import { type Comparison, FEWEST_SEEDS, formatComparison, wayOf } from "~/lib/findings/contrast.ts";
import {
  againstText,
  comparisonText,
  type Finding,
  isDoubtful,
  rangeText,
} from "~/lib/findings/list_findings.ts";
import { LEAD_MEASURE } from "~/lib/findings/places.ts";
import { enumerate, formatEstimate } from "~/lib/findings/words.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { EFFECTS } from "~/lib/study.ts";

const OPEN = "is not settled";

/** What is found: of each effect, optimizer by optimizer, then of each other optimizer against the first. */
export function summarySentences(findings: readonly Finding[]): string[] {
  return [...effectSentences(findings), ...optimizerSentences(findings)];
}

/**
 * What a larger learning rate does with each optimizer, then a larger batch: to sharpness and relative
 * sharpness at the stop, and to relative sharpness at equal training loss.
 */
export function effectSentences(findings: readonly Finding[]): string[] {
  const own = findings.filter(({ isAgainst, effect }) => !isAgainst && effect !== "pairs");
  return (["learning-rate", "batch-size"] as const).flatMap((effect) =>
    Map.groupBy(own.filter((each) => each.effect === effect), ({ optimizer }) => optimizer).values()
      .flatMap(effectSentence).toArray()
  );
}

function effectSentence(findings: readonly Finding[]): string[] {
  const stop = findings.find(({ where, comparisons: [found] }) => where === "stop" && found);
  if (stop === undefined) return [];
  const [relative] = countedAt(findings, "measure", LEAD_MEASURE);
  const levels = countedAt(findings, "loss", LEAD_MEASURE);
  const { comparisons: [found] } = stop;
  const losses = [found!.first, found!.last].map(({ loss }) => significant(loss ?? NaN))
    .join(" to ");
  const atStop = [
    `${parseMeasure(stop.measure).label} ${whatItDoes(stop)}`,
    ...(relative ? [`relative sharpness ${whatItDoes(relative, "")}`] : []),
  ];
  const atLoss = levels.length === 0
    ? `no two cells have ${FEWEST_SEEDS} seeds in common`
    : `relative sharpness ${atLevels(levels, rangeText(stop)).join(". It ")}`;
  return [
    `${stop.subject} from ${rangeText(stop)} (training loss ${losses} ` +
    `nats): ${enumerate(atStop)}. At equal training loss ${atLoss}.`,
  ];
}

/** "falls to 0.019 [0.014, 0.025] of its value", "is not settled (ratio 0.56 [0.40, 0.76], p = 0.21)". */
function whatItDoes(finding: Finding, rest = " of its value"): string {
  const [found] = finding.comparisons as [Comparison];
  const way = changeOf(finding);
  if (way === "falls" || way === "rises") return `${way} ${sizeOf(found, rest)}`;
  const few = found.interval && found.n < FEWEST_SEEDS ? `, n = ${found.n}: no verdict` : "";
  return `${way} (${comparisonText(finding)}${few})`;
}

/** Levels of one way together: "falls at 1.5 (to 0.049 [0.037, 0.064]) nats", "is not settled at 1.7 nats (...)". */
function atLevels(findings: readonly Finding[], usual: string): string[] {
  const ways = [...Map.groupBy(findings, changeOf)];
  return ways.sort(([a], [b]) => Number(a === OPEN) - Number(b === OPEN)).map(([way, own]) => {
    const levels = own.map((finding) => {
      const [found] = finding.comparisons as [Comparison];
      const size = way === "falls" || way === "rises" ? sizeOf(found) : formatComparison(found);
      const ends = rangeText(finding) === usual ? "" : `${rangeText(finding)}: `;
      return way === OPEN ? String(finding.level) : `${finding.level} (${ends}${size})`;
    });
    return `${way} at ${enumerate(levels)} nats${way === OPEN ? ` (${openText(own)})` : ""}`;
  });
}

/** "ratio 1.03 [0.84, 1.26]"; of several levels what their intervals lie within, and the least p. */
function openText(findings: readonly Finding[]): string {
  if (findings.length === 1) return comparisonText(findings[0]!);
  const ends = findings.flatMap(({ comparisons: [found] }) => found!.interval!);
  const [low, high] = [Math.min(...ends), Math.max(...ends)].map((end) => significant(end));
  const ps = findings.filter(isDoubtful).map(({ adjustedP }) => adjustedP!);
  const p = ps.length === 0 ? "" : `, p from ${significant(Math.min(...ps), 2)}`;
  return `intervals within ${low} to ${high}${p}`;
}

/** Which way a value goes, where the verdict holds among all of its family; whatever it does at the stop. */
function changeOf({ verdict, comparisons: [found] }: Finding): string {
  if (verdict === "inconclusive") return OPEN;
  if (verdict === "negligible") return "stays alike";
  return wayOf(found!.sign);
}

/** "to 0.019 [0.014, 0.025]", or "by 0.45 nats [0.39, 0.51]". */
function sizeOf({ scale, estimate, interval, unit }: Comparison, rest = ""): string {
  if (scale === "ratio") return `to ${formatEstimate({ mean: estimate, interval })}${rest}`;
  const ends = interval!.map(Math.abs).sort((a, b) => a - b) as [number, number];
  return `by ${formatEstimate({ mean: Math.abs(estimate), interval: ends }, unit)}`;
}

/**
 * Each other optimizer against the first, cell by cell: sharpness and relative sharpness at the stop, and
 * that at the level of the loss at which most cells can be compared, the highest of these.
 */
export function optimizerSentences(findings: readonly Finding[]): string[] {
  const against = findings.filter(({ isAgainst }) => isAgainst);
  return [...Map.groupBy(against, ({ optimizer }) => optimizer).values()].map((own) => {
    const { optimizer, reference } = own[0]!;
    const effects = [...Map.groupBy(own, ({ effect }) => effect)].flatMap(([effect, some]) => {
      const parts = againstParts(some);
      return parts.length === 0 ? [] : [`By ${EFFECTS[effect].label}: ${parts.join("; ")}.`];
    });
    const isMeasured = own.some(({ comparisons }) => comparisons.length > 0);
    const open = isMeasured ? "too few seeds to be counted" : "no cell has a value of both";
    const name = `${optimizer} against ${reference}`;
    return effects.length === 0 ? `${name}: ${open}.` : `${name}. ${effects.join(" ")}`;
  });
}

/** What the cells of one effect say at the stop, there in relative sharpness, and at equal loss. */
function againstParts(findings: readonly Finding[]): string[] {
  const [stop] = countedAt(findings, "stop");
  const [relative] = countedAt(findings, "measure", LEAD_MEASURE);
  const [most] = countedAt(findings, "loss", LEAD_MEASURE).sort((a, b) =>
    countedIn(b) - countedIn(a) || b.level! - a.level!
  );
  return [
    stop && `${parseMeasure(stop.measure).label} at the stop is ${againstText(stop)}`,
    relative && `relative sharpness there is ${againstText(relative)}`,
    most && `relative sharpness at ${most.level} nats is ${againstText(most)}`,
  ].filter((part) => part !== undefined);
}

/** Findings at a place, in one measure or any, that have enough seeds. */
function countedAt(
  findings: readonly Finding[],
  place: Finding["where"],
  name?: string,
): Finding[] {
  return findings.filter((each) =>
    each.where === place && countedIn(each) > 0 &&
    (name === undefined || parseMeasure(each.measure).name === name)
  );
}

/** How many of its comparisons have enough seeds. */
function countedIn({ comparisons }: Finding): number {
  return comparisons.filter(({ n }) => n >= FEWEST_SEEDS).length;
}
