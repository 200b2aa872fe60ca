/**
 * The loss of one set of complete logits, with their own statistics and with given ones.
 *
 * @module
 */
import type { SharedSplit } from "~/lib/engine/cpu/pass.ts";
import { BLOCK, openPlaces, type Workspace } from "~/lib/engine/cpu/workspace.ts";
import type { SharedFloats } from "~/lib/engine/engine.ts";
import { NORMALISATION_EPSILON } from "~/lib/model.ts";

/** Logits of all rows, blocks of [classes, rows] one after the other. */
export interface PointTask {
  readonly classes: number;
  readonly logits: SharedFloats;
  /** Statistics to take the loss with too. */
  readonly frozen?: Float64Array;
}

/** What the logits of a point give. */
export interface PointLoss {
  /** Mean cross-entropy in nats. */
  readonly loss: number;
  /** The same with the given statistics; NaN where none were given. */
  readonly frozen: number;
  /** Mean and then 1 / sqrt(variance + epsilon) of every class, shape [2 * classes]. */
  readonly statistics: Float64Array;
}

/** Computes the mean cross-entropies of a point. */
export function pointLoss(
  workspace: Workspace,
  split: SharedSplit,
  { classes, logits, frozen }: PointTask,
): PointLoss {
  const rows = split.size;
  const places = openPlaces();
  const labels = places.allocate(rows);
  const statistics = places.allocate(16 * classes);
  const scratch = places.allocate(16 * classes + 48);
  const values = places.allocate(4 * classes * rows);
  workspace.reserve(places.end);
  const { memory, kernels } = workspace;
  new Uint8Array(memory.buffer, labels, rows).set(split.labels.subarray(0, rows));
  new Float32Array(memory.buffer, values, classes * rows).set(logits);
  const crossEntropy = (): number =>
    kernels.crossEntropy(values, labels, statistics, scratch, classes, rows, BLOCK) / rows;
  kernels.logitStatistics(values, statistics, classes, rows, BLOCK, NORMALISATION_EPSILON);
  const view = new Float64Array(memory.buffer, statistics, 2 * classes);
  const own = view.slice();
  const loss = crossEntropy();
  if (frozen === undefined) return { loss, frozen: NaN, statistics: own };
  view.set(frozen);
  return { loss, frozen: crossEntropy(), statistics: own };
}
