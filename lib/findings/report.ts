/**
 * Everything that is found, as one Markdown page beside the results.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import { writeWhole } from "~/lib/files/files.ts";
import { significant } from "~/lib/files/numbers.ts";
import { NEGLIGIBLE_RATIO, NEGLIGIBLE_SHARE } from "~/lib/findings/contrast.ts";
import { edgeCells, edgeTable } from "~/lib/findings/edge.ts";
import { firstScreen } from "~/lib/findings/first_screen.ts";
import { type Finding, findingsTable, listFindings } from "~/lib/findings/list_findings.ts";
import { LOSS_LEVELS, WIDEST_BRACKET } from "~/lib/findings/places.ts";
import { comparePublished, publishedSentences, publishedTable } from "~/lib/findings/published.ts";
import { rankMeasures, rankSentences, rankTable } from "~/lib/findings/ranks.ts";
import { enumerate, stopInWords } from "~/lib/findings/words.ts";
import { type CellSummary, type Records, runsAt, summariseCells } from "~/lib/results.ts";
import { EFFECTS, type Study, studyFile, studyName } from "~/lib/study.ts";

/** `findings.md` for the preset that the results are about, `NAME.findings.md` for other studies. */
export function findingsPath(study: Study, folder: string): string {
  return studyFile(study, folder, "findings.md");
}

/** Writes what was found. @returns The page's path. */
export async function writeFindings(
  study: Study,
  records: Records,
  folder: string,
): Promise<string> {
  const path = findingsPath(study, folder);
  await writeWhole(path, findingsMarkdown(study, records));
  return path;
}

/** Every sentence and table about a study; the same text for the same records. */
export function findingsMarkdown(study: Study, records: Records): string {
  const findings = listFindings(study, records);
  const runs = runsAt(study, records);
  const published = comparePublished(study, records);
  const [stop = ""] = study.stops;
  const edged = edgeCells(study, runs);
  const unmeasured = new Set(study.grid.optimizers)
    .difference(new Set(edged.map(({ optimizer }) => optimizer)));
  /** The series' findings at a place, then those of optimizers. */
  const tableAt = (where: Finding["where"]): string =>
    tableText(findingsTable(
      findings.filter((each) => each.where === where)
        .sort((a, b) => Number(a.isAgainst) - Number(b.isAgainst)),
    ));
  const paragraphs = [
    `# What ${studyName(study)} shows`,
    `Computed from the records beside this page; \`deno task reproduce\` writes it. The stop is ` +
    `\`${stop}\`: ${stopInWords(stop)}.`,
    list(firstScreen(findings)),
    VERDICTS,
    FAMILY,
    "## At the stop",
    tableAt("stop"),
    "## At the stop, in other measures",
    tableAt("measure"),
    "## At equal training loss",
    `Levels: ${LOSS_LEVELS.join(", ")} nats of the loss over all training images. A value is ` +
    "interpolated, linearly in its logarithm, between the two kept networks around the level; " +
    `they lie at most ${WIDEST_BRACKET} nats apart. The distance to a monotone cubic is added to ` +
    "the interval. At a level that has no row, no two cells have a value of the measure.",
    tableAt("loss"),
    "## The edge of stability",
    "Full-batch gradient descent is stable while learning rate × λ max stays below 2. λ max is the " +
    "largest eigenvalue of the loss's Hessian, for AdaGrad of the preconditioned Hessian. The " +
    "interval's upper end carries the residual of Lanczos's method.",
    tableText(edgeTable(edged)),
    unmeasured.size === 0 ? "" : `Not measured: ${enumerate([...unmeasured])}.`,
    "## Against the published values",
    list(publishedSentences(published)),
    tableText(publishedTable(published.filter(({ ours }) => ours !== null))),
    "## What goes with generalization",
    "Kendall's tau is 1 where networks stand in the same order, −1 in the opposite one. Baselines " +
    "need no measuring. Intervals: 95 % bootstrap over seeds and cells. A mean over groups stands " +
    "only where all groups have one sign.",
    ...(["gap", "test error"] as const).flatMap((target) => {
      const ranks = rankMeasures(study, runs, target);
      return [list(rankSentences(ranks)), tableText(rankTable(ranks))];
    }),
    "## What is missing",
    list(missingSentences(study, summariseCells(study, runs))) ||
    "Every cell has all its seeds at the stop.",
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
  "Verdicts on learning rate and batch size at the stop, and in relative sharpness (filter) there and at " +
  "equal training loss, are one family; those in antithetic sharpness at equal loss are another. Their " +
  "p values are adjusted by Holm's method, and a verdict whose p then exceeds 0.05 is inconclusive. So is what becomes of an effect that is not settled at " +
  "the stop. Verdicts in other measures stand by themselves. Steps, and cells that compare " +
  "optimizers, are counted by Benjamini and Hochberg's method at 0.05. *Open* are those that it does " +
  "not settle, *alike* those whose difference is negligible. *Between* says how many steps from cell " +
  "to cell go the way of the two ends, and where values turn; turns are chosen by the data.";

function list(sentences: readonly string[]): string {
  return sentences.map((sentence) => `- ${sentence}`).join("\n");
}

/** A table in Markdown, numbers to three digits; nothing for one without rows. */
function tableText(table: ColumnTable): string {
  if (table.numRows() === 0) return "";
  const names = table.columnNames();
  const cell = (value: unknown): string => {
    if (typeof value !== "number") return String(value ?? "");
    const isExact = Number.isInteger(value) || value === Number(value.toPrecision(1));
    return isExact ? String(value) : significant(value);
  };
  const rows = (table.objects() as Record<string, unknown>[])
    .map((row) => names.map((name) => cell(row[name])));
  return [names, names.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** How many runs of a series have no value of the measure, or diverged, where any did. */
function missingSentences({ grid }: Study, cells: readonly CellSummary[]): string[] {
  const series = Map.groupBy(cells, ({ optimizer, effect }) => (
    `${optimizer}, ${EFFECTS[effect].label}`
  ));
  return [...series].flatMap(([name, own]) => {
    const all = own.length * grid.seeds.length;
    const missing = all - own.flatMap(({ bySeed }) => [...bySeed]).length;
    const lost = own.flatMap(({ diverged }) => diverged).length;
    const diverged = lost === 0 ? "" : `, ${lost} of them as training diverged`;
    return missing === 0 ? [] : `${name}: ${missing} of ${all} runs have no value${diverged}.`;
  });
}
