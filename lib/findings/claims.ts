/**
 * The claims of the first screen, judged together, and its three sentences.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import { significant } from "~/lib/files/numbers.ts";
import { capitalize } from "~/lib/files/text.ts";
import { type Comparison, formatComparison, type Kind } from "~/lib/findings/contrast.ts";
import { CURVE_MEASURE } from "~/lib/findings/curves.ts";
import { countSigns, type Finding } from "~/lib/findings/list_findings.ts";
import { enumerate, formatInterval, formatMean } from "~/lib/findings/words.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { tableOf } from "~/lib/results.ts";
import { holm } from "~/lib/statistics.ts";
import { type EffectName, EFFECTS } from "~/lib/study.ts";

/** At most so likely is any wrong verdict among the claims of the first screen. */
const FAMILY_ERROR = 0.05;

/** Where a claim is about, as the table's columns are headed. */
const COLUMNS = {
  stop: "sharpness (r = 5) at the stop",
  leadAtStop: "relative sharpness there",
  lead: "relative sharpness at equal training loss",
  sharp: "antithetic sharpness (r = 5) at equal training loss",
} as const;
type ClaimColumn = keyof typeof COLUMNS;

/** What the first screen says of a series in one column. */
export interface Claim {
  readonly subject: string;
  readonly effect: EffectName;
  readonly optimizer: string;
  readonly column: ClaimColumn;
  /**
   * The one verdict of half its findings or more, if no other is among the rest but inconclusive;
   * undefined where none was measured.
   */
  readonly kind: Kind | undefined;
  /** "survives at 1.5 and 1.1 nats (ratio 0.00041 to 0.0011)". */
  readonly text: string;
  /** What it stands on, one or one a level of the loss, each with its verdict by Holm. */
  readonly findings: readonly Judged[];
}
type Judged = Finding & { readonly judged: Kind };

/**
 * The claims of every series: at the stop, there in the lead measure, and at every level of the loss in
 * both measures. All their findings are one family: p values are adjusted by Holm, and a finding whose
 * adjusted p is above 0.05 is inconclusive. So is what becomes of an effect that is not settled at the
 * stop itself.
 */
export function listClaims(findings: readonly Finding[]): Claim[] {
  const all = findings.filter(({ isAgainst }) => !isAgainst);
  const family = all.filter((each) => each.comparisons.length > 0 && columnOf(each));
  const ps = holm(
    family.map(({ kind, comparisons: [found] }) => kind === "inconclusive" ? 1 : found!.p),
  );
  const byHolm = family.map((finding, i): Judged => (
    { ...finding, judged: ps[i]! > FAMILY_ERROR ? "inconclusive" : finding.kind }
  ));
  const series = Map.groupBy(all, ({ subject }) => subject);
  return [...series.values()].flatMap(([stop]) => {
    const { subject, effect, optimizer, comparisons: [ends] } = stop!;
    const own = byHolm.filter((each) => each.subject === subject);
    const hasEffect = own.some(({ where, judged }) =>
      where === "stop" && (judged === "falls" || judged === "rises")
    );
    const judged = own.map((each): Judged =>
      each.where === "stop" || each.judged === "negligible" || hasEffect
        ? each
        : { ...each, judged: "inconclusive" }
    );
    return COLUMN_NAMES.map((column): Claim => {
      const findings = judged.filter((each) => columnOf(each) === column);
      const settled = findings.map((each) => each.judged).filter((kind) => kind !== "inconclusive");
      const isOne = new Set(settled).size === 1 && 2 * settled.length >= findings.length;
      return {
        ...{ subject, effect, optimizer, column, findings },
        text: claimText(findings, ends && namesOf(ends)),
        kind: findings.length === 0 ? undefined : isOne ? settled[0]! : "inconclusive",
      };
    });
  });
}

/** One row a series, then one an optimizer against the first: the table of the first screen. */
export function claimsTable(claims: readonly Claim[], findings: readonly Finding[]): ColumnTable {
  const groups = Map.groupBy(findings, ({ subject }) => subject);
  const textAt = (column: ClaimColumn, [subject, own]: [string, Finding[]]): string =>
    claims.find((claim) => claim.subject === subject && claim.column === column)?.text ??
      countedText(own.filter((each) => columnOf(each) === column));
  return tableOf<[subject: string, findings: Finding[]]>({
    "what is compared": ([subject]) => subject,
    ...Object.fromEntries(
      COLUMN_NAMES.map((column) => [COLUMNS[column], (row) => textAt(column, row)]),
    ),
    seeds: ([, own]) => Math.max(...own.map(({ n }) => n)),
  }, [...groups]);
}

/**
 * The three sentences of the first screen: what a larger learning rate does, what a larger batch does,
 * and what each other optimizer does against the first.
 */
export function firstScreen(claims: readonly Claim[], findings: readonly Finding[]): string[] {
  const hasLead = claims.some(({ column, kind }) => column === "lead" && kind !== undefined);
  const lead = hasLead ? "lead" : "sharp";
  const measure = hasLead ? "relative sharpness" : "antithetic sharpness";
  const effects = (["learning-rate", "batch-size"] as const).flatMap((effect) => {
    const at = (column: ClaimColumn): Claim[] =>
      claims.filter((claim) => claim.effect === effect && claim.column === column);
    const stop = at("stop").flatMap(changeAtStop);
    if (stop.length === 0) return [];
    const ends = at("stop").find(({ findings }) => findings.length > 0)!.findings[0]!
      .comparisons[0]!;
    const become = (column: ClaimColumn): string => {
      const own = at(column).filter(({ kind }) => kind !== undefined);
      return enumerate(
        [...Map.groupBy(own, ({ kind }) => kind!)].map(([kind, alike]) => {
          const word = kind === "negligible" || kind === "inconclusive" ? `is ${kind}` : kind;
          return `${word} with ${enumerate(alike.map(nameOf))}`;
        }),
      );
    };
    const [relative, equal] = [become("leadAtStop"), become(lead)];
    return [
      `${capitalize(EFFECTS[effect].label)} from ${namesOf(ends)}: ${enumerate(stop)}.` +
      (relative === "" ? "" : ` In relative sharpness this ${relative}.`) +
      (equal === "" ? "" : ` At equal training loss, in ${measure}, it ${equal}.`),
    ];
  });
  const pairs = findings.filter((each) => each.isAgainst && columnOf(each) === lead);
  const optimizers = [...Map.groupBy(pairs, ({ optimizer }) => optimizer)].map(([name, own]) => {
    const counted = [...Map.groupBy(own, ({ effect }) => effect)].flatMap(([effect, part]) => {
      const text = countedText(part);
      return text === NOWHERE ? [] : [`${text} by ${EFFECTS[effect].label}`];
    });
    return `${name} against ${own[0]!.reference} at equal training loss, in ${measure}: ` +
      `${counted.map((text, i) => i === 0 ? text : capitalize(text)).join(". ") || NOWHERE}.`;
  });
  return [...effects, ...optimizers];
}

const COLUMN_NAMES = Object.keys(COLUMNS) as ClaimColumn[];
const NOWHERE = "not measured";

/** "falls to 0.019 [0.014, 0.025] of its value with SGD"; none without an interval. */
function changeAtStop({ optimizer, kind, findings: [first] }: Claim): string[] {
  const { interval = null, estimate = NaN, scale } = first?.comparisons[0] ?? {};
  if (interval === null) return [];
  const size = `${formatMean(estimate, interval)} ${formatInterval(interval)}`;
  const isWay = kind === "falls" || kind === "rises";
  return [
    isWay && scale === "ratio"
      ? `with ${optimizer} sharpness ${kind} to ${size} of its value`
      : `with ${optimizer} it ${isWay ? kind : "has no settled change"} (${scale} ${size})`,
  ];
}

/** "SGD (4 of 5 levels)". */
function nameOf({ optimizer, findings, kind }: Claim): string {
  const own = findings.filter(({ judged }) => judged === kind);
  return findings[0]?.level === undefined
    ? optimizer
    : `${optimizer} (${own.length} of ${findings.length} levels)`;
}

/** The column that a finding's claim stands in; undefined for those of none. */
function columnOf({ where, measure }: Finding): ClaimColumn | undefined {
  const { isLead, name } = parseMeasure(measure);
  if (where === "stop") return "stop";
  if (where === "measure") return isLead ? "leadAtStop" : undefined;
  return isLead ? "lead" : name === CURVE_MEASURE ? "sharp" : undefined;
}

/** "lower in 20, higher in 3 and open in 5 of 28", cells by levels counted together. */
function countedText(findings: readonly Finding[]): string {
  const { settled, text } = countSigns(findings.flatMap(({ comparisons }) => comparisons));
  return settled.length === 0 ? NOWHERE : `${text} of ${settled.length}`;
}

/** @param whole The ends at the stop; others are named. */
function claimText(findings: readonly Judged[], whole: string | undefined): string {
  const [first] = findings;
  if (first === undefined) return NOWHERE;
  if (first.level === undefined) {
    const { judged, kind, brief, comparisons: [found] } = first;
    return judged === kind ? brief : `${judged}, ${formatComparison(found!)}`;
  }
  return [...Map.groupBy(findings, ({ judged }) => judged)].map(([word, own]) => {
    const levels = own.map(({ level, comparisons: [found] }) =>
      namesOf(found!) === whole ? String(level) : `${level} (${namesOf(found!)})`
    );
    const ranges = Map.groupBy(own.map(({ comparisons }) => comparisons[0]!), ({ scale }) => scale);
    return `${word} at ${enumerate(levels)} nats (${[...ranges].map(rangeOf).join(", ")})`;
  }).join("; ");
}

/** "10⁻⁴ to 10⁻¹". */
function namesOf({ first, last }: Comparison): string {
  return `${first.name} to ${last.name}`;
}

/** "ratio 0.019 to 0.031". */
function rangeOf([scale, own]: [string, readonly Comparison[]]): string {
  const estimates = own.map(({ estimate }) => estimate);
  const ends = [Math.min(...estimates), Math.max(...estimates)].map((end) => significant(end, 2));
  return `${scale} ${[...new Set(ends)].join(" to ")}`;
}
