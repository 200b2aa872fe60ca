/**
 * One epoch of training on one thread.
 *
 * @module
 */
import { backward } from "~/lib/engine/cpu/gradient.ts";
import { forward, loadLabels, lossOfLogits, type SharedSplit } from "~/lib/engine/cpu/pass.ts";
import { layOut, type Workspace } from "~/lib/engine/cpu/workspace.ts";
import type { Evaluation, SharedFloats } from "~/lib/engine/engine.ts";
import { countParameters, type LayerSizes } from "~/lib/model.ts";
import type { OptimizerName } from "~/lib/optimizer.ts";

/** One network and how it is trained. */
export interface EpochTask {
  readonly sizes: LayerSizes;
  readonly batchSize: number;
  readonly optimizer: OptimizerName;
  readonly learningRate: number;
  /** Read and written. */
  readonly parameters: SharedFloats;
  /** Read and written. */
  readonly state: SharedFloats;
}

/** Trains one epoch over the split in file order; returns the unweighted mean of batch losses. */
export async function trainEpoch(
  workspace: Workspace,
  split: SharedSplit,
  task: EpochTask,
): Promise<number> {
  const batchSize = Math.min(task.batchSize, split.size);
  const layout = layOut(task.sizes, batchSize);
  workspace.reserve(layout.end);
  const { memory, kernels } = workspace;
  const parameters = new Float32Array(memory.buffer, layout.parameters, task.parameters.length);
  const state = new Float32Array(memory.buffer, layout.state, task.state.length);
  parameters.set(task.parameters);
  state.set(task.state);
  const rate = task.learningRate;
  const step = task.optimizer === "SGD"
    ? (offset: number, length: number): void =>
      kernels.sgdStep(layout.parameters + 4 * offset, layout.gradient + 4 * offset, length, rate)
    : (offset: number, length: number): void =>
      kernels.adagradStep(
        layout.parameters + 4 * offset,
        layout.gradient + 4 * offset,
        layout.state + 4 * offset,
        length,
        rate,
      );
  const inPlace = task.optimizer === "SGD" && workspace.accumulates;
  // A gradient is complete in the last block only, when nothing needs its weights any more.
  const options = { ...(inPlace ? { inPlaceRate: rate } : {}), onGradient: step };
  let sum = 0;
  let batches = 0;
  for (let first = 0; first < split.size; first += batchSize) {
    const rows = { split, first, count: Math.min(batchSize, split.size - first) };
    loadLabels(workspace, layout, rows);
    await forward(workspace, layout, rows);
    sum += lossOfLogits(workspace, layout, rows.count, true).loss;
    batches++;
    await backward(workspace, layout, rows, options);
  }
  task.parameters.set(parameters);
  task.state.set(state);
  return sum / batches;
}

/** Evaluates a network on a whole split, with the gradient's norm where asked for. */
export async function evaluate(
  workspace: Workspace,
  split: SharedSplit,
  sizes: LayerSizes,
  { parameters, gradient }: { parameters: SharedFloats; gradient: boolean },
): Promise<Evaluation> {
  const layout = layOut(sizes, split.size);
  workspace.reserve(layout.end);
  const { memory } = workspace;
  new Float32Array(memory.buffer, layout.parameters, parameters.length).set(parameters);
  const rows = { split, first: 0, count: split.size };
  loadLabels(workspace, layout, rows);
  await forward(workspace, layout, rows);
  const { loss, correct } = lossOfLogits(workspace, layout, rows.count, gradient);
  let gradientNorm = NaN;
  if (gradient) {
    const values = new Float32Array(memory.buffer, layout.gradient, countParameters(sizes));
    values.fill(0);
    await backward(workspace, layout, rows, { onGradient: () => {} });
    let squares = 0;
    for (const value of values) squares += value * value;
    gradientNorm = Math.sqrt(squares);
  }
  return { loss, accuracy: correct / split.size, gradientNorm };
}
