/**
 * Logits around minima on one thread, a few blocks of rows at a time.
 *
 * Because g_k is shared by all models, steps and scalings, X (W1 + s G1) = X W1 + s X G1: the products
 * with W1 are computed once a model and those with G1 once a direction, and a point costs only the
 * sum, the ReLU and the small layers behind. A scaling by rows of G1 scales columns of X G1.
 *
 * @module
 */
import { cutRows, loadPixels, type RowRange, type Thread } from "~/lib/engine/cpu/network.ts";
import { BLOCK, blockOffset, openAllocator, type Workspace } from "~/lib/engine/cpu/workspace.ts";
import {
  type Direction,
  type PartNorms,
  type RayPoint,
  stepFactors,
} from "~/lib/engine/direction.ts";
import {
  countParameters,
  type Layer,
  type LayerSizes,
  layoutLayers,
  type SharedFloats,
} from "~/lib/model.ts";

/** A model, and its norms where steps are scaled by parts. */
export interface RayModel {
  readonly parameters: SharedFloats;
  readonly norms: PartNorms | undefined;
}

export interface RayDirection<P extends RayPoint = RayPoint> {
  /** g_k and what is known of it, or null: the one point is the model itself. */
  readonly vector: (Direction & { readonly normal: SharedFloats }) | null;
  readonly points: readonly P[];
}

/** Models and directions whose logits are computed together, for a run of whole blocks of rows. */
export interface RayTask extends RowRange {
  readonly sizes: LayerSizes;
  readonly models: readonly RayModel[];
  readonly directions: readonly RayDirection[];
  /**
   * The first layer's outputs, [models][rows x units], where they are kept: written by a task whose
   * first direction is null, read by all others.
   */
  readonly bases?: SharedFloats | undefined;
  /** Written, shape [models][points of all directions][rows x classes], by block of rows. */
  readonly logits: SharedFloats;
}

export async function perturbedLogits(thread: Thread, task: RayTask): Promise<void> {
  const { workspace, splits: { train: split } } = thread;
  const { sizes, models, directions, start, count } = task;
  const layout = layOutRays(workspace, task);
  for (const { start: at, count: length } of cutRows(count)) {
    const pixels = blockOffset(layout.pixels, sizes[0]!, at);
    loadPixels(workspace, { ...layout, pixels }, { split, start, count }, at, length);
  }
  const units = layout.first.outputs;
  for (const [m, { parameters }] of models.entries()) {
    const from = units * (m * split.size + start);
    const kept = task.bases?.subarray(from, from + units * count);
    const isNew = kept === undefined || directions[0]!.vector === null;
    if (isNew) await firstLayer(workspace, layout, parameters, layout.bases[m]!);
    const base = workspace.floats(layout.bases[m]!, units * count);
    if (!isNew) base.set(kept);
    else kept?.set(base);
    workspace.floats(layout.smallModels[m]!, layout.smallLength)
      .set(parameters.subarray(layout.first.bias));
  }
  const points = directions.reduce((sum, { points }) => sum + points.length, 0);
  const classes = sizes.at(-1)!;
  let before = 0;
  for (const { vector, points: own } of directions) {
    if (vector) await firstLayer(workspace, layout, vector.normal, layout.shift);
    for (const [m, model] of models.entries()) {
      for (const [index, point] of own.entries()) {
        const addStep = movePoint(workspace, layout, { m, model, vector, point });
        const place = m * points + before + index;
        for (const { start: at, count: length } of cutRows(count)) {
          addStep(at, length);
          const logits = await smallLayers(workspace, layout, length);
          task.logits.set(logits, classes * (place * split.size + start + at));
        }
      }
    }
    before += own.length;
  }
}

/** Byte offsets of a run of rows' arrays; `small` is what lies behind the first layer's weights. */
interface RayLayout {
  readonly first: Layer;
  readonly rest: readonly Layer[];
  readonly count: number;
  readonly bytes: number;
  /** [count, inputs]. */
  readonly pixels: number;
  /** [P]. */
  readonly parameters: number;
  /** Of every layer for one block: the first's [rows, units], the others' [units, rows]. */
  readonly outputs: readonly number[];
  /** How the first layer's outputs change along a direction, and what they are at each model. */
  readonly shift: number;
  readonly bases: readonly number[];
  readonly smallLength: number;
  /** The small layers' parameters at the point, and at each model. */
  readonly small: number;
  readonly smallModels: readonly number[];
  /** [units]. */
  readonly scales: number;
  readonly shifts: number;
}

function layOutRays(workspace: Workspace, { sizes, models, count }: RayTask): RayLayout {
  const layers = layoutLayers(sizes);
  const [first, ...rest] = layers as [Layer, ...Layer[]];
  const P = countParameters(sizes);
  const smallLength = P - first.bias;
  const allocator = openAllocator();
  const floats = (length: number): number => allocator.allocate(4 * length);
  const layout = {
    ...{ first, rest, count, smallLength },
    bytes: allocator.allocate(BLOCK * first.inputs),
    pixels: floats(count * first.inputs),
    parameters: floats(P),
    outputs: layers.map((layer) => floats(layer.outputs * BLOCK)),
    shift: floats(first.outputs * count),
    small: floats(smallLength),
    scales: floats(first.outputs),
    shifts: floats(first.outputs),
    bases: models.map(() => floats(first.outputs * count)),
    smallModels: models.map(() => floats(smallLength)),
  };
  workspace.reserve(allocator.end);
  return layout;
}

/** out = X W1^T + b1, [count, units], with these parameters, which then lie in the workspace. */
async function firstLayer(
  { gemm, kernels, floats }: Workspace,
  { first: { inputs, outputs, bias }, count, pixels, parameters }: RayLayout,
  vector: SharedFloats,
  out: number,
): Promise<void> {
  floats(parameters, vector.length).set(vector);
  await gemm("NT", count, outputs, inputs, pixels, parameters, out);
  kernels.addBiasToRows(out, parameters + 4 * bias, count, outputs);
}

/**
 * Moves the small layers to a point, and returns what moves the first layer's outputs of the block
 * that begins at a row: by one factor (without a direction x + 0 x is the model itself), or by one
 * for each row of weights and each layer's biases.
 */
function movePoint(
  { kernels, floats }: Workspace,
  { first, rest, bases, outputs, parameters, small, smallModels, ...layout }: RayLayout,
  { m, model, vector, point }:
    & { readonly m: number; readonly model: RayModel; readonly point: RayPoint }
    & Pick<RayDirection, "vector">,
): (start: number, length: number) => void {
  const { outputs: units, bias: smallStart } = first;
  const [base, hidden, hasRest] = [bases[m]!, outputs[0]!, rest.length > 0];
  const at = (array: number, start: number): number => blockOffset(array, units, start);
  if (vector === null || point.scaling === "global") {
    const scale = vector ? point.step * vector.inverseNorm : 0;
    const [change, smallChange] = vector
      ? [layout.shift, parameters + 4 * smallStart]
      : [base, smallModels[m]!];
    kernels.addScaled(smallModels[m]!, smallChange, small, layout.smallLength, scale);
    const addScaled = hasRest ? kernels.addScaledRelu : kernels.addScaled;
    return (start, length) =>
      addScaled(at(base, start), at(change, start), hidden, units * length, scale);
  }
  const { rows, biases } = stepFactors(point, vector, model.norms);
  const movePart = (offset: number, length: number, scale: number): void => {
    const from = 4 * (offset - smallStart);
    const [x, y] = [smallModels[m]! + from, parameters + 4 * offset];
    kernels.addScaled(x, y, small + from, length, scale);
  };
  let unit = units;
  for (const [index, { inputs, outputs: n, weight, bias }] of rest.entries()) {
    for (let row = 0; row < n; row++) movePart(weight + row * inputs, inputs, rows[unit++]!);
    movePart(bias, n, biases[index + 1]!);
  }
  // s_u (a + b_u) + (s_b - s_u) b_u = s_u a + s_b b_u, as `shift` holds the direction's bias too.
  const { scales, shifts, shift } = layout;
  const own = rows.subarray(0, units);
  floats(scales, units).set(own);
  floats(shifts, units).set(own.map((s, u) => (biases[0]! - s) * vector.normal[smallStart + u]!));
  return (start, length) => {
    const [x, y] = [at(base, start), at(shift, start)];
    kernels.addScaledUnits(x, y, hidden, length, units, scales, shifts, hasRest);
  };
}

/** Logits of a block from its first outputs, by the layers as they were moved. */
async function smallLayers(
  { gemm, kernels, floats }: Workspace,
  { first, rest, outputs, small }: RayLayout,
  length: number,
): Promise<Float32Array> {
  for (const [index, { inputs, outputs: n, weight, bias }] of rest.entries()) {
    const W = small + 4 * (weight - first.bias);
    const out = outputs[index + 1]!;
    await gemm(index === 0 ? "NT" : "NN", n, length, inputs, W, outputs[index]!, out);
    if (index < rest.length - 1) {
      kernels.addBiasRelu(out, small + 4 * (bias - first.bias), n, length);
    }
  }
  const classes = (rest.at(-1) ?? first).outputs;
  const logits = floats(outputs.at(-1)!, classes * length);
  return rest.length > 0 ? logits : transpose(logits, length, classes);
}

function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  return matrix.map((_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]!);
}
