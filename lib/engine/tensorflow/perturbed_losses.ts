/**
 * Question 3 in tensors: losses along rays from models that share their directions.
 *
 * `X (W1 + s G1) = X W1 + s (X G1)`: the first product, nine tenths of the arithmetic, is made once
 * a model and once a direction instead of once for each of their points.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Direction } from "~/lib/engine/direction.ts";
import type { PerturbedLosses, PerturbOptions, SharedFloats } from "~/lib/engine/engine.ts";
import { measureParts, stepFactors } from "~/lib/engine/scaling.ts";
import { type Device, keepPace } from "~/lib/engine/tensorflow/device.ts";
import {
  disposeLayers,
  type LayerTensors,
  uploadLayers,
} from "~/lib/engine/tensorflow/parameters.ts";
import { chunkBytes, forwardPass, joinRows, type Rows } from "~/lib/engine/tensorflow/pass.ts";
import {
  type MovedNetworks,
  moveNetworks,
  sameFactors,
} from "~/lib/engine/tensorflow/ray_point.ts";
import type { LayerSizes } from "~/lib/model.ts";

/** Models, where they are moved to, and on which rows. */
export interface PerturbWork extends Pick<PerturbOptions, "rays" | "frozen"> {
  readonly sizes: LayerSizes;
  readonly models: readonly SharedFloats[];
  /** Draws direction k; one vector of memory may serve all. */
  readonly draw: (k: number) => Direction;
  readonly rows: Rows;
  /** Called after each point of a ray. */
  readonly onPoint?: () => void;
  readonly signal?: AbortSignal | undefined;
}

/** Losses of E models that fit on the device together. */
export async function perturbedLossesAt(
  device: Device,
  { sizes, models, draw, rays, frozen = false, rows, onPoint, signal }: PerturbWork,
): Promise<PerturbedLosses[]> {
  const { operations } = device;
  const labels = rows.split.labels(sizes.at(-1)!);
  const chunks = rows.split.chunks(rows, rows.chunk);
  const norms = models.map((model) => measureParts(sizes, model));
  const layers = device.tidy(() => uploadLayers(sizes, models));
  const pace = keepPace(device, chunkBytes(layers, rows.chunk));
  // Places in the record: the models themselves, then all points, then all points frozen.
  const offsets = rays.map((_, ray) =>
    1 + rays.slice(0, ray).reduce((sum, { steps }) => sum + steps.length, 0)
  );
  const points = rays.reduce((sum, { steps }) => sum + steps.length, 0);
  const record = device.tidy(() =>
    operations.openRecord(models.length, 1 + (frozen ? 2 : 1) * points)
  );
  const own: tf.Tensor[] = [];
  const shared: tf.Tensor[] = [];
  let moments: tf.Tensor | undefined;

  /** The first layer's products with all rows, without biases. */
  async function multiply([first]: readonly LayerTensors[], into: tf.Tensor[]): Promise<void> {
    for (const chunk of chunks) {
      signal?.throwIfAborted();
      into.push(
        device.tidy(() =>
          operations.linear(rows.split.rows(chunk), first!.weight, { relu: false })
        ),
      );
      await pace();
    }
  }

  /** Logits of all rows at a point, or at the models themselves. */
  async function logitsAt(point?: MovedNetworks): Promise<tf.Tensor> {
    const parts: tf.Tensor[] = [];
    const above = point?.above ?? layers.slice(1);
    for (const index of chunks.keys()) {
      signal?.throwIfAborted();
      parts.push(device.tidy(() => {
        const first = operations.shift(own[index]!, {
          bias: point?.bias ?? layers[0]!.bias,
          relu: above.length > 0,
          ...(point && { along: { y: shared[index]!, factor: point.factor } }),
        });
        return forwardPass(operations, above, first).at(-1) ?? first;
      }));
      await pace();
    }
    return joinRows(device, parts);
  }

  /** Queues the loss of logits, which it disposes of, and with `moments` the frozen one. */
  function recordAt(index: number, logits: tf.Tensor): void {
    device.tidy(() => {
      const batch = { labels, start: rows.from, record };
      operations.recordLoss(logits, { ...batch, index });
      if (moments) operations.recordLoss(logits, { ...batch, index: index + points }, moments);
    });
    logits.dispose();
  }

  try {
    await multiply(layers, own);
    const logits = await logitsAt();
    const kept = frozen && points > 0
      ? device.tidy(() => tf.keep(operations.moments(logits)))
      : undefined;
    recordAt(0, logits);
    moments = kept;
    for (const k of new Set(rays.map(({ direction }) => direction))) {
      const { normal, inverseNorm } = draw(k);
      const parts = measureParts(sizes, normal);
      const direction = device.tidy(() => uploadLayers(sizes, [normal]));
      try {
        await multiply(direction, shared);
        for (const [ray, { steps, scaling }] of rays.entries()) {
          if (rays[ray]!.direction !== k) continue;
          const factors = norms.map((model) =>
            scaling === "global"
              ? sameFactors(sizes, inverseNorm)
              : stepFactors(scaling, sizes, { direction: parts, model })
          );
          const course = { sizes, models, layers, normal, direction, factors };
          for (const [place, step] of steps.entries()) {
            const point = device.tidy(() => moveNetworks(course, step));
            try {
              recordAt(offsets[ray]! + place, await logitsAt(point));
            } finally {
              disposeLayers(point.above);
              tf.dispose([point.bias, point.factor]);
            }
            onPoint?.();
          }
        }
      } finally {
        disposeLayers(direction);
        tf.dispose(shared.splice(0));
      }
    }
    const { losses } = await record.read();
    device.check();
    const byRay = (values: readonly number[], from: number): number[][] =>
      rays.map(({ steps }, ray) =>
        values.slice(from + offsets[ray]!, from + offsets[ray]! + steps.length)
      );
    return losses.map((values) => ({
      loss: values[0]!,
      losses: byRay(values, 0),
      frozen: frozen ? byRay(values, points) : [],
    }));
  } finally {
    record.dispose();
    tf.dispose([...own, ...shared, ...(moments ? [moments] : [])]);
    disposeLayers(layers);
    device.trim();
  }
}
