/**
 * A study as data: a grid of trajectories, and what is asked of each.
 *
 * @module
 */
import type { LayerSizes } from "~/lib/model.ts";
import type { EffectName } from "~/lib/study/effects.ts";

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
