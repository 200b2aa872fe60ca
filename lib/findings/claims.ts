/**
 * The claims of the first screen, judged together, and its three sentences.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import { type Comparison, formatComparison, type Kind } from "~/lib/findings/contrast.ts";
import { CURVE_MEASURE } from "~/lib/findings/curves.ts";
import { countText, type Finding, settledOf, wordsOf } from "~/lib/findings/list_findings.ts";
import { significant } from "~/lib/files/numbers.ts";
import { enumerate, formatInterval, formatMean } from "~/lib/findings/words.ts";
import { capitalize } from "~/lib/files/text.ts";
import { openMeasure } from "~/lib/measure.ts";
import { type Columns, tableOf } from "~/lib/results.ts";
import { holm } from "~/lib/statistics.ts";
import { type EffectName, EFFECTS } from "~/lib/study.ts";

/** At most so likely is any wrong verdict among the claims of the first screen. */
const FAMILY_ERROR = 0.05;

/** Where a claim is about, as the table's columns are headed. */
export const CLAIM_COLUMNS = {
  stop: "sharpness (r = 5) at the stop",
  leadAtStop: "relative sharpness there",
  lead: "relative sharpness at equal training loss",
  sharp: "sharpness (r = 5) at equal training loss",
} as const;
/** One of `CLAIM_COLUMNS`. */
export type ClaimColumn = keyof typeof CLAIM_COLUMNS;

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
  /** What it stands on, one or one a level of the loss, each with its p and verdict by Holm. */
  readonly findings: readonly (Finding & { readonly p: number; readonly judged: Kind })[];
}

/**
 * The claims of every series: at the stop, there in the lead measure, and at every level of the loss in
 * both measures. All their findings are one family: p values are adjusted by Holm, and a finding whose
 * adjusted p is above 0.05 is inconclusive. So is what becomes of an effect that is not settled at the
 * stop itself.
 */
export function listClaims(findings: readonly Finding[]): Claim[] {
  const family = findings.filter((each) =>
    !each.isAgainst && each.comparisons.length > 0 && columnOf(each) !== undefined
  );
  const adjusted = holm(family.map(({ kind, comparisons: [found] }) => (
    kind === "inconclusive" ? 1 : found!.p
  )));
  const byHolm = family.map((finding, i) => {
    const p = adjusted[i]!;
    return { ...finding, p, judged: p > FAMILY_ERROR ? "inconclusive" as const : finding.kind };
  });
  const judged = byHolm.map((finding) => {
    const stop = byHolm.find((each) => each.subject === finding.subject && each.where === "stop");
    const isOpen = finding.where !== "stop" && finding.judged !== "negligible" &&
      !["falls", "rises"].includes(stop?.judged ?? "");
    return isOpen ? { ...finding, judged: "inconclusive" as const } : finding;
  });
  const series = new Map(
    findings.filter(({ isAgainst }) => !isAgainst)
      .map((finding) => [finding.subject, finding]),
  );
  return [...series.values()].flatMap(({ subject, effect, optimizer }) =>
    (Object.keys(CLAIM_COLUMNS) as ClaimColumn[]).map((column): Claim => {
      const own = judged.filter((each) => each.subject === subject && columnOf(each) === column);
      const stop = findings.find((each) => each.subject === subject && each.where === "stop");
      const [ends] = stop?.comparisons ?? [];
      const whole = ends === undefined ? "" : `${ends.first.name} to ${ends.last.name}`;
      const settled = own.map((each) => each.judged).filter((kind) => kind !== "inconclusive");
      const isOne = new Set(settled).size === 1 && 2 * settled.length >= own.length;
      const kind = isOne ? settled[0]! : "inconclusive";
      return {
        ...{ subject, effect, optimizer, column, text: claimText(own, whole), findings: own },
        kind: own.length === 0 ? undefined : kind,
      };
    })
  );
}

/** One row a series, then one an optimizer against the first: the table of the first screen. */
export function claimsTable(claims: readonly Claim[], findings: readonly Finding[]): ColumnTable {
  const against = findings.filter(({ isAgainst }) => isAgainst);
  const subjects = [...new Set([...claims, ...against].map(({ subject }) => subject))];
  const columns: Columns<string> = { "what is compared": (subject) => subject };
  for (const [column, head] of Object.entries(CLAIM_COLUMNS)) {
    columns[head] = (subject) =>
      claims.find((claim) => claim.subject === subject && claim.column === column)?.text ??
        countedText(
          against.filter((each) => each.subject === subject && columnOf(each) === column),
        );
  }
  columns.seeds = (subject) =>
    Math.max(...findings.filter((each) => each.subject === subject).map(({ n }) => n));
  return tableOf(columns, subjects);
}

/**
 * The three sentences of the first screen: what a larger learning rate does, what a larger batch does,
 * and what each other optimizer does against the first.
 */
export function firstScreen(claims: readonly Claim[], findings: readonly Finding[]): string[] {
  const lead = claims.some(({ column, kind }) => column === "lead" && kind !== undefined)
    ? "lead" as const
    : "sharp" as const;
  const measure = lead === "lead" ? "relative sharpness" : "sharpness at r = 5";
  const effects = (["learning-rate", "batch-size"] as const).flatMap((effect) => {
    const of = (column: ClaimColumn): Claim[] =>
      claims.filter((claim) => claim.effect === effect && claim.column === column);
    const stop = of("stop").flatMap(changeAtStop);
    const there = of(lead).filter(({ kind }) => kind !== undefined);
    if (stop.length === 0) return [];
    const [found] = of("stop").flatMap(({ findings: [first] }) => first?.comparisons ?? []);
    const elsewhere = [...Map.groupBy(there, ({ kind }) => kind!)].map(([kind, alike]) =>
      `${VERDICTS[kind] ?? kind} with ${enumerate(alike.map(nameOf))}`
    );
    return [
      `${capitalize(EFFECTS[effect].label)} from ${found!.first.name} to ${found!.last.name}: ` +
      `sharpness ${enumerate(stop)}.` +
      (elsewhere.length === 0
        ? ""
        : ` At equal training loss, in ${measure}, this ${enumerate(elsewhere)}.`),
    ];
  });
  const pairs = findings.filter((each) => each.isAgainst && columnOf(each) === lead);
  const optimizers = [...Map.groupBy(pairs, ({ optimizer }) => optimizer)].map(([name, own]) =>
    `${name} against ${own[0]!.reference} at equal training loss: ${measure} is ` +
    `${countedText(own)}${countedText(own) === NOWHERE ? "" : " comparisons, cell by level"}.`
  );
  return [...effects, ...optimizers];
}

const NOWHERE = "not measured";
const VERDICTS: Partial<Record<Kind, string>> = {
  negligible: "is negligible",
  inconclusive: "is inconclusive",
};

/** "falls to 0.019 [0.014, 0.025] of its value with SGD"; none without an interval. */
function changeAtStop({ optimizer, kind, findings: [first] }: Claim): string[] {
  const [found] = first?.comparisons ?? [];
  if (found === undefined || found.interval === null) return [];
  const [size, interval] = [
    formatMean(found.estimate, found.interval),
    formatInterval(found.interval),
  ];
  if (found.scale === "ratio" && (kind === "falls" || kind === "rises")) {
    return [`${kind} to ${size} ${interval} of its value with ${optimizer}`];
  }
  const word = kind === "falls" || kind === "rises" ? kind : `has no settled change`;
  return [`${word} with ${optimizer} (${found.scale} ${size} ${interval})`];
}

/** "SGD (4 of 5 levels)". */
function nameOf({ optimizer, findings, kind }: Claim): string {
  const own = findings.filter(({ judged }) => judged === kind);
  return `${optimizer} (${own.length} of ${findings.length} levels)`;
}

/** The column that a finding's claim stands in; undefined for those of none. */
function columnOf({ where, measure }: Finding): ClaimColumn | undefined {
  const { isLead, name } = openMeasure(measure);
  if (where === "stop") return "stop";
  if (where === "measure") return isLead ? "leadAtStop" : undefined;
  return isLead ? "lead" : name === CURVE_MEASURE ? "sharp" : undefined;
}

/** "lower in 20, higher in 3 and open in 5 of 28 comparisons", cells by levels counted together. */
function countedText(findings: readonly Finding[]): string {
  const settled = settledOf(findings.flatMap(({ comparisons }) => comparisons));
  return settled.length === 0 ? NOWHERE : `${countText(wordsOf(settled))} of ${settled.length}`;
}

/** @param whole The ends at the stop; others are named. */
function claimText(findings: Claim["findings"], whole: string): string {
  const [first] = findings;
  if (first === undefined) return NOWHERE;
  if (first.level === undefined) {
    const { judged, kind, brief, comparisons: [found] } = first;
    return judged === kind ? brief : `${judged}, ${formatComparison(found!)}`;
  }
  return [...Map.groupBy(findings, ({ judged }) => judged)].map(([word, own]) => {
    const levels = enumerate(own.map(({ level, comparisons: [found] }) => {
      const ends = `${found!.first.name} to ${found!.last.name}`;
      return ends === whole ? String(level) : `${level} (${ends})`;
    }));
    return `${word} at ${levels} nats (${rangeOf(own.map(({ comparisons }) => comparisons[0]!))})`;
  }).join("; ");
}

/** "ratio 0.019 to 0.031". */
function rangeOf(comparisons: readonly Comparison[]): string {
  return [...Map.groupBy(comparisons, ({ scale }) => scale)].map(([scale, own]) => {
    const estimates = own.map(({ estimate }) => estimate);
    const ends = [Math.min(...estimates), Math.max(...estimates)].map((end) => significant(end, 2));
    return `${scale} ${[...new Set(ends)].join(" to ")}`;
  }).join(", ");
}
