/**
 * The study as data: presets, the grid of runs, and what identifies a run.
 *
 * @module
 */
import { type LayerSizes, MLP_1 } from "~/lib/model.ts";
import { type OptimizerName, OPTIMIZERS } from "~/lib/optimizer.ts";

/** What the study varies, one factor at a time. */
export const EFFECTS = ["learning-rate", "batch-size"] as const;
export type Effect = typeof EFFECTS[number];

/** How epochs without improvement are counted: see `hasConverged`. */
export const STOPPING_RULES = ["consecutive", "cumulative"] as const;
export type StoppingRule = typeof STOPPING_RULES[number];

/** What tells one trained network from another within a study. */
export interface RunConfig {
  readonly optimizer: OptimizerName;
  readonly learningRate: number;
  /** Images a batch. */
  readonly batchSize: number;
  /** Seed of the initial weights, the same weights in every cell. */
  readonly seed: number;
}

/** How every network of a study is trained. */
export interface TrainingProtocol {
  readonly sizes: LayerSizes;
  /** The first so many training images are used; the test set is always whole. */
  readonly images: number;
  readonly maxEpochs: number;
  readonly stopping: StoppingRule;
  /** Nats: an epoch that improves the loss by less counts as one without improvement. */
  readonly stoppingCriterion: number;
  /** Epochs without improvement that end training. */
  readonly stoppingCriterionEpochs: number;
}

/** How sharpness is sampled. */
export interface SharpnessProtocol {
  /** Length of the step r in parameter space. */
  readonly radius: number;
  /** Number of directions K. */
  readonly directions: number;
  /** Seed of the directions. */
  readonly directionSeed: number;
}

/** Which cells are trained: learning rates at `baseBatchSize`, batch sizes at `baseLearningRate`. */
export interface Grid {
  readonly effects: readonly Effect[];
  readonly optimizers: readonly OptimizerName[];
  readonly learningRates: readonly number[];
  readonly batchSizes: readonly number[];
  readonly baseLearningRate: number;
  readonly baseBatchSize: number;
  readonly seeds: readonly number[];
}

/** A study: a grid and how its runs are trained and measured. */
export interface Study {
  readonly preset: PresetName;
  readonly grid: Grid;
  readonly training: TrainingProtocol;
  readonly sharpness: SharpnessProtocol;
}

/** A point of a figure: the runs that differ in seed only, seen as one value of one effect. */
export interface Cell {
  readonly effect: Effect;
  readonly optimizer: OptimizerName;
  readonly learningRate: number;
  readonly batchSize: number;
}

/** Seed of the study's directions; a number of its own so that no initialisation shares a stream. */
export const DIRECTION_SEED = 20_251_107;

const PROTOCOL = {
  training: {
    sizes: MLP_1,
    stopping: "consecutive",
    stoppingCriterion: 1e-3,
    stoppingCriterionEpochs: 5,
  },
  sharpness: { radius: 5, directionSeed: DIRECTION_SEED },
} as const;

const FULL_GRID: Omit<Grid, "seeds"> = {
  effects: EFFECTS,
  optimizers: OPTIMIZERS,
  learningRates: [1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 1e-1],
  batchSizes: [32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 50000],
  baseLearningRate: 1e-4,
  baseBatchSize: 128,
};

export const PRESETS = ["quick", "standard", "paper"] as const;
export type PresetName = typeof PRESETS[number];

/** A first look in minutes, hours on a laptop, and the original's protocol to convergence. */
export const presets: Readonly<Record<PresetName, Study>> = {
  quick: {
    preset: "quick",
    grid: {
      ...FULL_GRID,
      learningRates: [1e-3, 1e-2, 1e-1],
      batchSizes: [32, 128, 1024],
      baseLearningRate: 1e-2,
      seeds: [0, 1, 2],
    },
    training: { ...PROTOCOL.training, images: 10_000, maxEpochs: 10 },
    sharpness: { ...PROTOCOL.sharpness, directions: 16 },
  },
  standard: {
    preset: "standard",
    grid: { ...FULL_GRID, seeds: [0, 1, 2] },
    training: { ...PROTOCOL.training, images: 50_000, maxEpochs: 30 },
    sharpness: { ...PROTOCOL.sharpness, directions: 49 },
  },
  paper: {
    preset: "paper",
    grid: { ...FULL_GRID, seeds: [0, 1, 2, 3, 4, 5] },
    training: { ...PROTOCOL.training, images: 50_000, maxEpochs: 20_000 },
    sharpness: { ...PROTOCOL.sharpness, directions: 49 },
  },
};

/**
 * The cells of a grid in the order of its figures. The base cell belongs to both effects and so
 * stands twice, with runs in common.
 */
export function listCells(grid: Grid): Cell[] {
  const { baseBatchSize, baseLearningRate } = grid;
  const points: Record<Effect, { learningRate: number; batchSize: number }[]> = {
    "learning-rate": grid.learningRates.map((learningRate) => (
      { learningRate, batchSize: baseBatchSize }
    )),
    "batch-size": grid.batchSizes.map((batchSize) => (
      { learningRate: baseLearningRate, batchSize }
    )),
  };
  return grid.effects.flatMap((effect) =>
    grid.optimizers.flatMap((optimizer) =>
      points[effect].map((point) => ({ effect, optimizer, ...point }))
    )
  );
}

/** The distinct runs of a grid: every cell with every seed, each once. */
export function listRuns(grid: Grid): RunConfig[] {
  const runs = new Map<string, RunConfig>();
  for (const { optimizer, learningRate, batchSize } of listCells(grid)) {
    for (const seed of grid.seeds) {
      const run = { optimizer, learningRate, batchSize, seed };
      runs.set(runPath(run), run);
    }
  }
  return [...runs.values()];
}

/** A run's place below a study's folder, without extension: "SGD/lr=0.001,batch=128,seed=0". */
export function runPath({ optimizer, learningRate, batchSize, seed }: RunConfig): string {
  return `${optimizer}/lr=${learningRate},batch=${batchSize},seed=${seed}`;
}

/**
 * Names the folder of a study's models: the preset, and every training option that differs from it,
 * so that a run under another protocol can never be taken for one of the preset's.
 *
 * @example
 * ```ts
 * import { modelsFolder, presets } from "~/lib/study/study.ts";
 *
 * const { quick } = presets;
 * const shorter = { ...quick, training: { ...quick.training, maxEpochs: 2 } };
 * if (modelsFolder(quick) !== "quick") throw new Error("preset renamed");
 * if (modelsFolder(shorter) !== "quick,max-epochs=2") throw new Error("protocol lost");
 * ```
 */
export function modelsFolder({ preset, training }: Study): string {
  const usual = presets[preset].training;
  const name = [preset as string];
  if (String(training.sizes) !== String(usual.sizes)) {
    name.push(`layers=${training.sizes.join("-")}`);
  }
  for (
    const [key, option] of [
      ["images", "images"],
      ["maxEpochs", "max-epochs"],
      ["stopping", "stopping"],
      ["stoppingCriterion", "stopping-criterion"],
      ["stoppingCriterionEpochs", "stopping-criterion-epochs"],
    ] as const
  ) {
    if (training[key] !== usual[key]) name.push(`${option}=${training[key]}`);
  }
  return name.join(",");
}

/** Names the folder of a study's results: its models' and every sharpness option that differs. */
export function resultsFolder(study: Study): string {
  const usual = presets[study.preset].sharpness;
  const name = [modelsFolder(study)];
  for (
    const [key, option] of [
      ["radius", "radius"],
      ["directions", "directions"],
      ["directionSeed", "direction-seed"],
    ] as const
  ) {
    if (study.sharpness[key] !== usual[key]) name.push(`${option}=${study.sharpness[key]}`);
  }
  return name.join(",");
}
