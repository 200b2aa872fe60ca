/**
 * When training has converged: the study's two ways to count epochs without improvement.
 *
 * @module
 */
import type { TrainingProtocol } from "~/lib/study.ts";

/** What the rule needs of a protocol. */
export type StoppingOptions = Pick<
  TrainingProtocol,
  "stopping" | "stoppingCriterion" | "stoppingCriterionEpochs"
>;

/**
 * Tells whether training should end after the last of these epochs.
 *
 * - "consecutive": each of the last `stoppingCriterionEpochs` epochs improved the loss by less than
 *   `stoppingCriterion` nats (a rise counts as no improvement).
 * - "cumulative", as the original's program counts: `|change|` was below the criterion in so many
 *   epochs from the third on, wherever they lie.
 *
 * @param epochLosses Mean batch loss of every epoch so far in nats.
 *
 * @example
 * ```ts
 * import { hasConverged } from "~/lib/trainer/stopping.ts";
 *
 * const rule = { stopping: "consecutive", stoppingCriterion: 1e-3, stoppingCriterionEpochs: 2 } as const;
 * if (hasConverged([2, 1, 0.9999], rule)) throw new Error("one flat epoch is not two");
 * if (!hasConverged([2, 1, 0.9999, 0.9998], rule)) throw new Error("two flat epochs");
 * ```
 */
export function hasConverged(
  epochLosses: readonly number[],
  { stopping, stoppingCriterion, stoppingCriterionEpochs }: StoppingOptions,
): boolean {
  const improvements = epochLosses.slice(1).map((loss, index) => epochLosses[index]! - loss);
  if (stopping === "consecutive") {
    return improvements.length >= stoppingCriterionEpochs &&
      improvements.slice(-stoppingCriterionEpochs).every((value) => value < stoppingCriterion);
  }
  // The first change is that of the second epoch.
  const flat = improvements.slice(1).filter((value) => Math.abs(value) < stoppingCriterion);
  return flat.length >= stoppingCriterionEpochs;
}
