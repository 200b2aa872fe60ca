/**
 * A study as data: a grid of trajectories, what is asked of each, and the effects that it varies.
 *
 * @module
 */
import { scientific } from "~/lib/files/numbers.ts";
import { type Trajectory, trajectoryPath } from "~/lib/trainer.ts";

/** The presets by name, the smallest first. */
export const PRESETS = ["quick", "standard", "paper"] as const;
/** One of `PRESETS`. */
export type PresetName = typeof PRESETS[number];

/** A learning rate and a batch size. */
export type Pair = Pick<Trajectory, "learningRate" | "batchSize">;

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

/**
 * A study: a grid, the stops and measures that are asked of its trajectories, and what is the same in
 * all of these.
 */
export interface Study extends Pick<Trajectory, "sizes" | "images" | "init" | "order"> {
  /** The preset that it came from. */
  readonly preset: string;
  readonly grid: Grid;
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
  /** What the other factor is: "batch size 128"; nothing where both vary. */
  other(study: { readonly grid: Grid }): string;
  /** The grid's points, in the order of its figures. */
  points(grid: Grid): readonly Pair[];
}

/** Every effect by its name. */
export const EFFECTS: Readonly<Record<EffectName, Effect>> = {
  "learning-rate": {
    ...{ label: "learning rate", axis: "Learning rate", symbol: "circle" },
    valueOf: ({ learningRate }) => learningRate,
    format: formatRate,
    other: ({ grid }) => `batch size ${grid.baseBatchSize}`,
    points: ({ learningRates, baseBatchSize: batchSize }) =>
      learningRates.map((learningRate) => ({ learningRate, batchSize })),
  },
  "batch-size": {
    ...{ label: "batch size", axis: "Batch size (images)", symbol: "square" },
    valueOf: ({ batchSize }) => batchSize,
    format: String,
    other: ({ grid }) => `learning rate ${formatRate(grid.baseLearningRate)}`,
    points: ({ batchSizes, baseLearningRate: learningRate }) =>
      batchSizes.map((batchSize) => ({ learningRate, batchSize })),
  },
  pairs: {
    ...{ label: "learning rate / batch size", symbol: "triangle" },
    axis: "Learning rate / batch size (1/images)",
    // 6.4e-3 / 8192 and 1e-4 / 128 differ by rounding only: they are one ratio.
    valueOf: ({ learningRate, batchSize }) => Number((learningRate / batchSize).toPrecision(9)),
    format: formatRate,
    other: () => "",
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

/** A point of a figure: the trajectories that differ in seed only, seen as one value of an effect. */
export interface Cell extends Pair {
  readonly effect: EffectName;
  readonly optimizer: string;
}

/** The cells of a grid in the order of its figures; the base cell once for each of its two effects. */
export function listCells({ grid }: Pick<Study, "grid">): Cell[] {
  return grid.effects.flatMap((effect) =>
    grid.optimizers.flatMap((optimizer) =>
      EFFECTS[effect].points(grid).map((point) => ({ effect, optimizer, ...point }))
    )
  );
}

/** The trajectory of a cell and seed. */
export function trajectoryOf(
  { sizes, images, init, order }: Pick<Study, "sizes" | "images" | "init" | "order">,
  { optimizer, learningRate, batchSize }: Omit<Cell, "effect">,
  seed: number,
): Trajectory {
  return {
    ...{ dataset: "cifar10", images, sizes, optimizer, learningRate, batchSize, seed },
    ...(init === undefined ? {} : { init }),
    ...(order === undefined ? {} : { order }),
  };
}

/** What a cell's trajectories have, by the grid's seeds; trajectories that have none are left out. */
export function byCell<T>(
  study: Study,
  all: readonly T[],
  trajectoryFor: (one: T) => Trajectory,
): (cell: Cell) => T[] {
  const known = new Map(all.map((one) => [trajectoryPath(trajectoryFor(one)), one]));
  return (cell) =>
    study.grid.seeds.flatMap((seed) =>
      known.get(trajectoryPath(trajectoryOf(study, cell, seed))) ?? []
    );
}

/**
 * The distinct trajectories of a study, each once, seeds outermost: every cell with one seed, then
 * with the next, so that a study that is ended early has whole cells.
 */
export function listTrajectories(study: Study): Trajectory[] {
  const trajectories = study.grid.seeds.flatMap((seed) =>
    listCells(study).map((cell) => trajectoryOf(study, cell, seed))
  );
  return [...new Map(trajectories.map((each) => [trajectoryPath(each), each])).values()];
}

/** The measures that a study asks of a trajectory's network at one of its stops. */
export function measuresAt({ stops, measures }: Study, stop: string): readonly string[] {
  return stop === stops[0] ? measures.first : measures.others;
}

/** The study, asking for these measures of the networks at its first stop, too. */
export function withMeasures(study: Study, texts: readonly string[]): Study {
  const { measures } = study;
  return { ...study, measures: { ...measures, first: [...measures.first, ...texts] } };
}

/** The measure that a study is about: the first at its first stop, or the published study's. */
export function mainMeasure({ measures }: Pick<Study, "measures">): string {
  return measures.first[0] ?? "sharpness";
}
