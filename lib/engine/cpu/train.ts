/**
 * One epoch of training on one thread.
 *
 * @module
 */
import { findStep } from "~/lib/engine/cpu/kernels/kernels.ts";
import {
  backward,
  forward,
  loadLabels,
  lossOfLogits,
  type Thread,
} from "~/lib/engine/cpu/network.ts";
import { layOut } from "~/lib/engine/cpu/workspace.ts";
import type { Member, StackOptions } from "~/lib/engine/engine.ts";
import { parseOptimizer } from "~/lib/optimizer.ts";
import { permutation } from "~/lib/random.ts";

/** The rule that the matrix products can take in as they write: `w -= rate g`. */
const IN_PLACE_STEP = "sgdStep";

/** Trains a member one epoch, its arrays in place; returns the unweighted mean of batch losses. */
export async function trainEpoch(
  { workspace, splits: { train: split } }: Thread,
  { sizes, learningRate, epochs, parameters, state, ...task }: StackOptions & Member,
): Promise<number> {
  const batchSize = Math.min(task.batchSize, split.size);
  const { kernel, slots } = parseOptimizer(task.optimizer);
  const layout = layOut(sizes, batchSize, { slots: slots.length });
  workspace.reserve(layout.end);
  const P = parameters.length;
  const vectors = [
    [workspace.floats(layout.parameters, P), parameters],
    ...layout.slots.map((at, slot) =>
      [workspace.floats(at, P), state.subarray(slot * P, (slot + 1) * P)] as const
    ),
  ] as const;
  for (const [here, shared] of vectors) here.set(shared);
  // Every step leaves zeros.
  workspace.floats(layout.gradient, P).fill(0);

  // Which update the next one is, 1 for the first of all.
  let t = epochs * Math.ceil(split.size / batchSize) + 1;
  let coefficients = kernel.coefficients({ learningRate, t });
  const step = findStep(workspace.kernels, kernel.name, coefficients.length);
  const [firstSlot = 0, secondSlot = firstSlot] = layout.slots;
  const isInPlace = kernel.name === IN_PLACE_STEP && workspace.accumulates;
  // A gradient is complete in the last block only, when nothing needs its weights any more.
  const options = {
    inPlaceRate: isInPlace ? learningRate : undefined,
    onGradient(offset: number, length: number): void {
      const at = 4 * offset;
      const [w, g, s] = [layout.parameters + at, layout.gradient + at, firstSlot + at];
      step(w, g, s, length, secondSlot - firstSlot, ...coefficients);
    },
  };
  const places = { logits: layout.outputs.at(-1)!, deltas: layout.deltas.at(-1)! };
  let sum = 0;
  let batches = 0;
  const order = task.shuffle === undefined
    ? undefined
    : permutation(split.size, task.shuffle, epochs);
  for (let start = 0; start < split.size; start += batchSize) {
    const rows = { split, start, count: Math.min(batchSize, split.size - start), order };
    loadLabels(workspace, layout, rows);
    await forward(workspace, layout, rows);
    sum += lossOfLogits(workspace, layout, rows.count, places).loss;
    batches++;
    await backward(workspace, layout, rows, options);
    coefficients = kernel.coefficients({ learningRate, t: ++t });
  }
  for (const [here, shared] of vectors) shared.set(here);
  return sum / batches;
}
