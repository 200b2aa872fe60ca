/**
 * One epoch of training on one thread.
 *
 * @module
 */
import { backward } from "~/lib/engine/cpu/gradient.ts";
import { findStep } from "~/lib/engine/cpu/kernels/kernels.ts";
import { forward, loadLabels, lossOfLogits, type SharedSplit } from "~/lib/engine/cpu/pass.ts";
import { layOut, type Workspace } from "~/lib/engine/cpu/workspace.ts";
import type { SharedFloats } from "~/lib/engine/engine.ts";
import type { LayerSizes } from "~/lib/model.ts";
import { openOptimizer } from "~/lib/optimizer.ts";

/** One network and how it is trained. */
export interface EpochTask {
  readonly sizes: LayerSizes;
  readonly batchSize: number;
  /** Canonical text of an optimizer. */
  readonly optimizer: string;
  readonly learningRate: number;
  /** Epochs before this one. */
  readonly epochs: number;
  /** Shape [P], read and written. */
  readonly parameters: SharedFloats;
  /** Shape [S * P], read and written. */
  readonly state: SharedFloats;
}

/** The rule that the matrix products can take in as they write: `w -= rate g`. */
const IN_PLACE_STEP = "sgdStep";

/** Trains one epoch over the split in file order; returns the unweighted mean of batch losses. */
export async function trainEpoch(
  workspace: Workspace,
  split: SharedSplit,
  task: EpochTask,
): Promise<number> {
  const { learningRate } = task;
  const batchSize = Math.min(task.batchSize, split.size);
  const { kernel, slots } = openOptimizer(task.optimizer);
  const layout = layOut(task.sizes, batchSize, slots.length);
  workspace.reserve(layout.end);
  const { memory, kernels } = workspace;
  const P = task.parameters.length;
  const view = (at: number): Float32Array => new Float32Array(memory.buffer, at, P);
  const vectors: [Float32Array, SharedFloats][] = [
    [view(layout.parameters), task.parameters],
    ...slots.map((_, slot): [Float32Array, SharedFloats] => [
      view(layout.state + slot * layout.stateStride),
      task.state.subarray(slot * P, (slot + 1) * P),
    ]),
  ];
  for (const [here, shared] of vectors) here.set(shared);
  // Every step leaves zeros.
  view(layout.gradient).fill(0);

  // Which update the next one is, 1 for the first of all.
  let t = task.epochs * Math.ceil(split.size / batchSize) + 1;
  let coefficients = kernel.coefficients({ learningRate, t });
  const step = findStep(kernels, kernel.name, coefficients.length);
  const inPlace = kernel.name === IN_PLACE_STEP && workspace.accumulates;
  // A gradient is complete in the last block only, when nothing needs its weights any more.
  const options = {
    ...(inPlace ? { inPlaceRate: learningRate } : {}),
    onGradient(offset: number, length: number): void {
      const [w, g] = [layout.parameters + 4 * offset, layout.gradient + 4 * offset];
      step(w, g, layout.state + 4 * offset, length, layout.stateStride, ...coefficients);
    },
  };
  let sum = 0;
  let batches = 0;
  for (let first = 0; first < split.size; first += batchSize) {
    const rows = { split, first, count: Math.min(batchSize, split.size - first) };
    loadLabels(workspace, layout, rows);
    await forward(workspace, layout, rows);
    sum += lossOfLogits(workspace, layout, rows.count, true).loss;
    batches++;
    await backward(workspace, layout, rows, options);
    coefficients = kernel.coefficients({ learningRate, t: ++t });
  }
  for (const [here, shared] of vectors) shared.set(here);
  return sum / batches;
}
