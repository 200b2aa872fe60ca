/**
 * What one thread does for a network's pass over a whole split, which is cut into pieces of rows
 * that any thread can take, and for the logits of all rows.
 *
 * @module
 */
import {
  backward,
  backwardDeltas,
  backwardTangent,
  forward,
  forwardTangent,
  layOutTangent,
  loadLabels,
  loadPixels,
  lossOfLogits,
  type RowRange,
  type SharedSplit,
  type TangentLayout,
  type Thread,
  useLogits,
} from "~/lib/engine/cpu/network.ts";
import {
  BLOCK,
  type Layout,
  layOut,
  layOutLogits,
  type LogitLayout,
  openPlaces,
  type Workspace,
} from "~/lib/engine/cpu/workspace.ts";
import type { SharedFloats } from "~/lib/engine/engine.ts";
import type { Layer, LayerSizes } from "~/lib/model.ts";

/** What the threads share of one network's pass over the N rows of a split. */
export interface SplitPass {
  readonly split: "train" | "test";
  readonly sizes: LayerSizes;
  readonly parameters: SharedFloats;
  /**
   * Outputs of all layers, or of the last only: the hidden ones are then computed again. Each is
   * [N x units], blocks of [units, rows] one after the other.
   */
  readonly outputs: readonly SharedFloats[];
  /** The loss's gradient with respect to the logits, in the same blocks, where there is a way back. */
  readonly deltas?: SharedFloats;
}

/** What they share of one vector's way through a pass: the changes of the same arrays. */
export interface Tangent extends Required<Pick<SplitPass, "outputs" | "deltas">> {
  /** v, shape [P]. */
  readonly vector: SharedFloats;
}

/** A piece of a pass. */
export interface RowTask {
  readonly pass: SplitPass;
  readonly range: RowRange;
}

/** Vectors that go through a piece of a network's pass together. */
export interface TangentTask extends RowTask {
  readonly tangents: readonly Tangent[];
}

/** Computes the logits of a piece, and keeps the hidden outputs where there is room for them. */
export async function forwardRows(thread: Thread, { pass, range }: RowTask): Promise<void> {
  const { workspace } = thread;
  const layout = openRows(workspace, pass, range);
  await forward(workspace, layout, { split: thread.splits[pass.split], ...range });
  for (const [own, shared] of pairs(workspace, layout, pass.outputs, range)) shared.set(own);
}

/** The piece's share of the gradient, shape [P], written into `out`. */
export async function backwardRows(
  thread: Thread,
  { pass, range, out }: RowTask & { readonly out: readonly SharedFloats[] },
): Promise<void> {
  const { workspace } = thread;
  const split = thread.splits[pass.split];
  const layout = openRows(workspace, pass, range);
  await restoreOutputs(workspace, layout, split, { pass, range });
  const gradient = workspace.floats(layout.gradient, pass.parameters.length).fill(0);
  // Of a single block, they are taken to be there.
  loadPixels(workspace, layout, { split, ...range }, 0, Math.min(BLOCK, range.count));
  await backward(workspace, layout, { split, ...range });
  out[0]!.set(gradient);
}

/** Computes the changes of the outputs of a piece. */
export async function tangentForwardRows(thread: Thread, task: TangentTask): Promise<void> {
  const { workspace, splits: { train: split } } = thread;
  const layout = await openTangentRows(workspace, split, task);
  const { base: { layers }, outputs } = layout;
  for (const tangent of task.tangents) {
    workspace.floats(layout.vector, tangent.vector.length).set(tangent.vector);
    await forwardTangent(workspace, layout, { split, ...task.range });
    const both = pairs(workspace, { layers, outputs }, tangent.outputs, task.range);
    for (const [own, shared] of both) shared.set(own);
  }
}

/** A piece's shares of H v, shape [P] each, written into `out`. */
export async function tangentBackwardRows(
  thread: Thread,
  { out, ...task }: TangentTask & { readonly out: readonly SharedFloats[] },
): Promise<void> {
  const { workspace, splits: { train: split } } = thread;
  const { pass, range } = task;
  const layout = await openTangentRows(workspace, split, task);
  const { base: { layers, classes, gradient }, outputs } = layout;
  const rows = { split, ...range };
  await backwardDeltas(workspace, layout, rows);
  for (const [index, tangent] of task.tangents.entries()) {
    workspace.floats(layout.vector, tangent.vector.length).set(tangent.vector);
    if (tangent.outputs.length === layers.length) {
      const both = pairs(workspace, { layers, outputs }, tangent.outputs, range);
      for (const [own, shared] of both) own.set(shared);
    } else await forwardTangent(workspace, layout, rows);
    const deltas = partOf(tangent.deltas, classes, range);
    workspace.floats(layout.tangentDeltas.at(-1)!, deltas.length).set(deltas);
    // The logits' bias is never written.
    const product = workspace.floats(gradient, pass.parameters.length).fill(0);
    await backwardTangent(workspace, layout, rows);
    out[index]!.set(product);
  }
}

/** Complete logits of a split, and what is asked of them. */
export interface LogitTask {
  readonly split: "train" | "test";
  readonly classes: number;
  readonly logits: SharedFloats;
  /** Written with the loss's gradient with respect to them, where given. */
  readonly deltas?: SharedFloats | undefined;
  /** Statistics to take the loss with too. */
  readonly frozen?: Float64Array | undefined;
}

/** What complete logits give. */
export interface LogitLoss {
  /** Mean cross-entropy in nats. */
  readonly loss: number;
  /** The same with the given statistics; NaN where none were given. */
  readonly frozen: number;
  /** Rows whose largest logit is the label's. */
  readonly correct: number;
  /** Mean and then 1 / sqrt(variance + epsilon) of every class, shape [2 * classes]. */
  readonly statistics: Float64Array;
}

/** The loss of complete logits. */
export function logitLoss(
  { workspace, splits }: Thread,
  { split: name, classes, logits, deltas, frozen }: LogitTask,
): LogitLoss {
  const split = splits[name];
  const { layout, at } = openLogits(workspace, split, classes, [logits, deltas]);
  const places = { logits: at[0]!, deltas: at[1] };
  const { loss, correct } = lossOfLogits(workspace, layout, split.size, places);
  if (deltas !== undefined) deltas.set(workspace.floats(at[1]!, deltas.length));
  const statistics = new Float64Array(workspace.memory.buffer, layout.statistics, 2 * classes);
  const result = { loss, correct, statistics: statistics.slice(), frozen: NaN };
  if (frozen === undefined) return result;
  statistics.set(frozen);
  return { ...result, frozen: workspace.kernels.crossEntropy() / split.size };
}

/** Fills a vector's `deltas` from the complete logits and their changes. */
export function tangentLoss(
  { workspace, splits: { train: split } }: Thread,
  { pass, tangent }: { readonly pass: SplitPass; readonly tangent: Tangent },
): void {
  const arrays = [pass.outputs.at(-1), tangent.outputs.at(-1), pass.deltas, tangent.deltas];
  const { layout, at } = openLogits(workspace, split, pass.sizes.at(-1)!, arrays);
  const [logits, changes, deltas, out] = at as [number, number, number, number];
  useLogits(workspace, layout, split.size, logits);
  workspace.kernels.crossEntropyHessian(changes, deltas, out);
  tangent.deltas.set(workspace.floats(out, tangent.deltas.length));
}

/** Loads labels and arrays over all rows into the workspace; those that are not given have no place. */
function openLogits(
  workspace: Workspace,
  split: SharedSplit,
  classes: number,
  arrays: readonly (SharedFloats | undefined)[],
): { layout: LogitLayout; at: (number | undefined)[] } {
  const places = openPlaces();
  const layout = layOutLogits(places, classes, split.size);
  const at = arrays.map((array) => array && places.allocate(array.byteLength));
  workspace.reserve(places.end);
  loadLabels(workspace, layout, { split, start: 0, count: split.size });
  for (const [index, array] of arrays.entries()) {
    if (array !== undefined) workspace.floats(at[index]!, array.length).set(array);
  }
  return { layout, at };
}

/** Loads the parameters and, where there are some, the logits' deltas for a piece's pass. */
function openRows(workspace: Workspace, pass: SplitPass, range: RowRange): Layout {
  const layout = layOut(pass.sizes, range.count);
  workspace.reserve(layout.end);
  workspace.floats(layout.parameters, pass.parameters.length).set(pass.parameters);
  const deltas = pass.deltas === undefined ? [] : partOf(pass.deltas, layout.classes, range);
  workspace.floats(layout.deltas.at(-1)!, deltas.length).set(deltas);
  return layout;
}

/** The network's own parameters and outputs of a piece, with room for a vector's. */
async function openTangentRows(
  workspace: Workspace,
  split: SharedSplit,
  { pass, range }: RowTask,
): Promise<TangentLayout> {
  const base = openRows(workspace, pass, range);
  const layout = layOutTangent(base, range.count);
  workspace.reserve(layout.end);
  await restoreOutputs(workspace, base, split, { pass, range });
  return layout;
}

/** Brings the outputs of a piece back, or computes them again. */
async function restoreOutputs(
  workspace: Workspace,
  layout: Layout,
  split: SharedSplit,
  { pass, range }: RowTask,
): Promise<void> {
  if (pass.outputs.length === layout.layers.length) {
    for (const [own, shared] of pairs(workspace, layout, pass.outputs, range)) own.set(shared);
  } else await forward(workspace, layout, { split, ...range });
}

/** A piece's outputs in the workspace, each with its part of an array of the split's. */
function pairs(
  workspace: Workspace,
  { layers, outputs }: { readonly layers: readonly Layer[]; readonly outputs: readonly number[] },
  shared: readonly SharedFloats[],
  range: RowRange,
): [own: Float32Array, shared: SharedFloats][] {
  return shared.map((array, index) => {
    const l = layers.length - shared.length + index;
    const units = layers[l]!.outputs;
    return [workspace.floats(outputs[l]!, units * range.count), partOf(array, units, range)];
  });
}

/** A view of a piece's part of an array by block, `units` numbers a row. */
function partOf(shared: SharedFloats, units: number, { start, count }: RowRange): SharedFloats {
  return shared.subarray(units * start, units * (start + count));
}
