/**
 * Effects: what a study varies, each a record of everything that differs between them.
 *
 * @module
 */
import { scientific } from "~/lib/files/numbers.ts";
import type { Grid, Pair } from "~/lib/study/study.ts";

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
