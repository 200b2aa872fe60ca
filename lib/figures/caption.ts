/**
 * What stands under a figure: what was measured, n, intervals, and how training ended.
 *
 * @module
 */
import type { CellSummary } from "~/lib/results.ts";
import { lossFloor, sharpnessAxis } from "~/lib/figures/axis.ts";
import { formatValue } from "~/lib/figures/theme.ts";
import { type RunConfig, runPath, type Study } from "~/lib/study.ts";

/** Cells with diverged runs that are named; of more the runs are only counted. */
const NAMED_CELLS = 4;

/** The caption of a figure that shows these cells' sharpness. */
export function sharpnessCaption(study: Study, cells: readonly CellSummary[]): string {
  const { directions, radius } = study.sharpness;
  const hasSeedIntervals = cells.some(({ sharpness }) => sharpness?.interval);
  const counts = cells.filter(({ sharpness }) => sharpness !== null)
    .map(({ bySeed }) => bySeed.filter(({ sharpness }) => sharpness !== null).length);
  const seeds = counts.length > 0
    ? `; n = ${range(counts)} ${Math.max(...counts) === 1 ? "seed" : "seeds"} a cell`
    : "";
  const pooled = "thin: the original study's, over all seeds × directions as if independent.";
  const unknown = counts.includes(1) ? " (none where n = 1)" : "";
  const { bottom } = sharpnessAxis(cells);
  const isCut = cells.some(({ sharpness }) =>
    [sharpness?.interval, sharpness?.pooledInterval].some((ends) => ends && ends[0] < bottom)
  );
  return [
    `Mean rise in the loss over ${studyImages(study)} at K = ${directions} random points at ` +
    `distance r = ${radius} from the trained weights${seeds}.`,
    hasSeedIntervals
      ? `Bold: 95 % t interval over seed means${unknown}; ${pooled}`
      : counts.length > 0 && `One seed gives no interval over seeds; ${pooled}`,
    isCut && "Intervals that reach below the axis end at it.",
    `Lower panels: mean final training loss; dashed: the lowest possible, ${lowestLoss(study)}.`,
    ...trainingSentences(study, cells, { divergedAre: "excluded from all means" }),
  ].filter((sentence) => typeof sentence === "string").join(" ");
}

/** The caption of the figure of training losses. */
export function trainingCaption(study: Study, cells: readonly CellSummary[]): string {
  return [
    `Mean batch loss of every epoch, one line a run; ${studyImages(study)}, seeds ` +
    `${study.grid.seeds.join(", ")}. A line ends in a filled dot where the run converged, in a ` +
    "hollow one where the epoch limit stopped it, in × where it diverged; dashed: the lowest " +
    `possible loss, ${lowestLoss(study)}.`,
    ...trainingSentences(study, cells, { divergedAre: "drawn to the last finite loss" }),
  ].join(" ");
}

function lowestLoss({ training }: Study): string {
  return lossFloor(training.sizes.at(-1)!).toFixed(3);
}

function studyImages({ training }: Study): string {
  return `${thousands(training.images)} training images`;
}

/** Epochs at most, and the runs that are missing, did not converge or diverged. */
function trainingSentences(
  study: Study,
  cells: readonly CellSummary[],
  { divergedAre }: { divergedAre: string },
): string[] {
  const runs = new Map(
    cells.flatMap((cell) =>
      cell.bySeed.map(({ seed, stopped }) => {
        const { optimizer, learningRate, batchSize } = cell;
        const run = { optimizer, learningRate, batchSize, seed };
        return [runPath(run), { ...run, stopped }] as const;
      })
    ),
  );
  const planned = new Set(
    cells.flatMap((cell) => study.grid.seeds.map((seed) => runPath({ ...cell, seed }))),
  ).size;
  const withEnd = (end: string) => [...runs.values()].filter(({ stopped }) => stopped === end);
  const [unconverged, diverged] = [withEnd("epoch limit"), withEnd("diverged")];
  const endings = [
    [unconverged, "did not converge (hollow)"],
    [diverged, `diverged (${divergedAre})${nameRuns(diverged)}`],
  ] as const;
  const some = endings.filter(([ended]) => ended.length > 0)
    .map(([ended, how]) => `${ended.length} ${how}`);
  const ended = runs.size === 1
    ? `the only run ${endings.find(([ended]) => ended.length === 1)?.[1] ?? "converged"}`
    : unconverged.length === runs.size
    ? `none of ${runs.size} runs converged (hollow)`
    : some.length > 0
    ? `of ${plural(runs.size, "run")} ${some.join(" and ")}`
    : `all ${plural(runs.size, "run")} converged`;
  const limit = `At most ${plural(study.training.maxEpochs, "epoch")}`;
  return [
    runs.size > 0 ? `${limit}; ${ended}.` : `${limit}.`,
    ...(runs.size < planned
      ? [`${planned - runs.size} of ${plural(planned, "run")} without result yet.`]
      : []),
  ];
}

/** ": SGD at learning rate 1e-1, batch size 128, seeds 0, 2; ..." or nothing where it grows long. */
function nameRuns(runs: readonly RunConfig[]): string {
  const cells = Map.groupBy(
    runs,
    ({ optimizer, learningRate, batchSize }) =>
      `${optimizer} at learning rate ${formatValue("learning-rate", learningRate)}, ` +
      `batch size ${batchSize}`,
  );
  if (cells.size > NAMED_CELLS) return "";
  const names = [...cells].map(([cell, ends]) =>
    `${cell}, seed${ends.length === 1 ? "" : "s"} ${ends.map(({ seed }) => seed).join(", ")}`
  );
  return `: ${names.join("; ")}`;
}

function range(counts: readonly number[]): string {
  const [low, high] = [Math.min(...counts), Math.max(...counts)];
  return low === high ? String(low) : `${low} to ${high}`;
}

function plural(count: number, noun: string): string {
  return `${thousands(count)} ${noun}${count === 1 ? "" : "s"}`;
}

function thousands(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ",");
}
