/**
 * Losses around minima on one thread, a few blocks of rows at a time.
 *
 * Because u_k is shared by all models, X (W1 + s U1) = X W1 + s X U1: the products with W1 are
 * computed once a model and those with U1 once a direction, and a pair of the two costs only the
 * sum, the ReLU and the small layers behind.
 *
 * @module
 */
import { blockOffset, loadPixels, type SharedSplit } from "~/lib/engine/cpu/pass.ts";
import { BLOCK, openPlaces, type Workspace } from "~/lib/engine/cpu/workspace.ts";
import type { SharedFloats } from "~/lib/engine/engine.ts";
import {
  countParameters,
  type Layer,
  type LayerSizes,
  layoutLayers,
  NORMALISATION_EPSILON,
} from "~/lib/model.ts";

/** Models and directions whose logits are computed together. */
export interface PairTask {
  readonly sizes: LayerSizes;
  readonly models: readonly SharedFloats[];
  /** Standard normal vectors g_k, or zeros for no step, shape [P] each. */
  readonly directions: readonly SharedFloats[];
  /** radius / |g_k| for each direction, or 0 for no step. */
  readonly scales: readonly number[];
  /** Written: logits of every pair, shape [models][directions][rows x classes], by block of rows. */
  readonly logits: SharedFloats;
}

/** Computes the logits of all pairs for `count` rows from `start` on, whole blocks of the split. */
export async function perturbedLogits(
  workspace: Workspace,
  split: SharedSplit,
  task: PairTask,
  { start, count }: { start: number; count: number },
): Promise<void> {
  const layers = layoutLayers(task.sizes);
  const [first, ...rest] = layers as [Layer, ...Layer[]];
  const classes = layers.at(-1)!.outputs;
  const P = countParameters(task.sizes);
  const smallStart = first.bias;
  const smallLength = P - smallStart;
  const blocks = Array.from(
    { length: Math.ceil(count / BLOCK) },
    (_, index) => ({ at: index * BLOCK, length: Math.min(BLOCK, count - index * BLOCK) }),
  );
  const { inputs, outputs: units } = first;

  const places = openPlaces();
  const { allocate } = places;
  const bytes = allocate(BLOCK * inputs);
  const pixels = allocate(4 * count * inputs);
  const parameters = allocate(4 * P);
  const outputs = layers.map((layer) => allocate(4 * layer.outputs * BLOCK));
  const shift = allocate(4 * units * count);
  const small = allocate(4 * smallLength);
  const bases = task.models.map(() => allocate(4 * units * count));
  const smallModels = task.models.map(() => allocate(4 * smallLength));
  workspace.reserve(places.end);
  const { memory, kernels, gemm } = workspace;
  const load = (values: Float32Array, at: number): void =>
    new Float32Array(memory.buffer, at, values.length).set(values);
  /** out = X W1^T + b1, [count, units], with the parameters that were loaded. */
  async function firstLayer(out: number): Promise<void> {
    const W = parameters + 4 * first.weight;
    const pending = gemm(false, true, count, units, inputs, 1, pixels, W, 0, out);
    if (pending) await pending;
    kernels.addBiasToRows(out, parameters + 4 * first.bias, count, units);
  }

  for (const { at, length } of blocks) {
    const target = { layers, bytes, pixels: pixels + 4 * inputs * at };
    loadPixels(workspace, target, { split, first: start, count }, at, length);
  }
  for (const [m, model] of task.models.entries()) {
    load(model, parameters);
    await firstLayer(bases[m]!);
    load(model.subarray(smallStart), smallModels[m]!);
  }
  const smallDirection = parameters + 4 * smallStart;
  const combine = rest.length > 0 ? kernels.addScaledRelu : kernels.addScaled;
  for (const [k, direction] of task.directions.entries()) {
    load(direction, parameters);
    await firstLayer(shift);
    const scale = task.scales[k]!;
    for (const m of task.models.keys()) {
      kernels.addScaled(smallModels[m]!, smallDirection, small, smallLength, scale);
      const pair = m * task.directions.length + k;
      for (const { at, length } of blocks) {
        const Z = blockOffset(bases[m]!, units, at);
        combine(Z, blockOffset(shift, units, at), outputs[0]!, units * length, scale);
        for (const [index, { inputs: K, outputs: n, weight, bias }] of rest.entries()) {
          const W = small + 4 * (weight - smallStart);
          const out = outputs[index + 1]!;
          // The first layer's outputs lie as [rows, units], the others' as [units, rows].
          const pending = gemm(false, index === 0, n, length, K, 1, W, outputs[index]!, 0, out);
          if (pending) await pending;
          if (index < rest.length - 1) {
            kernels.addBiasRelu(out, small + 4 * (bias - smallStart), n, length);
          }
        }
        const logits = new Float32Array(memory.buffer, outputs.at(-1)!, classes * length);
        task.logits.set(
          rest.length > 0 ? logits : transpose(logits, length, classes),
          classes * (pair * split.size + start + at),
        );
      }
    }
  }
}

/** A matrix [rows, columns] as [columns, rows]. */
function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  return matrix.map((_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]!);
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
  const places = openPlaces();
  const labels = places.allocate(rows);
  const statistics = places.allocate(16 * classes);
  const scratch = places.allocate(16 * classes + 48);
  const logits = places.allocate(4 * classes * rows);
  workspace.reserve(places.end);
  const { memory, kernels } = workspace;
  new Uint8Array(memory.buffer, labels, rows).set(split.labels.subarray(0, rows));
  const from = pair * classes * rows;
  new Float32Array(memory.buffer, logits, classes * rows)
    .set(task.logits.subarray(from, from + classes * rows));
  kernels.logitStatistics(logits, statistics, classes, rows, BLOCK, NORMALISATION_EPSILON);
  return kernels.crossEntropy(logits, labels, statistics, scratch, classes, rows, BLOCK) / rows;
}
