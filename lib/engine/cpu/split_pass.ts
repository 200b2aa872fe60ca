/**
 * What one thread does for a network's pass over a whole split, which is cut into pieces of rows
 * that any thread can take, and for the logits of all rows.
 *
 * @module
 */
import type { Split } from "~/lib/dataset.ts";
import {
  backward,
  backwardTangent,
  forward,
  loadLabels,
  loadPixels,
  lossOfLogits,
  type RowRange,
  type Rows,
  type Thread,
  useLogits,
} from "~/lib/engine/cpu/network.ts";
import {
  BLOCK,
  type Layout,
  layOut,
  layOutLogits,
  type LogitLayout,
  openAllocator,
  type Workspace,
} from "~/lib/engine/cpu/workspace.ts";
import type { LayerSizes, SharedFloats } from "~/lib/model.ts";

/** What the threads share of a network's pass over N rows, or of a vector's way through one. */
export interface SharedPass {
  /** w or v, shape [P]. */
  readonly parameters: SharedFloats;
  /**
   * Outputs of all layers, or their changes along v; of the last only, where the hidden ones are
   * computed again. Each is [N x units], blocks of [units, rows] one after the other.
   */
  readonly outputs: readonly SharedFloats[];
  /** The loss's gradient with respect to the logits, in the same blocks, where there is a way back. */
  readonly deltas: SharedFloats | undefined;
}

export interface SplitPass extends SharedPass {
  readonly split: "train" | "test";
  readonly sizes: LayerSizes;
}

/** A piece of a network's pass, or of a vector's way through it. */
export interface RowTask {
  readonly pass: SplitPass;
  readonly tangent?: SharedPass | undefined;
  readonly range: RowRange;
}

/** Computes the logits of a piece and, where there is room for them, the hidden outputs; or their changes. */
export async function forwardRows(thread: Thread, task: RowTask): Promise<void> {
  const { workspace } = thread;
  const { pass, tangent, range } = task;
  const layout = openRows(workspace, task);
  if (tangent) await restoreOutputs(thread, layout, { pass, range });
  await forward(workspace, layout, rowsOf(thread, task), layout.tangent);
  for (const [own, shared] of pairs(workspace, layout, task)) shared.set(own);
}

/** The piece's share of the gradient, or of H v, shape [P], written into `out`. */
export async function backwardRows(
  thread: Thread,
  task: RowTask & { readonly out: SharedFloats },
): Promise<void> {
  const { workspace } = thread;
  const { pass, tangent, range } = task;
  const layout = openRows(workspace, task);
  await restoreOutputs(thread, layout, { pass, range });
  // The logits' bias is never written.
  const gradient = workspace.floats(layout.gradient, pass.parameters.length).fill(0);
  const rows = rowsOf(thread, task);
  if (tangent) {
    for (const [own, shared] of pairs(workspace, layout, task)) own.set(shared);
    await backwardTangent(workspace, layout, rows, layout.tangent!);
  } else {
    // Of a single block, they are taken to be there.
    loadPixels(workspace, layout, rows, 0, Math.min(BLOCK, range.count));
    await backward(workspace, layout, rows);
  }
  task.out.set(gradient);
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
  { pass, tangent }: { readonly pass: SplitPass; readonly tangent: SharedPass },
): void {
  const arrays = [pass.outputs.at(-1), tangent.outputs.at(-1), pass.deltas, tangent.deltas];
  const { layout, at } = openLogits(workspace, split, pass.sizes.at(-1)!, arrays);
  const [logits, changes, deltas, out] = at as [number, number, number, number];
  useLogits(workspace, layout, split.size, logits);
  workspace.kernels.crossEntropyHessian(changes, deltas, out);
  tangent.deltas!.set(workspace.floats(out, tangent.deltas!.length));
}

/** Loads labels and arrays over all rows into the workspace; those that are not given have no place. */
function openLogits(
  workspace: Workspace,
  split: Split,
  classes: number,
  arrays: readonly (SharedFloats | undefined)[],
): { layout: LogitLayout; at: (number | undefined)[] } {
  const allocator = openAllocator();
  const layout = layOutLogits(allocator, classes, split.size);
  const at = arrays.map((array) => array && allocator.allocate(array.byteLength));
  workspace.reserve(allocator.end);
  loadLabels(workspace, layout, { split, start: 0, count: split.size });
  for (const [index, array] of arrays.entries()) {
    if (array !== undefined) workspace.floats(at[index]!, array.length).set(array);
  }
  return { layout, at };
}

const rowsOf = ({ splits }: Thread, { pass: { split }, range }: RowTask): Rows => ({
  split: splits[split],
  ...range,
});

/** Loads the parameters of a piece and, where there are some, the logits' deltas; the tangent's too. */
function openRows(workspace: Workspace, { pass, tangent, range }: RowTask): Layout {
  const layout = layOut(pass.sizes, range.count, { tangent: tangent !== undefined });
  workspace.reserve(layout.end);
  for (const [own, shared] of [[layout, pass], [layout.tangent, tangent]] as const) {
    if (shared === undefined) continue;
    workspace.floats(own!.parameters, shared.parameters.length).set(shared.parameters);
    const deltas = shared.deltas ? partOf(shared.deltas, layout.classes, range) : [];
    workspace.floats(own!.deltas.at(-1)!, deltas.length).set(deltas);
  }
  return layout;
}

/** Brings the outputs of a network's piece back, or computes them again. */
async function restoreOutputs(thread: Thread, layout: Layout, task: RowTask): Promise<void> {
  const { workspace } = thread;
  if (task.pass.outputs.length === layout.layers.length) {
    for (const [own, shared] of pairs(workspace, layout, task)) own.set(shared);
  } else await forward(workspace, layout, rowsOf(thread, task));
}

/** A piece's outputs in the workspace, or the tangent's, each with its part of an array of the split's. */
function pairs(
  workspace: Workspace,
  layout: Layout,
  { pass, tangent, range }: RowTask,
): [own: Float32Array, shared: SharedFloats][] {
  const { outputs } = tangent ? layout.tangent! : layout;
  const shared = (tangent ?? pass).outputs;
  return shared.map((array, index) => {
    const l = layout.layers.length - shared.length + index;
    const units = layout.layers[l]!.outputs;
    return [workspace.floats(outputs[l]!, units * range.count), partOf(array, units, range)];
  });
}

/** A view of a piece's part of an array by block, `units` numbers a row. */
function partOf(shared: SharedFloats, units: number, { start, count }: RowRange): SharedFloats {
  return shared.subarray(units * start, units * (start + count));
}
