/**
 * Logits around minima on one thread, a few blocks of rows at a time.
 *
 * Because g_k is shared by all models, steps and scalings, X (W1 + s G1) = X W1 + s X G1: the products
 * with W1 are computed once a model and those with G1 once a direction, and a point costs only the
 * sum, the ReLU and the small layers behind. A scaling by rows of G1 scales columns of X G1.
 *
 * @module
 */
import { blocksOf, loadPixels, type Thread } from "~/lib/engine/cpu/network.ts";
import { BLOCK, blockOffset, openPlaces, type Workspace } from "~/lib/engine/cpu/workspace.ts";
import type { Scaling, SharedFloats } from "~/lib/engine/engine.ts";
import { type PartNorms, type StepFactors, stepFactors } from "~/lib/engine/direction.ts";
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

/** Models and directions whose logits are computed together, for a run of whole blocks of rows. */
export interface RayTask {
  readonly sizes: LayerSizes;
  readonly models: readonly RayModel[];
  readonly directions: readonly RayDirection[];
  /** Written, shape [models][points of all directions][rows x classes], by block of rows. */
  readonly logits: SharedFloats;
  readonly start: number;
  readonly count: number;
}

/** What the step of a point multiplies the parts of its direction by. */
export function pointFactors(
  sizes: LayerSizes,
  { inverseNorm, norms: direction }: RayDirection,
  { norms: model }: RayModel,
  { scaling, step }: RayPoint,
): StepFactors {
  if (scaling === "global") {
    const factor = step * inverseNorm;
    const units = sizes.slice(1).reduce((sum, units) => sum + units, 0);
    return {
      rows: new Float64Array(units).fill(factor),
      biases: sizes.slice(1).map(() => factor),
    };
  }
  const { rows, biases } = stepFactors(scaling, sizes, { direction: direction!, model: model! });
  return {
    rows: rows.map((factor) => step * factor),
    biases: biases.map((factor) => step * factor),
  };
}

/** Computes the logits of all points for the task's rows. */
export async function perturbedLogits(thread: Thread, task: RayTask): Promise<void> {
  const { workspace, splits: { train: split } } = thread;
  const { sizes, models, directions, start, count } = task;
  const network = openPiece(workspace, task);
  for (const [at, length] of blocksOf(count)) {
    const { bytes } = network;
    const pixels = blockOffset(network.pixels, sizes[0]!, at);
    loadPixels(workspace, { bytes, pixels }, { split, start, count }, at, length);
  }
  for (const [m, { parameters }] of models.entries()) {
    await network.firstLayer(parameters, network.bases[m]!);
    network.keepSmall(parameters, network.smallModels[m]!);
  }
  const points = directions.reduce((sum, { points }) => sum + points.length, 0);
  const classes = sizes.at(-1)!;
  let before = 0;
  for (const direction of directions) {
    if (direction.vector !== null) await network.firstLayer(direction.vector, network.shift);
    for (const [m, model] of models.entries()) {
      for (const [index, point] of direction.points.entries()) {
        const addStep = network.move(model, m, direction, point);
        for (const [at, length] of blocksOf(count)) {
          addStep(at, length);
          const logits = await network.smallLayers(length);
          const place = m * points + before + index;
          task.logits.set(logits, classes * (place * split.size + start + at));
        }
      }
    }
    before += direction.points.length;
  }
}

/** A piece's arrays in a workspace, and what is computed on them. */
interface RayPiece {
  readonly bytes: number;
  /** [count, inputs]. */
  readonly pixels: number;
  /** The first layer's outputs at each model, and how they change along a direction, [count, units]. */
  readonly bases: readonly number[];
  readonly shift: number;
  /** Parameters behind the first layer's weights, of each model. */
  readonly smallModels: readonly number[];
  keepSmall(parameters: SharedFloats, at: number): void;
  /** out = X W1^T + b1 with these parameters, which then lie in the workspace. */
  firstLayer(parameters: SharedFloats, out: number): Promise<void>;
  /** Moves the small layers to a point; returns what moves the first layer's outputs of a block. */
  move(
    model: RayModel,
    m: number,
    direction: RayDirection,
    point: RayPoint,
  ): (start: number, length: number) => void;
  /** Logits of a block from its first outputs, by the layers as they were moved. */
  smallLayers(length: number): Promise<Float32Array>;
}

function openPiece(workspace: Workspace, { sizes, models, count }: RayTask): RayPiece {
  const layers = layoutLayers(sizes);
  const [{ inputs, outputs: units, bias: smallStart }, ...rest] = layers as [Layer, ...Layer[]];
  const P = countParameters(sizes);
  const smallLength = P - smallStart;
  const hasRelu = rest.length > 0;

  const places = openPlaces();
  const { allocate } = places;
  const bytes = allocate(BLOCK * inputs);
  const pixels = allocate(4 * count * inputs);
  const parameters = allocate(4 * P);
  const outputs = layers.map((layer) => allocate(4 * layer.outputs * BLOCK));
  const shift = allocate(4 * units * count);
  const small = allocate(4 * smallLength);
  const [scales, shifts] = [allocate(4 * units), allocate(4 * units)];
  const bases = models.map(() => allocate(4 * units * count));
  const smallModels = models.map(() => allocate(4 * smallLength));
  workspace.reserve(places.end);
  const { kernels, gemm, floats } = workspace;
  const hidden = outputs[0]!;
  const smallDirection = parameters + 4 * smallStart;
  const addScaled = hasRelu ? kernels.addScaledRelu : kernels.addScaled;

  /** Moves the small layers part by part; returns what moves the first layer's units, each its way. */
  function moveParts(
    m: number,
    vector: SharedFloats,
    { rows, biases }: StepFactors,
  ): (start: number, length: number) => void {
    const part = (offset: number, length: number, scale: number): void => {
      const at = 4 * (offset - smallStart);
      kernels.addScaled(smallModels[m]! + at, smallDirection + at, small + at, length, scale);
    };
    let unit = units;
    for (const [index, { inputs: K, outputs: n, weight, bias }] of rest.entries()) {
      for (let row = 0; row < n; row++) part(weight + row * K, K, rows[unit++]!);
      part(bias, n, biases[index + 1]!);
    }
    // s_u (a + b_u) + (s_b - s_u) b_u = s_u a + s_b b_u, as `shift` holds the direction's bias too.
    const own = rows.subarray(0, units);
    floats(scales, units).set(own);
    floats(shifts, units).set(own.map((s, u) => (biases[0]! - s) * vector[smallStart + u]!));
    return (start, length) => {
      const [x, y] = [blockOffset(bases[m]!, units, start), blockOffset(shift, units, start)];
      kernels.addScaledUnits(x, y, hidden, length, units, scales, shifts, hasRelu);
    };
  }

  return {
    bytes,
    pixels,
    bases,
    shift,
    smallModels,
    keepSmall: (vector, at) => floats(at, smallLength).set(vector.subarray(smallStart)),
    async firstLayer(vector, out): Promise<void> {
      floats(parameters, P).set(vector);
      await gemm("NT", count, units, inputs, pixels, parameters, out);
      kernels.addBiasToRows(out, parameters + 4 * smallStart, count, units);
    },
    move(model, m, direction, point): (start: number, length: number) => void {
      const { vector } = direction;
      if (vector !== null && point.scaling !== "global") {
        return moveParts(m, vector, pointFactors(sizes, direction, model, point));
      }
      // Without a direction x + 0 x is the model itself.
      const scale = vector === null ? 0 : point.step * direction.inverseNorm;
      const [smallChange, change] = vector === null
        ? [smallModels[m]!, bases[m]!]
        : [smallDirection, shift];
      kernels.addScaled(smallModels[m]!, smallChange, small, smallLength, scale);
      return (start, length) => {
        const [x, y] = [blockOffset(bases[m]!, units, start), blockOffset(change, units, start)];
        addScaled(x, y, hidden, units * length, scale);
      };
    },
    async smallLayers(length): Promise<Float32Array> {
      for (const [index, { inputs: K, outputs: n, weight, bias }] of rest.entries()) {
        const W = small + 4 * (weight - smallStart);
        const out = outputs[index + 1]!;
        // The first layer's outputs lie as [rows, units], the others' as [units, rows].
        await gemm(index === 0 ? "NT" : "NN", n, length, K, W, outputs[index]!, out);
        if (index < rest.length - 1) {
          kernels.addBiasRelu(out, small + 4 * (bias - smallStart), n, length);
        }
      }
      const classes = sizes.at(-1)!;
      const logits = floats(outputs.at(-1)!, classes * length);
      return hasRelu ? logits : transpose(logits, length, classes);
    },
  };
}

/** A matrix [rows, columns] as [columns, rows]. */
function transpose(matrix: Float32Array, rows: number, columns: number): Float32Array {
  return matrix.map((_, i) => matrix[(i % rows) * columns + Math.floor(i / rows)]!);
}
