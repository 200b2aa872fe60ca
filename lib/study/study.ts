/**
 * A study as data: a grid of trajectories, what is asked of each, and the effects that it varies.
 *
 * @module
 */
import { scientific } from "~/lib/files/numbers.ts";
import type { LayerSizes } from "~/lib/model.ts";

/** The presets by name, the smallest first. */
export const PRESETS = ["quick", "standard", "paper"] as const;
/** One of `PRESETS`. */
export type PresetName = typeof PRESETS[number];

/** A learning rate and a batch size. */
export interface Pair {
  readonly learningRate: number;
  readonly batchSize: number;
}

/** Which cells are trained. */
export interface Grid {
  readonly effects: readonly EffectName[];
  /** Canonical texts of optimizers. */
  readonly optimizers: readonly string[];
  /** At `baseBatchSize`. */
  readonly learningRates: readonly number[];
  /** At `baseLearningRate`. */
  readonly batchSizes: readonly number[];
  readonly baseLearningRate: number;
  readonly baseBatchSize: number;
  /** Of the effect "pairs". */
  readonly pairs: readonly Pair[];
  readonly seeds: readonly number[];
}

/** A study: a grid, the stops and measures that are asked of its trajectories. */
export interface Study {
  /** The preset that it came from. */
  readonly preset: string;
  readonly grid: Grid;
  readonly sizes: LayerSizes;
  /** Of its trajectories, as order: see `Trajectory`. */
  readonly init?: string;
  readonly order?: "shuffled" | undefined;
  /** The first so many training images are used; the test set is always whole. */
  readonly images: number;
  /** A trajectory ends here where a stop is not reached before. */
  readonly maxEpochs: number;
  /** Canonical texts; figures show the first. */
  readonly stops: readonly string[];
  /** Canonical texts of the measures of every network at the first stop, and at the others. */
  readonly measures: { readonly first: readonly string[]; readonly others: readonly string[] };
}

/** What a study varies: one factor at a time, or pairs of both. */
export type EffectName = "learning-rate" | "batch-size" | "pairs";

/** A factor as sentences, axes and grids know it. */
export interface Effect {
  readonly name: EffectName;
  /** Within a sentence: "learning rate". */
  readonly label: string;
  /** On an axis, with its unit. */
  readonly axis: string;
  /** Its marks where several effects share a figure. */
  readonly symbol: "circle" | "square" | "triangle";
  /** Where a cell stands on the axis. */
  valueOf(cell: Pair): number;
  /** A value as axes and sentences show it: "5×10⁻⁴", "2" and "32768". */
  format(value: number): string;
  /** What the other factor is: "batch size 128". */
  other(study: { readonly grid: Grid }): string;
  /** The grid's points, in the order of its figures. */
  points(grid: Grid): readonly Pair[];
}

/** Every effect by its name. */
export const EFFECTS: Readonly<Record<EffectName, Effect>> = {
  "learning-rate": {
    ...{ name: "learning-rate", label: "learning rate", symbol: "circle" },
    axis: "Learning rate",
    valueOf: ({ learningRate }) => learningRate,
    format: formatRate,
    other: ({ grid }) => `batch size ${grid.baseBatchSize}`,
    points: ({ learningRates, baseBatchSize: batchSize }) =>
      learningRates.map((learningRate) => ({ learningRate, batchSize })),
  },
  "batch-size": {
    ...{ name: "batch-size", label: "batch size", symbol: "square" },
    axis: "Batch size (images)",
    valueOf: ({ batchSize }) => batchSize,
    format: String,
    other: ({ grid }) => `learning rate ${formatRate(grid.baseLearningRate)}`,
    points: ({ batchSizes, baseLearningRate: learningRate }) =>
      batchSizes.map((batchSize) => ({ learningRate, batchSize })),
  },
  pairs: {
    ...{ name: "pairs", label: "lr / batch size", symbol: "triangle" },
    axis: "Learning rate / batch size (1/images)",
    valueOf: ({ learningRate, batchSize }) => learningRate / batchSize,
    format: formatRate,
    other: () => "pairs of both",
    points: ({ pairs }) => pairs,
  },
};

/** Where a cell stands on its effect's axis. */
export function effectValue(cell: Pair & { readonly effect: EffectName }): number {
  return EFFECTS[cell.effect].valueOf(cell);
}

/** "5×10⁻⁴", and "2" from 1 on. */
function formatRate(value: number): string {
  return value >= 1 && value < 1000 ? String(Number(value.toPrecision(3))) : scientific(value);
}
