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
  measureParts,
  type PartNorms,
  type RayPoint,
  stepFactors,
} from "~/lib/engine/direction.ts";
import type { PerturbedLosses, PerturbOptions, Ray, SharedFloats } from "~/lib/engine/engine.ts";
import type { LossRecord } from "~/lib/engine/tensorflow/operations.ts";
import {
  type ChunkedPass,
  forwardPass,
  joinRows,
  type LayerTensors,
  mapChunks,
  readRecord,
  uploadLayers,
} from "~/lib/engine/tensorflow/pass.ts";
import { layoutLayers } from "~/lib/model.ts";

/** Where models are moved to. */
export interface Course extends Pick<PerturbOptions, "rays"> {
  readonly frozen?: boolean | undefined;
  /** Draws direction k; one vector of memory may serve all. */
  readonly draw: (k: number) => Direction;
  /** Called after each point of a ray. */
  readonly onPoint?: () => void;
}

/** E models on the device and what is known of them. */
interface Origin extends ChunkedPass {
  readonly models: readonly SharedFloats[];
  readonly norms: readonly PartNorms[];
  readonly layers: LayerTensors[];
  /** Chunks of the first layer's products with the images, without biases. */
  readonly products: tf.Tensor[];
  /** Losses of the models themselves, then of all points, then of all points frozen. */
  readonly record: LossRecord;
  readonly points: readonly { readonly ray: Ray; readonly step: number }[];
}

/** A direction, as `Origin` holds models; layers are [1, ...]. */
type DirectionTensors = Direction & Pick<Origin, "layers" | "products">;

/** Losses of E models that fit on the device together. */
export async function perturbedLossesAt(
  work: ChunkedPass,
  models: readonly SharedFloats[],
  course: Course,
): Promise<PerturbedLosses[]> {
  const { rays, frozen = false } = course;
  const { device, sizes } = work;
  const { operations } = device;
  const points = rays.flatMap((ray) => ray.steps.map((step) => ({ ray, step })));
  const places = 1 + (frozen ? 2 : 1) * points.length;
  const { layers, record } = device.tidy(() => ({
    layers: uploadLayers(sizes, models),
    record: operations.openRecord(models.length, places, sizes.at(-1)!),
  }));
  const norms = models.map((model) => measureParts(sizes, model));
  const origin: Origin = { ...work, models, norms, layers, products: [], record, points };
  let moments: tf.Tensor | undefined;
  try {
    origin.products.push(...await multiply(work, layers));
    const logits = await logitsAt(origin);
    if (frozen && points.length > 0) moments = device.tidy(() => operations.moments(logits));
    recordAt(origin, 0, logits);
    for (const k of new Set(rays.map(({ direction }) => direction))) {
      await followRays(origin, k, course, moments);
    }
    const { losses, accuracies } = await readRecord(device, record);
    const { size } = work.split;
    return losses.map((values, e) => {
      let next = 1;
      const take = (from = values): number[][] =>
        rays.map(({ steps }) => from.slice(next, next += steps.length));
      const own = take();
      next = 1;
      // The whole number of rows behind the float32, so that all engines give the same fraction.
      const right = take(accuracies[e]!.map((share) => Math.round(share * size) / size));
      const kept = frozen ? take() : [];
      return { loss: values[0]!, losses: own, accuracies: right, frozen: kept };
    });
  } finally {
    tf.dispose([record.tensors, layers, origin.products, moments]);
    device.trim();
  }
}

/** Losses at all points in direction k. */
async function followRays(
  origin: Origin,
  k: number,
  { draw, onPoint }: Course,
  moments: tf.Tensor | undefined,
): Promise<void> {
  const { device, sizes, points } = origin;
  const drawn = draw(k);
  const layers = device.tidy(() => uploadLayers(sizes, [drawn.normal]));
  let products: tf.Tensor[] = [];
  try {
    products = await multiply(origin, layers);
    const direction = { ...drawn, layers, products };
    for (const [index, { ray, step }] of points.entries()) {
      if (ray.direction !== k) continue;
      const moved = device.tidy(() => moveNetworks(origin, direction, { ...ray, step }));
      try {
        recordAt(origin, 1 + index, await logitsAt(origin, { ...moved, products }), moments);
      } finally {
        tf.dispose(moved);
      }
      onPoint?.();
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

/** Logits of all rows at a point, or at the models themselves. */
async function logitsAt(
  origin: Origin,
  moved?: MovedNetworks & Pick<DirectionTensors, "products">,
): Promise<tf.Tensor> {
  const { device, layers, products } = origin;
  const above = moved?.above ?? layers.slice(1);
  const bias = moved?.bias ?? layers[0]!.bias;
  const parts = await mapChunks(origin, (_, { index }) => {
    const along = moved && { y: moved.products[index]!, factor: moved.factor };
    const relu = above.length > 0;
    const first = device.operations.shift(products[index]!, { bias, relu, along });
    return forwardPass(device.operations, above, first).at(-1) ?? first;
  });
  return joinRows(device, parts);
}

type MovedNetworks = { factor: tf.Tensor; bias: tf.Tensor; above: LayerTensors[] };

/** Queues the loss of logits, which it disposes of, and with the models' moments the frozen one. */
function recordAt(
  { device, sizes, split, record, points }: Origin,
  index: number,
  logits: tf.Tensor,
  moments?: tf.Tensor,
): void {
  const { recordLoss } = device.operations;
  const batch = { labels: split.labels(sizes.at(-1)!), start: 0, record };
  device.tidy(() => {
    recordLoss(logits, { ...batch, index });
    if (moments) recordLoss(logits, { ...batch, index: index + points.length }, moments);
  });
  logits.dispose();
}

/**
 * E models at w + s d: the first layer's biases, the factor of its product with the direction, both
 * [E, 1, out], and the layers above. Call inside `tidy`. At step 0 every number is the model's own.
 *
 * Of the last layer's biases only the move is kept: statistics of the logits that are moved with
 * them remove it, frozen ones do not.
 */
function moveNetworks(
  { sizes, models, layers, norms }: Origin,
  direction: DirectionTensors,
  point: RayPoint,
): MovedNetworks {
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
    const rows = factors.flatMap(({ rows }) => Array.from(rows.subarray(unit, unit + outputs)));
    unit += outputs;
    return { bias: tf.tensor3d(biases, shape), factor: tf.tensor3d(rows, shape) };
  });
  const above = moved.slice(1).map(({ bias, factor }, index) => {
    const move = tf.mul(direction.layers[index + 1]!.weight, tf.transpose(factor, [0, 2, 1]));
    return { weight: tf.add(layers[index + 1]!.weight, move), bias };
  });
  return { ...moved[0]!, above };
}
