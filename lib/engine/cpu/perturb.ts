/**
 * Losses around minima on one thread, one block of rows at a time.
 *
 * Because u_k is shared by all models, X (W1 + s U1) = X W1 + s X U1: a block's products with W1 are
 * computed once a model and those with U1 once a direction, and a pair of the two costs only the
 * sum, the ReLU and the small layers behind.
 *
 * @module
 */
import { loadPixels, type SharedSplit } from "~/lib/engine/cpu/pass.ts";
import { BLOCK, type Workspace } from "~/lib/engine/cpu/workspace.ts";
import type { SharedFloats } from "~/lib/engine/engine.ts";
import { FREE_BYTES_FROM } from "~/lib/engine/kernels/kernels.ts";
import {
  countParameters,
  type LayerSizes,
  layoutLayers,
  NORMALISATION_EPSILON,
} from "~/lib/model.ts";

/** Models and directions whose logits are computed together. */
export interface PairTask {
  readonly sizes: LayerSizes;
  readonly models: readonly SharedFloats[];
  /** Standard normal vectors g_k, shape [P] each. */
  readonly directions: readonly SharedFloats[];
  /** radius / |g_k| for each direction. */
  readonly scales: readonly number[];
  /** Written: logits of every pair, shape [models][directions][rows x classes], by block of rows. */
  readonly logits: SharedFloats;
}

/** Computes the logits of all pairs for the block of rows that begins at `start`. */
export async function perturbedLogits(
  workspace: Workspace,
  split: SharedSplit,
  task: PairTask,
  start: number,
): Promise<void> {
  const length = Math.min(BLOCK, split.size - start);
  const layers = layoutLayers(task.sizes);
  const [first, ...rest] = layers;
  const classes = layers.at(-1)!.outputs;
  const P = countParameters(task.sizes);
  const smallStart = first!.bias;
  const smallLength = P - smallStart;

  let next = FREE_BYTES_FROM;
  function allocate(bytes: number): number {
    const offset = next;
    next = Math.ceil((next + bytes) / 64) * 64;
    return offset;
  }
  const inputs = first!.inputs;
  const bytes = allocate(length * inputs);
  const pixels = allocate(4 * length * inputs);
  const parameters = allocate(4 * P);
  const outputs = layers.map((layer) => allocate(4 * layer.outputs * length));
  const base = allocate(4 * first!.outputs * length);
  const small = allocate(4 * smallLength);
  const shifts = task.directions.map(() => allocate(4 * first!.outputs * length));
  const smallDirections = task.directions.map(() => allocate(4 * smallLength));
  workspace.reserve(next);
  const { memory, kernels, gemm } = workspace;
  const load = (values: Float32Array, at: number): void =>
    new Float32Array(memory.buffer, at, values.length).set(values);
  /** out = W1 X^T + b1 with the parameters that were loaded. */
  async function firstLayer(out: number): Promise<void> {
    const { outputs: units, weight, bias } = first!;
    const W = parameters + 4 * weight;
    const pending = gemm(false, true, units, length, inputs, 1, W, pixels, 0, out);
    if (pending) await pending;
    // Logits take no bias: the normalisation removes any constant.
    if (rest.length > 0) kernels.addBias(out, parameters + 4 * bias, units, length);
  }

  loadPixels(
    workspace,
    { layers, bytes, pixels },
    { split, first: 0, count: split.size },
    start,
    length,
  );
  for (const [k, direction] of task.directions.entries()) {
    load(direction, parameters);
    await firstLayer(shifts[k]!);
    load(direction.subarray(smallStart), smallDirections[k]!);
  }
  for (const [m, model] of task.models.entries()) {
    load(model, parameters);
    await firstLayer(base);
    for (const [k, scale] of task.scales.entries()) {
      const combine = rest.length > 0 ? kernels.addScaledRelu : kernels.addScaled;
      combine(base, shifts[k]!, outputs[0]!, first!.outputs * length, scale);
      const weights = parameters + 4 * smallStart;
      kernels.addScaled(weights, smallDirections[k]!, small, smallLength, scale);
      for (const [index, { inputs: K, outputs: units, weight, bias }] of rest.entries()) {
        const W = small + 4 * (weight - smallStart);
        const out = outputs[index + 1]!;
        const pending = gemm(false, false, units, length, K, 1, W, outputs[index]!, 0, out);
        if (pending) await pending;
        if (index < rest.length - 1) {
          kernels.addBiasRelu(out, small + 4 * (bias - smallStart), units, length);
        }
      }
      const pair = m * task.directions.length + k;
      task.logits.set(
        new Float32Array(memory.buffer, outputs.at(-1)!, classes * length),
        classes * (pair * split.size + start),
      );
    }
  }
}

/** Mean cross-entropy of one pair whose logits are complete. */
export function pairLoss(
  workspace: Workspace,
  split: SharedSplit,
  task: PairTask,
  pair: number,
): number {
  const rows = split.size;
  const classes = task.sizes.at(-1)!;
  const labels = FREE_BYTES_FROM;
  const statistics = Math.ceil((labels + rows) / 64) * 64;
  const scratch = statistics + 16 * classes;
  const logits = Math.ceil((scratch + 8 * classes) / 64) * 64;
  workspace.reserve(logits + 4 * classes * rows);
  const { memory, kernels } = workspace;
  new Uint8Array(memory.buffer, labels, rows).set(split.labels.subarray(0, rows));
  const from = pair * classes * rows;
  new Float32Array(memory.buffer, logits, classes * rows)
    .set(task.logits.subarray(from, from + classes * rows));
  kernels.logitStatistics(logits, statistics, classes, rows, BLOCK, NORMALISATION_EPSILON);
  return kernels.crossEntropy(logits, labels, statistics, scratch, classes, rows, BLOCK) / rows;
}
