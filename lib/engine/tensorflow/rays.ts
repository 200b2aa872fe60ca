/**
 * Losses in tensors along rays from models that share their directions.
 *
 * `X (W1 + s G1) = X W1 + s (X G1)`: the first product, nine tenths of the arithmetic, is made once
 * a model and once a direction instead of once for each of their points.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  type Direction,
  type Draw,
  drawDirection,
  measureParts,
  type PartNorms,
  type RayPoint,
  stepFactors,
} from "~/lib/engine/direction.ts";
import type { PerturbedLosses, PerturbOptions, Ray } from "~/lib/engine/engine.ts";
import type { LossRecord } from "~/lib/engine/tensorflow/operations.ts";
import {
  type ChunkedPass,
  forwardPass,
  type LayerTensors,
  logitsOf,
  mapChunks,
  readRecord,
  uploadLayers,
} from "~/lib/engine/tensorflow/pass.ts";
import { countParameters, layoutLayers, type SharedFloats } from "~/lib/model.ts";

type DrawnDirection = Direction & { readonly normal: Float32Array };

/** E models on the device and what is known of them. */
interface Origin extends ChunkedPass {
  readonly models: readonly SharedFloats[];
  readonly norms: readonly PartNorms[];
  readonly layers: readonly LayerTensors[];
  /** Chunks of the first layer's products with the images, without biases. */
  readonly products: readonly tf.Tensor[];
  /** Losses of the models themselves, then of all points, then of all points frozen. */
  readonly record: LossRecord;
  readonly points: readonly (Pick<Ray, "direction"> & RayPoint)[];
  /** Of the models' logits, where losses are frozen too. */
  readonly moments?: tf.Tensor | undefined;
}

/** Losses of E models that fit on the device together; `onPoint` is called after each point. */
export async function perturbedLossesAt(
  work: ChunkedPass,
  models: readonly SharedFloats[],
  { seed, rays, frozen = false }: PerturbOptions,
  onPoint: () => void,
): Promise<PerturbedLosses[]> {
  const { device, sizes, split } = work;
  const { operations } = device;
  const points = rays.flatMap(({ steps, ...ray }) => steps.map((step) => ({ ...ray, step })));
  const count = 1 + (frozen ? 2 : 1) * points.length;
  const { layers, record } = device.tidy(() => ({
    layers: uploadLayers(sizes, models),
    record: operations.openRecord(models.length, count, sizes.at(-1)!),
  }));
  const norms = models.map((model) => measureParts(sizes, model));
  // One vector of memory for all directions.
  const out = new Float32Array(countParameters(sizes));
  let products: tf.Tensor[] = [];
  let moments: tf.Tensor | undefined;
  try {
    products = await multiply(work, layers);
    const origin = { ...work, models, norms, layers, products, record, points };
    const logits = await logitsAt(origin);
    if (frozen && points.length > 0) moments = device.tidy(() => operations.moments(logits));
    recordAt(origin, 0, logits);
    for (const k of new Set(points.map(({ direction }) => direction))) {
      await followRays({ ...origin, moments }, { seed, k, out }, onPoint);
    }
    const { losses, accuracies } = await readRecord(device, record, split.size);
    const byRay = (values: readonly number[], from: number): number[][] =>
      rays.map(({ steps }) => steps.map(() => values[from++]!));
    return losses.map((values, e) => ({
      loss: values[0]!,
      losses: byRay(values, 1),
      accuracies: byRay(accuracies[e]!, 1),
      frozen: frozen ? byRay(values, 1 + points.length) : [],
    }));
  } finally {
    tf.dispose([record.tensors, layers, products, moments]);
    device.trim();
  }
}

/** Losses at all points in direction k. */
async function followRays(
  origin: Origin,
  { seed, k, out: normal }: Pick<Draw, "seed" | "k" | "out">,
  onPoint: () => void,
): Promise<void> {
  const { device, sizes, points } = origin;
  const direction = { normal, ...drawDirection({ sizes, out: normal, seed, k, parts: true }) };
  const layers = device.tidy(() => uploadLayers(sizes, [normal]));
  let products: tf.Tensor[] = [];
  try {
    products = await multiply(origin, layers);
    for (const [index, point] of points.entries()) {
      if (point.direction !== k) continue;
      const moved = device.tidy(() => moveNetworks(origin, { ...direction, layers }, point));
      try {
        recordAt(origin, 1 + index, await logitsAt(origin, { ...moved, products }));
      } finally {
        tf.dispose(moved);
      }
      onPoint();
    }
  } finally {
    tf.dispose([layers, products]);
  }
}

/** The first layer's products with all rows, without biases. */
function multiply(work: ChunkedPass, [first]: readonly LayerTensors[]): Promise<tf.Tensor[]> {
  const { linear } = work.device.operations;
  return mapChunks(work, (images) => linear(images, first!.weight, { relu: false }));
}

/**
 * E models at a point: the factor of the first layer's product with the direction and its biases, both
 * [E, 1, out], and the layers above.
 */
type Moved = { factor: tf.Tensor; bias: tf.Tensor; above: LayerTensors[] };

/** Logits of all rows at a point, or at the models themselves. */
async function logitsAt(
  origin: Origin,
  moved?: Moved & { readonly products: readonly tf.Tensor[] },
): Promise<tf.Tensor> {
  const { device: { operations }, layers, products } = origin;
  const { above, bias } = moved ?? { above: layers.slice(1), bias: layers[0]!.bias };
  return await logitsOf(origin, (_, index) => {
    const along = moved && { y: moved.products[index]!, factor: moved.factor };
    const first = operations.shift(products[index]!, { bias, relu: above.length > 0, along });
    return forwardPass(operations, above, first).at(-1) ?? first;
  });
}

/** Queues the loss of logits, which it disposes of, and with the models' moments the frozen one. */
function recordAt(
  { device, split: { labels }, record, points, moments }: Origin,
  index: number,
  logits: tf.Tensor,
): void {
  const { recordLoss } = device.operations;
  const batch = { labels, start: 0, record };
  device.tidy(() => {
    recordLoss(logits, { ...batch, index });
    if (moments) recordLoss(logits, { ...batch, index: index + points.length }, moments);
  });
  logits.dispose();
}

/**
 * E models at w + s d; call inside `tidy`. At step 0 every number is the model's own.
 *
 * Of the last layer's biases only the move is kept: statistics of the logits that are moved with
 * them remove it, frozen ones do not.
 */
function moveNetworks(
  { sizes, models, layers, norms }: Origin,
  direction: DrawnDirection & Pick<Origin, "layers">,
  point: RayPoint,
): Moved {
  const factors = norms.map((model) => stepFactors(point, direction, model));
  let unit = 0;
  const moved = layoutLayers(sizes).map(({ outputs, bias }, index) => {
    const isLast = index === sizes.length - 2;
    const shape: [number, number, number] = [models.length, 1, outputs];
    const biases = models.flatMap((model, e) =>
      Array.from({ length: outputs }, (_, i) => {
        const move = factors[e]!.biases[index]! * direction.normal[bias + i]!;
        return isLast ? move : model[bias + i]! + move;
      })
    );
    const rows = factors.flatMap(({ rows }) => [...rows.subarray(unit, unit + outputs)]);
    unit += outputs;
    return { bias: tf.tensor3d(biases, shape), factor: tf.tensor3d(rows, shape) };
  });
  const above = moved.slice(1).map(({ bias, factor }, index) => {
    const move = tf.mul(direction.layers[index + 1]!.weight, tf.transpose(factor, [0, 2, 1]));
    return { weight: tf.add(layers[index + 1]!.weight, move), bias };
  });
  return { ...moved[0]!, above };
}
