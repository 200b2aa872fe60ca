/**
 * What figures of cells have in common: places along an axis, labels, marks, and captions.
 *
 * @module
 */
import type { Axis, LegendItem, Row } from "~/lib/figures/figure.ts";
import { INK, type OptimizerStyle } from "~/lib/figures/theme.ts";
import { plural, plurals, scientific, thousands } from "~/lib/files/numbers.ts";
import { capitalize } from "~/lib/files/text.ts";
import { openMeasure } from "~/lib/measure.ts";
import type { CellSummary, RunResult } from "~/lib/results.ts";
import {
  type Cell,
  type EffectName,
  EFFECTS,
  formatRate,
  listCells,
  type Study,
} from "~/lib/study.ts";

/** Cells with diverged runs that are named; of more the runs are only counted. */
const NAMED_CELLS = 4;

/** Where an effect's cells stand. */
export interface Place {
  readonly axis: Axis;
  /** What is varied, and what stays. */
  readonly heading: string;
  valueOf(cell: Pick<Cell, "learningRate" | "batchSize">): number;
}

/** The axis of an effect's values; of pairs of one learning rate / batch size, their batch sizes. */
export function placeOf(study: Study, effect: EffectName): Place {
  const cells = listCells({ grid: { ...study.grid, effects: [effect] } });
  const ratios = new Set(cells.map((cell) => EFFECTS.pairs.valueOf(cell).toPrecision(9)));
  const isOneRatio = effect === "pairs" && ratios.size === 1;
  const { label, axis, valueOf, format, other } = EFFECTS[isOneRatio ? "batch-size" : effect];
  const values = [...new Set(cells.map(valueOf))].sort((a, b) => a - b);
  return {
    axis: { label: axis, scale: "log", values, format },
    heading: isOneRatio
      ? `Learning rate / batch size ${scientific(Number([...ratios][0]))}`
      : effect === "pairs"
      ? "Pairs of learning rate and batch size"
      : `${capitalize(label)}, at ${other(study)}`,
    valueOf,
  };
}

/** A measure's axis, its label in two lines. */
export function measureAxis(text: string): Axis {
  const { label, unit, parameters } = openMeasure(text);
  const units = unit === "1" ? "" : ` (${unit.replace(" per unit^2", "/unit²")})`;
  const at = "radius" in parameters ? `at r = ${parameters.radius}` : "";
  const [first, second] = at === ""
    ? halves(capitalize(label).split(" "))
    : [capitalize(label), at];
  return { label: `${first}\n${second}${units}`.trim(), scale: "measure" };
}

/** Words in two parts as even as can be. */
export function halves(words: readonly string[]): [string, string] {
  const splits = words.map((_, i): [string, string] => [
    words.slice(0, i + 1).join(" "),
    words.slice(i + 1).join(" "),
  ]);
  const longer = (lines: readonly string[]): number => Math.max(...lines.map((l) => l.length));
  return splits.toSorted((a, b) => longer(a) - longer(b))[0]!;
}

/** A cell's mean with its interval over seeds, as points show it; none without a value. */
export function cellRow(cell: CellSummary, x: number): Row[] {
  const { value, unconverged } = cell;
  if (value === null) return [];
  const isHollow = seedsOf(cell) === 1;
  return [{ x, y: value.mean, interval: value.interval, isHollow, isPale: unconverged.length > 0 }];
}

/** Seeds with a value. */
export function seedsOf({ bySeed }: CellSummary): number {
  return bySeed.filter(({ value }) => value !== null).length;
}

/** What points are, where cells have them: optimizers, intervals, one seed, no stop. */
export function pointsLegend(
  cells: readonly CellSummary[],
  styles: ReadonlyMap<string, OptimizerStyle>,
): LegendItem[] {
  const measured = cells.filter(({ value }) => value !== null);
  const kind = "points" as const;
  const color = INK.muted;
  return [
    ...[...styles].map(([label, { color, symbol }]) => ({ label, mark: { kind, color, symbol } })),
    measured.some(({ value }) => value!.interval) && {
      label: "mean and 95 % t interval over seeds",
      mark: { kind, color, hasInterval: true },
    },
    measured.some((cell) => seedsOf(cell) === 1) && {
      label: "one seed",
      mark: { kind, color, isHollow: true },
    },
    measured.some(({ unconverged }) => unconverged.length > 0) && {
      label: "with runs that did not reach the stop",
      mark: { kind, color, isPale: true },
    },
  ].filter((item) => item !== false);
}

/** "n = 1 to 3 seeds a cell", of the cells that have a value; nothing where none has. */
export function describeSeeds(cells: readonly CellSummary[]): string {
  const counts = cells.map(seedsOf).filter((count) => count > 0);
  return counts.length === 0 ? "" : `n = ${plurals(counts, "seed")} a cell`;
}

/** What the measure is, with K, r and n of images. */
export function describeMeasure(study: Study, text: string): string {
  const { isAtStudyRadius, label, parameters: { directions, radius } } = openMeasure(text);
  const images = `${thousands(study.images)} training images`;
  if (isAtStudyRadius) {
    return `Mean rise in the loss over ${images} at K = ${directions} random points at distance ` +
      `r = ${radius} from the trained weights`;
  }
  const details = [
    directions !== undefined && `K = ${directions}`,
    radius !== undefined && `r = ${radius}`,
    images,
  ];
  return `${capitalize(label)} (${details.filter(Boolean).join(", ")})`;
}

/** How training ended: the runs that are missing, did not reach the stop or diverged. */
export function describeRuns(study: Study, cells: readonly CellSummary[]): string {
  const keyOf = ({ optimizer, learningRate, batchSize }: Cell, seed: number): string =>
    JSON.stringify([optimizer, learningRate, batchSize, seed]);
  const runs = new Map<string, RunResult>(
    cells.flatMap((cell) => cell.bySeed.map(({ seed, run }) => [keyOf(cell, seed), run])),
  );
  const planned = new Set(
    cells.flatMap((cell) => study.grid.seeds.map((seed) => keyOf(cell, seed))),
  ).size;
  const ended = (how: string): RunResult[] =>
    [...runs.values()].filter(({ training }) => training.stopped === how);
  const [limited, diverged] = [ended("epoch limit"), ended("diverged")];
  const parts = [
    limited.length > 0 && `${limited.length} did not reach the stop`,
    diverged.length > 0 && `${diverged.length} diverged and are in no mean${nameRuns(diverged)}`,
    runs.size < planned && `${planned - runs.size} have no result yet`,
  ].filter(Boolean);
  const isPassed = study.stops[0]?.startsWith("epochs:");
  return (parts.length === 0
    ? `All ${plural(planned, "run")} reached the stop ${study.stops[0]}.`
    : `Of ${plural(planned, "run")} to the stop ${study.stops[0]}, ${parts.join(", ")}.`) +
    (isPassed ? " After a number of epochs networks lie on their way down, not in minima." : "");
}

/** ": SGD at learning rate 10⁻¹, batch size 128, seeds 0, 2; ..." or nothing where it grows long. */
function nameRuns(runs: readonly RunResult[]): string {
  const cells = Map.groupBy(
    runs.map(({ config }) => config),
    ({ optimizer, learningRate, batchSize }) =>
      `${optimizer} at learning rate ${formatRate(learningRate)}, batch size ${batchSize}`,
  );
  if (cells.size > NAMED_CELLS) return "";
  const names = [...cells].map(([cell, ends]) =>
    `${cell}, seed${ends.length === 1 ? "" : "s"} ${ends.map(({ seed }) => seed).join(", ")}`
  );
  return `: ${names.join("; ")}`;
}
