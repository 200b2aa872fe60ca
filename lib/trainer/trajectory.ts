/**
 * Trajectories: everything that decides the weights after t epochs.
 *
 * @module
 */
import { z } from "zod";
import { MLP_1 } from "~/lib/model.ts";

/** The schema of a trajectory, in files too: records' checksums depend on the order of its keys. */
export const Trajectory = z.object({
  dataset: z.literal("cifar10"),
  /** The first so many training images are used; the test set is always whole. */
  images: z.int().min(1),
  sizes: z.array(z.int().min(1)).min(2).readonly(),
  /** Canonical text of an optimizer with its hyperparameters. */
  optimizer: z.string(),
  learningRate: z.number().positive(),
  /** Images a batch. */
  batchSize: z.int().min(1),
  /** Seed of the initial weights: the same weights in every cell. */
  seed: z.int().min(0),
  /** SHA-256, its beginning, of weights that it starts from in place of the seed's. */
  init: z.string().optional(),
  /** The images in a new order every epoch, from the seed; absent: in file order. */
  order: z.literal("shuffled").optional(),
});
/** All that decides the weights after any number of epochs: not when to stop or what is measured. */
export type Trajectory = Readonly<z.infer<typeof Trajectory>>;

/** A trajectory's place below models/ and results/, without extension. */
export function trajectoryPath(trajectory: Trajectory): string {
  const { dataset, images, sizes, optimizer } = trajectory;
  const layers = String(sizes) === String(MLP_1) ? "" : `,layers=${sizes.join("-")}`;
  return `${dataset},images=${images}${layers}/${optimizer}/${describeRun(trajectory)}`;
}

/** What tells it from the others of its folder: "lr=0.001,batch=128,seed=0". */
function describeRun({ learningRate, batchSize, seed, init, order }: Trajectory): string {
  const from = init === undefined ? "" : `,init=${init}`;
  const how = order === undefined ? "" : `,order=${order}`;
  return `lr=${learningRate},batch=${batchSize},seed=${seed}${from}${how}`;
}

/** "SGD lr=0.001,batch=128,seed=0": how messages name it. */
export function describeTrajectory(trajectory: Trajectory): string {
  return `${trajectory.optimizer} ${describeRun(trajectory)}`;
}

/** The same in all that decides the weights. */
export function isSameTrajectory(a: Trajectory, b: Trajectory): boolean {
  return trajectoryPath(a) === trajectoryPath(b);
}
