/**
 * Logits around minima on one thread, a few blocks of rows at a time.
 *
 * Because g_k is shared by all models, steps and scalings, X (W1 + s G1) = X W1 + s X G1: the products
 * with W1 are computed once a model and those with G1 once a direction, and a point costs only the
 * sum, the ReLU and the small layers behind. A scaling by rows of G1 scales columns of X G1.
 *
 * @module
 */
import { blockOffset, loadPixels, type SharedSplit } from "~/lib/engine/cpu/pass.ts";
import { BLOCK, openPlaces, type Workspace } from "~/lib/engine/cpu/workspace.ts";
import type { Scaling, SharedFloats } from "~/lib/engine/engine.ts";
import { type PartNorms, stepFactors } from "~/lib/engine/scaling.ts";
import { countParameters, type Layer, type LayerSizes, layoutLayers } from "~/lib/model.ts";

/** A model, and its norms where a scaling asks for them. */
export interface RayModel {
  readonly parameters: SharedFloats;
  readonly norms?: PartNorms;
}

/** A point on a line through every model. */
export interface RayPoint {
  readonly scaling: Scaling;
  readonly step: number;
}

/** A direction with the points that are asked for along it, or the models themselves. */
export interface RayDirection {
  /** g_k, shape [P], or null: the one point is the model. */
  readonly vector: SharedFloats | null;
  /** 1 / |g_k|. */
  readonly inverseNorm: number;
  readonly norms?: PartNorms;
  readonly points: readonly RayPoint[];
}

/** Models and directions whose logits are computed together. */
export interface RayTask {
  readonly sizes: LayerSizes;
  readonly models: readonly RayModel[];
  readonly directions: readonly RayDirection[];
  /** Written, shape [models][points of all directions][rows x classes], by block of rows. */
  readonly logits: SharedFloats;
}

/** Computes the logits of all points for `count` rows from `start` on, whole blocks of the split. */
export async function perturbedLogits(
  workspace: Workspace,
  split: SharedSplit,
  task: RayTask,
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
  const [scales, shifts] = [allocate(4 * units), allocate(4 * units)];
  const bases = task.models.map(() => allocate(4 * units * count));
  const smallModels = task.models.map(() => allocate(4 * smallLength));
  workspace.reserve(places.end);
  const { memory, kernels, gemm } = workspace;
  const load = (values: ArrayLike<number>, at: number): void =>
    new Float32Array(memory.buffer, at, values.length).set(values);
  /** out = X W1^T + b1, [count, units], with the parameters that were loaded. */
  async function firstLayer(out: number): Promise<void> {
    const W = parameters + 4 * first.weight;
    const pending = gemm(false, true, count, units, inputs, 1, pixels, W, 0, out);
    if (pending) await pending;
    kernels.addBiasToRows(out, parameters + 4 * first.bias, count, units);
  }
  const smallDirection = parameters + 4 * smallStart;
  const hasRelu = rest.length > 0;
  type Combine = (base: number, shift: number, rows: number) => void;
  const [hidden] = outputs;
  const addScaled = hasRelu ? kernels.addScaledRelu : kernels.addScaled;

  /** Moves the small layers into `small`; returns how the first layer's outputs are moved. */
  function move({ norms: model }: RayModel, m: number, k: number, point: RayPoint): Combine {
    const { vector, inverseNorm, norms: direction } = task.directions[k]!;
    if (vector === null || point.scaling === "global") {
      const scale = vector === null ? 0 : point.step * inverseNorm;
      // Without a direction x + 0 x is the model itself.
      const of = vector === null ? smallModels[m]! : smallDirection;
      kernels.addScaled(smallModels[m]!, of, small, smallLength, scale);
      return (base, shift, rows) =>
        addScaled(base, vector === null ? base : shift, hidden!, units * rows, scale);
    }
    const parts = { direction: direction!, model: model! };
    const factors = stepFactors(point.scaling, task.sizes, parts);
    const rows = factors.rows.map((factor) => point.step * factor);
    const biases = factors.biases.map((factor) => point.step * factor);
    let unit = units;
    for (const [index, { inputs: K, outputs: n, weight, bias }] of rest.entries()) {
      const part = (offset: number, length: number, scale: number): void => {
        const at = 4 * (offset - smallStart);
        kernels.addScaled(smallModels[m]! + at, smallDirection + at, small + at, length, scale);
      };
      for (let row = 0; row < n; row++) part(weight + row * K, K, rows[unit++]!);
      part(bias, n, biases[index + 1]!);
    }
    // s_u (a + b_u) + (s_b - s_u) b_u = s_u a + s_b b_u, as `shift` holds the direction's bias too.
    load(rows.subarray(0, units), scales);
    load(
      rows.subarray(0, units).map((s, u) => (biases[0]! - s) * vector[first.bias + u]!),
      shifts,
    );
    return (base, shift, count) =>
      kernels.addScaledUnits(base, shift, hidden!, count, units, scales, shifts, hasRelu);
  }

  for (const { at, length } of blocks) {
    const target = { layers, bytes, pixels: pixels + 4 * inputs * at };
    loadPixels(workspace, target, { split, first: start, count }, at, length);
  }
  for (const [m, { parameters: model }] of task.models.entries()) {
    load(model, parameters);
    await firstLayer(bases[m]!);
    load(model.subarray(smallStart), smallModels[m]!);
  }
  const pointsOfModel = task.directions.reduce((sum, { points }) => sum + points.length, 0);
  let before = 0;
  for (const [k, { vector, points }] of task.directions.entries()) {
    if (vector !== null) {
      load(vector, parameters);
      await firstLayer(shift);
    }
    for (const [m, model] of task.models.entries()) {
      for (const [index, point] of points.entries()) {
        const combine = move(model, m, k, point);
        const place = m * pointsOfModel + before + index;
        for (const { at, length } of blocks) {
          combine(blockOffset(bases[m]!, units, at), blockOffset(shift, units, at), length);
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
            hasRelu ? logits : transpose(logits, length, classes),
            classes * (place * split.size + start + at),
          );
        }
      }
    }
    before += points.length;
  }
}

/** A matrix [rows, columns] as [columns, rows]. */
function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  return matrix.map((_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]!);
}
