/**
 * What stands under a figure: what was measured, n, intervals, and how training ended.
 *
 * @module
 */
import type { CellSummary } from "~/lib/results.ts";
import type { LossAxis } from "~/lib/figures/axis.ts";
import { edgeLine } from "~/lib/figures/edge_marks.ts";
import { cellsLossAxis, measureAxis } from "~/lib/figures/measure_axis.ts";
import { plural, plurals, significant, thousands } from "~/lib/files/numbers.ts";
import { capitalize } from "~/lib/files/text.ts";
import { enumerate, PUBLISHED_PROTOCOL, type PublishedCell } from "~/lib/findings.ts";
import { openMeasure } from "~/lib/measure.ts";
import { EFFECTS, type Study, trajectoryOf } from "~/lib/study.ts";
import { type Trajectory, trajectoryPath } from "~/lib/trainer.ts";

/** Cells with diverged runs that are named; of more the runs are only counted. */
const NAMED_CELLS = 4;

/** The caption of a figure that shows these cells' sharpness. */
export function sharpnessCaption(
  study: Study,
  cells: readonly CellSummary[],
  published: readonly PublishedCell[],
): string {
  const measure = openMeasure(cells[0]?.measure ?? "sharpness");
  const hasSeedIntervals = cells.some(({ value }) => value?.interval);
  const counts = cells.filter(({ value }) => value !== null)
    .map(({ bySeed }) => bySeed.filter(({ value }) => value !== null).length);
  const seeds = counts.length > 0 ? `; n = ${plurals(counts, "seed")} a cell` : "";
  const pooled = "thin: the original study's, over all seeds × directions as if independent.";
  const unknown = counts.includes(1) ? " (none where n = 1)" : "";
  const hasPooled = cells.some(({ value }) => value?.pooledInterval);
  const { bottom } = measureAxis(cells, published);
  const isCut = cells.some(({ value }) =>
    [value?.interval, value?.pooledInterval].some((ends) => ends && ends[0] < bottom)
  );
  return [
    `${describeMeasure(study, measure)}${seeds}. Networks at the stop ${study.stops[0]}.`,
    hasSeedIntervals
      ? `Bold: 95 % t interval over seed means${unknown}${hasPooled ? `; ${pooled}` : "."}`
      : counts.length > 0 &&
        `One seed gives no interval over seeds${hasPooled ? `; ${pooled}` : "."}`,
    published.length > 0 &&
    "Grey, hollow: the published means, 95 % t intervals over their 6 seeds, at the stop " +
      `${PUBLISHED_PROTOCOL.stop}.`,
    edgeLine(cells).length > 0 &&
    "Dashed: the edge of stability of full-batch gradient descent.",
    isCut && "Intervals that reach below the axis end at it.",
    `Lower panels: mean full-set training loss${
      references(cellsLossAxis(cells, { classes: study.sizes.at(-1)! }))
    }.`,
    ...trainingSentences(study, cells, { divergedAre: "excluded from all means" }),
  ].filter((sentence) => typeof sentence === "string").join(" ");
}

/** The caption of the figure of training losses. */
export function trainingCaption(
  study: Study,
  cells: readonly CellSummary[],
  axis: LossAxis,
): string {
  return [
    `Mean batch loss of every epoch, one line a run; ${studyImages(study)}, seeds ` +
    `${
      study.grid.seeds.join(", ")
    }. A line ends in a filled dot where the run reached the stop, in a ` +
    "hollow one where the epoch limit stopped it, in × where it diverged" +
    `${references(axis)}.`,
    ...trainingSentences(study, cells, { divergedAre: "drawn to the last finite loss" }),
  ].join(" ");
}

/** What the measure is, with n of directions and images. */
function describeMeasure(
  study: Study,
  { name, label, parameters: { directions, radius } }: ReturnType<typeof openMeasure>,
): string {
  if (name === "sharpness") {
    return `Mean rise in the loss over ${studyImages(study)} at K = ${directions} random points ` +
      `at distance r = ${radius} from the trained weights`;
  }
  const details = [
    directions !== undefined && `K = ${directions}`,
    radius !== undefined && `r = ${radius}`,
    studyImages(study),
  ];
  return `${capitalize(label)} (${details.filter(Boolean).join(", ")})`;
}

/** "Mean full-set training losses: 0.810 to 1.00 nats."; nothing where none is known. */
export function lossSentence(cells: readonly { readonly trainLoss: number | null }[]): string {
  const losses = cells.flatMap(({ trainLoss }) => trainLoss ?? []);
  if (losses.length === 0) return "";
  const [low, high] = [Math.min(...losses), Math.max(...losses)].map((loss) => significant(loss));
  return `Mean full-set training losses: ${low === high ? low : `${low} to ${high}`} nats.`;
}

/** The dashed lines, which stand where losses come close to them. */
function references({ references: shown }: LossAxis): string {
  const words = shown.map((loss) =>
    loss < 1 ? `the lowest possible, ${loss.toFixed(3)}` : `ln(classes), ${loss.toFixed(3)}`
  );
  return words.length === 0 ? "" : `; dashed: ${enumerate(words)}`;
}

function studyImages({ images }: Study): string {
  return `${thousands(images)} training images`;
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
        const run = trajectoryOf(study, { optimizer, learningRate, batchSize }, seed);
        return [trajectoryPath(run), { ...run, stopped }] as const;
      })
    ),
  );
  const planned = new Set(
    cells.flatMap((cell) =>
      study.grid.seeds.map((seed) => trajectoryPath(trajectoryOf(study, cell, seed)))
    ),
  ).size;
  const withEnd = (end: string) => [...runs.values()].filter(({ stopped }) => stopped === end);
  const [unconverged, diverged] = [withEnd("epoch limit"), withEnd("diverged")];
  const endings = [
    [unconverged, "did not reach the stop (hollow)"],
    [diverged, `diverged (${divergedAre})${nameRuns(diverged)}`],
  ] as const;
  const some = endings.filter(([ended]) => ended.length > 0)
    .map(([ended, how]) => `${ended.length} ${how}`);
  const ended = runs.size === 1
    ? `the only run ${endings.find(([ended]) => ended.length === 1)?.[1] ?? "reached the stop"}`
    : unconverged.length === runs.size
    ? `none of ${runs.size} runs reached the stop (hollow)`
    : some.length > 0
    ? `of ${plural(runs.size, "run")} ${some.join(" and ")}`
    : `all ${plural(runs.size, "run")} reached the stop`;
  const limit = `At most ${plural(study.maxEpochs, "epoch")}`;
  return [
    runs.size > 0 ? `${limit}; ${ended}.` : `${limit}.`,
    ...(study.stops[0]?.startsWith("epochs:")
      ? ["After a number of epochs networks lie on their way down, not in minima."]
      : []),
    ...(runs.size < planned
      ? [`${planned - runs.size} of ${plural(planned, "run")} without result yet.`]
      : []),
  ];
}

/** ": SGD at learning rate 1e-1, batch size 128, seeds 0, 2; ..." or nothing where it grows long. */
function nameRuns(runs: readonly Trajectory[]): string {
  const cells = Map.groupBy(
    runs,
    ({ optimizer, learningRate, batchSize }) =>
      `${optimizer} at learning rate ${EFFECTS["learning-rate"].format(learningRate)}, ` +
      `batch size ${batchSize}`,
  );
  if (cells.size > NAMED_CELLS) return "";
  const names = [...cells].map(([cell, ends]) =>
    `${cell}, seed${ends.length === 1 ? "" : "s"} ${ends.map(({ seed }) => seed).join(", ")}`
  );
  return `: ${names.join("; ")}`;
}
