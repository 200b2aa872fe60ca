/**
 * Everything that is found, as one Markdown page beside the results.
 *
 * @module
 */
import type { ColumnTable } from "arquero";
import { writeWhole } from "~/lib/files/files.ts";
import { entryText, plural } from "~/lib/files/numbers.ts";
import { NEGLIGIBLE_RATIO, NEGLIGIBLE_SHARE } from "~/lib/findings/contrast.ts";
import { edgeCells, edgeMeasure, edgeTable } from "~/lib/findings/edge.ts";
import { summarySentences } from "~/lib/findings/summary.ts";
import {
  describeFinding,
  describeTurns,
  type Finding,
  findingsTable,
  isOfOtherFamily,
  listFindings,
} from "~/lib/findings/list_findings.ts";
import { LOSS_LEVELS, WIDEST_BRACKET } from "~/lib/findings/places.ts";
import {
  comparePublished,
  publishedSentences,
  publishedTable,
  shareWithin,
} from "~/lib/findings/published.ts";
import { rankMeasures, rankSentences, tauTable } from "~/lib/findings/ranks.ts";
import { enumerate } from "~/lib/findings/words.ts";
import {
  type CellSummary,
  distinctCells,
  isLost,
  type Records,
  runsAt,
  summariseCells,
} from "~/lib/results.ts";
import { EFFECTS, type Study, studyFile, studyName } from "~/lib/study.ts";
import { parseStop } from "~/lib/trainer.ts";

/** Writes what was found into `findings.md`: see `studyFile`. @returns The page's path. */
export async function writeFindings(
  study: Study,
  records: Records,
  folder: string,
): Promise<string> {
  const path = studyFile(study, folder, "findings.md");
  await writeWhole(path, findingsMarkdown(study, records));
  return path;
}

/** Every sentence and table about a study; the same text for the same records. */
export function findingsMarkdown(study: Study, records: Records): string {
  const findings = listFindings(study, records);
  const runs = runsAt(study, records);
  const published = comparePublished(study, records);
  const [stop = ""] = study.stops;
  const { words, isCriterion } = parseStop(stop);
  const cells = summariseCells(study, runs);
  const measured = distinctCells(edgeCells(study, records)).filter(({ value }) => value !== null);
  const kept = distinctCells(cells.filter((cell) => !isLost(cell)));
  const unmeasured = [...Map.groupBy(kept, (cell) => cell.optimizer)]
    .flatMap(([optimizer, { length }]) => {
      const known = measured.filter((cell) =>
        cell.optimizer === optimizer &&
        cell.bySeed.size === cell.seeds.length - cell.diverged.length
      ).length;
      const hasEdge = edgeMeasure(study, optimizer) !== undefined;
      return hasEdge && known < length
        ? `${optimizer} in ${length - known} of ${length} cells`
        : [];
    });
  const at = (where: Finding["where"]): Finding[] =>
    findings.filter((each) => each.where === where);
  /** One table of the series, one of optimizers. */
  const tablesOf = (found: readonly Finding[]): string[] =>
    [false, true].map((isAgainst) =>
      tableText(findingsTable(found.filter((each) => each.isAgainst === isAgainst)))
    );
  const family = findings.filter((each) => each.adjustedP !== null && !isOfOtherFamily(each));
  const others = tablesOf(at("measure"));
  const turns = describeTurns(at("loss"));
  const levels = LOSS_LEVELS.join(", ");
  const paragraphs = [
    `# What ${studyName(study)} shows`,
    `Computed from the records beside this page; \`deno task reproduce\` writes it. The stop is ` +
    `\`${stop}\`: ${words}.${shortText(study, cells)}` +
    (isCriterion ? " The epoch loss is the mean over its batches, each just before its step." : ""),
    list(summarySentences(findings)),
    "## How to read it",
    howToRead(family.length),
    "## At the stop",
    list(at("stop").map(describeFinding)),
    others.some((text) => text !== "")
      ? "In other measures (`deno task measure --help` defines them); all but relative sharpness (filter) are " +
        "judged each by itself:"
      : "",
    ...others,
    "## At equal training loss",
    `The loss is that of all training images: ${levels} nats. Networks were kept on ` +
    "the way down. A value lies between those of the two networks around the level, at most " +
    `${WIDEST_BRACKET} nats apart: it is interpolated, linearly in its logarithm. How far a monotone ` +
    "cubic lies from that is added to the interval. At a large learning rate the higher levels are " +
    "passed in the first epochs: these are points on the way, not minima.",
    ...tablesOf(at("loss")),
    turns.length === 0 ? "" : "Series that turn between their ends; these are seen, not tested:",
    list(turns),
    "## The edge of stability",
    "Full-batch gradient descent is stable while learning rate × λ max stays below 2. λ max is the " +
    "largest eigenvalue of the loss's Hessian, for AdaGrad of the preconditioned Hessian. Means and " +
    "intervals are taken on the log scale. Lanczos's method comes to λ max from below, so the residual " +
    "is added to the interval's upper end. A value whose residual is above 1 % of it is a lower bound, " +
    "and stands in no table.",
    tableText(edgeTable(measured)),
    unmeasured.length === 0 ? "" : `Not measured to 1 % in all seeds: ${enumerate(unmeasured)}.`,
    "## Against the published values",
    published.length === 0 ? "These cells were not published." : PUBLISHED,
    list(publishedSentences(published)),
    tableText(publishedTable(published.filter(({ ours }) => ours !== null))),
    "## What goes with generalization, and with sharpness",
    "Kendall's tau is 1 where cells stand in the same order, −1 in the opposite one. Only pairs of cells " +
    "that a 95 % t interval, paired over seeds, tells apart in both count. A tau needs three pairs, its " +
    "interval six. Baselines need no measuring; the gap is the test loss minus the training loss, so it holds one " +
    "of them. Intervals are 95 % bootstrap: cells are drawn again 1,000 times. [1.00, 1.00] says that no " +
    "draw breaks the order, not how sure it is. A mean over groups stands only where all groups have a " +
    "tau, of one sign.",
    ...(["gap", "test error", "sharpness"] as const).flatMap((target) => {
      const ranks = rankMeasures(study, runs, target);
      return [list(rankSentences(ranks)), tableText(tauTable(ranks))];
    }),
    "## What is missing",
    list(missingSentences(study, cells)) ||
    "Every cell has all its seeds at the stop.",
  ];
  return paragraphs.filter((text) => text !== "").join("\n\n") + "\n";
}

/** @param family How many comparisons are adjusted together. */
const howToRead = (family: number): string =>
  [
    "A verdict compares two cells: the first and the last that have three seeds in common. It is about " +
    "the ratio last / first, paired by seed, with a 95 % t interval in brackets, taken on the log scale. " +
    "Where a value may be 0 the difference is judged, and it says so. Two seeds have an interval and no verdict. " +
    "Seeds differ in the initial weights only; the order of the images and the directions are the same. " +
    "Intervals are of one comparison each, not adjusted.",
    list([
      `*Negligible*: it lies within 1/${NEGLIGIBLE_RATIO} to ${NEGLIGIBLE_RATIO}, even if it excludes 1; ` +
      `or a difference within ${100 * NEGLIGIBLE_SHARE} % of the larger value. ` +
      "Optimizers are then called *alike*.",
      "*Falls*, *rises*: else the interval excludes 1.",
      "*Survives*: sharpness at the stop, between the same two cells, goes the same way by its own interval. " +
      "*Reverses*: it goes the other way. Where the series is not settled at the stop, the verdict is " +
      "*falls* or *rises*.",
      "*Inconclusive*: anything else. Sentences call it *not settled*, of optimizers *open*. " +
      "Cells that do not have three seeds of both are left out. At equal loss the sentence on " +
      "optimizers above is about the level at which most cells can be compared.",
    ]),
    "Among many comparisons some exclude 1 by chance. So p is adjusted by Holm's method. A verdict whose " +
    "adjusted p is above 0.05 becomes inconclusive, and its p is shown. p tests that the ratio is 1; for " +
    `*negligible*, that it lies outside 1/${NEGLIGIBLE_RATIO} to ${NEGLIGIBLE_RATIO}. ` +
    `One family, of ${plural(family, "comparison")}, is sharpness at the stop, relative ` +
    "sharpness (filter) at the stop and at equal training loss, of all optimizers and factors. So a page of " +
    "one factor has smaller p. " +
    "Antithetic sharpness at equal loss is another family; other measures stand alone. Single steps, and the " +
    "cells of two optimizers at one place, are counted by Benjamini and Hochberg's method at 0.05.",
    "*Relative sharpness* moves each unit's weights by a share of their norm, so it does not see a layer's " +
    "scale. *Balanced*: after each hidden unit's incoming and outgoing weights were scaled to one norm, so " +
    "it does not see a unit's scale either. *Antithetic sharpness* is the mean over +u and −u. Intervals of an eigenvalue hold its residual.",
  ].join("\n\n");
const [OF_THREE, OF_ONE] = [3, 1].map((n) => (100 * shareWithin(n)).toFixed(0));
const PUBLISHED =
  "The published half-width is that of the 95 % t interval over six seeds. If both studies draw from one " +
  `population, ${OF_THREE} % of our means of three seeds lie within one half-width, and ` +
  `${OF_ONE} % of single seeds. Welch's p compares ours with the published mean, each ` +
  "cell alone; the sentences adjust it by Holm's method.";

function list(sentences: readonly string[]): string {
  return sentences.map((sentence) => `- ${sentence}`).join("\n");
}

/** A table in Markdown; nothing for one without rows. */
function tableText(table: ColumnTable): string {
  if (table.numRows() === 0) return "";
  const names = table.columnNames();
  const rows = (table.objects() as Record<string, unknown>[])
    .map((row) => names.map((name) => entryText(row[name])));
  return [names, names.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** Which runs are seen where the study's epochs end, as they did not reach the stop. */
function shortText({ grid, maxEpochs }: Study, cells: readonly CellSummary[]): string {
  const once = distinctCells(cells);
  const short = once.flatMap(({ unconverged }) => unconverged).length;
  return short === 0
    ? ""
    : ` ${short} of ${plural(once.length * grid.seeds.length, "run")} did not ` +
      `reach it: of these it is the network at epoch ${maxEpochs}.`;
}

/** How many runs of a series gave no value of the measure, diverged or did not reach the stop, where any did. */
function missingSentences({ grid }: Study, cells: readonly CellSummary[]): string[] {
  const series = Map.groupBy(cells, ({ optimizer, effect }) => (
    `${optimizer}, ${EFFECTS[effect].label}`
  ));
  return [...series].flatMap(([name, own]) => {
    const all = own.length * grid.seeds.length;
    const runs = plural(all, "run");
    const missing = all - own.flatMap(({ bySeed }) => [...bySeed]).length;
    const lost = own.flatMap(({ diverged }) => diverged).length;
    const diverged = lost === 0 ? "" : `, ${lost} of them as training diverged`;
    const short = own.flatMap(({ unconverged }) => unconverged).length;
    return [
      ...(missing === 0 ? [] : [`${name}: ${missing} of ${runs} gave no value${diverged}.`]),
      ...(short === 0 ? [] : [`${name}: ${short} of ${runs} did not reach the stop.`]),
    ];
  });
}
