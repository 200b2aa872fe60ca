/**
 * Everything that is found, as one Markdown page beside the results.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import { join } from "node:path";
import { writeWhole } from "~/lib/files/files.ts";
import { significant } from "~/lib/files/numbers.ts";
import { claimsTable, firstScreen, listClaims } from "~/lib/findings/claims.ts";
import { NEGLIGIBLE_RATIO, NEGLIGIBLE_SHARE } from "~/lib/findings/contrast.ts";
import { LOSS_LEVELS, WIDEST_BRACKET } from "~/lib/findings/curves.ts";
import { edgeAtStop } from "~/lib/findings/edge.ts";
import { type Finding, findingsTable, listFindings } from "~/lib/findings/list_findings.ts";
import { comparePublished, publishedSentences, publishedTable } from "~/lib/findings/published.ts";
import { rankMeasures, rankSentences, rankTable } from "~/lib/findings/rank_measures.ts";
import { enumerate, missingText, stopInWords } from "~/lib/findings/words.ts";
import { runsAt, summariseCells, type TrajectoryRecord } from "~/lib/results.ts";
import { type Study, studyName } from "~/lib/study.ts";

/** `findings.md` for the preset that the results are about, `NAME.findings.md` for other studies. */
export function findingsPath(study: Study, folder: string): string {
  const name = studyName(study);
  return join(folder, name === "standard" ? "findings.md" : `${name}.findings.md`);
}

/** Writes what was found. @returns The page's path. */
export async function writeFindings(
  study: Study,
  records: readonly TrajectoryRecord[],
  folder: string,
): Promise<string> {
  const path = findingsPath(study, folder);
  await writeWhole(path, findingsMarkdown(study, records));
  return path;
}

/** Every sentence and table about a study; the same text for the same records. */
export function findingsMarkdown(study: Study, records: readonly TrajectoryRecord[]): string {
  const findings = listFindings(study, records);
  const claims = listClaims(findings);
  const runs = runsAt(study, records);
  const published = comparePublished(study, records);
  const [stop = ""] = study.stops;
  /** The series' findings at a place, then those of optimizers. */
  const at = (where: Finding["where"]): Finding[] =>
    findings.filter((each) =>
      each.where === where && (where === "stop" || each.comparisons.length > 0)
    ).sort((a, b) => Number(a.isAgainst) - Number(b.isAgainst));
  const textsOf = (some: readonly Finding[]): string[] => some.map(({ text }) => text);
  const missing = missingText(study, summariseCells(study, runs)).trim();
  const paragraphs = [
    `# What ${studyName(study)} shows`,
    `Computed from the records beside this page; \`deno task reproduce\` writes it. The stop is ` +
    `\`${stop}\`: ${stopInWords(stop)}.`,
    list(firstScreen(claims, findings)),
    "## The claims",
    tableText(claimsTable(claims, findings)),
    VERDICTS,
    FAMILY,
    "## At the stop",
    list(textsOf(at("stop"))),
    "## At the stop, in other measures",
    tableText(findingsTable(at("measure"))),
    "## At equal training loss",
    `Levels: ${LOSS_LEVELS.join(", ")} nats of the loss over all training images. A value is ` +
    "interpolated, linearly in its logarithm, between the two kept networks around the level; " +
    `they lie at most ${WIDEST_BRACKET} nats apart. The distance to a monotone cubic is added to ` +
    "the interval. Cells that lack such a pair of networks are missing at that level.",
    list([
      ...lossGaps(findings),
      ...textsOf(at("loss").filter(({ isAgainst }) => !isAgainst)),
    ]),
    tableText(findingsTable(at("loss"))),
    "## The edge of stability",
    "Full-batch gradient descent is stable while learning rate × λ max, λ max the largest " +
    "eigenvalue of the loss's Hessian, is below 2.",
    list(
      study.grid.effects.filter((effect) => effect !== "pairs")
        .flatMap((effect) => edgeAtStop(study, runs, { effect })),
    ),
    "## Against the published values",
    list(publishedSentences(published)),
    tableText(publishedTable(published.filter(({ ours }) => ours !== null))),
    "## What goes with generalization",
    "Kendall's tau is 1 where networks stand in the same order, −1 in the opposite one. Baselines " +
    "need no measuring. Intervals: 95 % bootstrap over seeds and cells. A mean over groups stands " +
    "only where all groups have one sign.",
    ...(["gap", "test error"] as const).flatMap((target) => {
      const ranks = rankMeasures(study, runs, target);
      return [
        target === "test error"
          ? "Against the test error:"
          : "Against the generalization gap (test loss − training loss):",
        list(rankSentences(ranks)),
        tableText(rankTable(ranks)),
      ];
    }),
    "## What is missing",
    missing || "Every cell has all its seeds at the stop.",
  ];
  return paragraphs.filter((text) => text !== "").join("\n\n") + "\n";
}

const VERDICTS =
  "A verdict compares the two ends of a row, paired over seeds, by the ratio of their values with its " +
  `95 % t interval. *Negligible*: the interval lies within 1/${NEGLIGIBLE_RATIO} to ` +
  `${NEGLIGIBLE_RATIO}, even if it excludes 1. *Survives*: it excludes 1 on the side of the effect at ` +
  "the stop; *reverses*: on the other side. *Inconclusive*: anything else. Where a value is not told " +
  `from 0, the difference is judged, with a margin of ${100 * NEGLIGIBLE_SHARE} % of the larger ` +
  "value. *Relative sharpness* moves each unit's weights by a share of their norm, so it does not see " +
  "their scale.";
const FAMILY =
  "All verdicts by learning rate and batch size in this table are one family: their p values are " +
  "adjusted by Holm's method, and a verdict whose p then exceeds 0.05 is inconclusive. The sections " +
  "below give each verdict by itself. Steps, and cells that compare optimizers, are counted by " +
  "Benjamini and Hochberg's method at 0.05: *open* are those that it does not settle, *alike* those " +
  "whose difference is negligible.";

/** At which levels a series has no interval, one sentence a measure. */
function lossGaps(findings: readonly Finding[]): string[] {
  const asked = findings.filter(({ where, isAgainst }) => where === "loss" && !isAgainst);
  return [...Map.groupBy(asked, ({ label }) => label)].flatMap(([label, all]) => {
    const open = all.filter(({ comparisons }) => comparisons.length === 0);
    if (open.length === 0) return [];
    const start = `No interval yet for ${label}`;
    if (open.length === all.length) return [`${start}, in any series at any level.`];
    const parts = [...Map.groupBy(open, ({ subject }) => subject)].map(([subject, own]) => {
      const isAll = own.length === LOSS_LEVELS.length;
      const levels = isAll ? "every level" : enumerate(own.map(({ level }) => String(level)));
      return `${subject}, at ${levels}`;
    });
    return [`${start}: ${parts.join("; ")}.`];
  });
}

function list(sentences: readonly string[]): string {
  return sentences.map((sentence) => `- ${sentence.trim()}`).join("\n");
}

/** A table in Markdown, numbers to three digits; nothing for one without rows. */
function tableText(table: ColumnTable): string {
  if (table.numRows() === 0) return "";
  const names = table.columnNames();
  const cell = (value: unknown): string => {
    if (typeof value !== "number") return String(value ?? "");
    const isExact = Number.isInteger(value) ||
      value < 1e-3 && value === Number(value.toPrecision(1));
    return isExact ? String(value) : significant(value);
  };
  const rows = table.objects().map((row) =>
    names.map((name) => cell((row as Record<string, unknown>)[name]))
  );
  return [names, names.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}
