/**
 * The cells and trajectories of a study's grid.
 *
 * @module
 */
import { type EffectName, EFFECTS, type Pair, type Study } from "~/lib/study/study.ts";
import { type Trajectory, trajectoryPath } from "~/lib/trainer.ts";

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
  const trajectories = new Map<string, Trajectory>();
  for (const seed of study.grid.seeds) {
    for (const cell of listCells(study)) {
      const trajectory = trajectoryOf(study, cell, seed);
      trajectories.set(trajectoryPath(trajectory), trajectory);
    }
  }
  return [...trajectories.values()];
}

/** The measures that a study asks of a trajectory's network at one of its stops. */
export function measuresAt({ stops, measures }: Study, stop: string): readonly string[] {
  return stop === stops[0] ? measures.first : measures.others;
}

/** The measure that a study is about: the first at its first stop, or the published study's. */
export function mainMeasure({ measures }: Pick<Study, "measures">): string {
  return measures.first[0] ?? "sharpness";
}
