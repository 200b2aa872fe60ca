/**
 * Whether it is the batch size that counts, or learning rate / batch size.
 *
 * @module
 */
import type { Study } from "~/lib/study/study.ts";

/** SGD's batch sizes at the learning rate / batch size of the base cell. */
const EQUAL_RATIO_BATCH_SIZES: readonly number[] = [128, 512, 2048, 8192];

/**
 * A study's effects for SGD, and beside them pairs in which the learning rate grows with the batch
 * size from the base cell on: an epoch goes the same way, learning rate x updates, in each.
 */
export function equalRatioStudy(
  study: Study,
  batchSizes: readonly number[] = EQUAL_RATIO_BATCH_SIZES,
): Study {
  const { baseLearningRate, baseBatchSize } = study.grid;
  return {
    ...study,
    grid: {
      ...study.grid,
      effects: [
        "learning-rate",
        "batch-size",
        ...(batchSizes.length > 0 ? ["pairs" as const] : []),
      ],
      optimizers: ["SGD"],
      pairs: batchSizes.map((batchSize) => ({
        learningRate: baseLearningRate * batchSize / baseBatchSize,
        batchSize,
      })),
    },
  };
}
