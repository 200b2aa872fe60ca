/**
 * Question 3 in tensors: losses at w + s u for directions u that all models share.
 *
 * `X (W1 + s U1) = X W1 + s (X U1)`: the first product, nine tenths of the arithmetic, is made once
 * a model and once a direction instead of once for each of their pairs.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Direction } from "~/lib/engine/direction.ts";
import type { SharedFloats } from "~/lib/engine/engine.ts";
import { type Device, keepPace } from "~/lib/engine/tensorflow/device.ts";
import type { ImageRows, Operations } from "~/lib/engine/tensorflow/operations.ts";
import {
  disposeLayers,
  type LayerTensors,
  uploadLayers,
} from "~/lib/engine/tensorflow/parameters.ts";
import { chunkBytes, forwardPass, joinRows, type Rows } from "~/lib/engine/tensorflow/pass.ts";
import type { LayerSizes } from "~/lib/model.ts";

/** Models, where they are moved to, and on which rows. */
export interface PerturbWork {
  readonly sizes: LayerSizes;
  readonly models: readonly SharedFloats[];
  /** Drawn one by one, so that one vector of memory may serve all. */
  readonly directions: Iterable<Direction>;
  readonly radius: number;
  readonly rows: Rows;
  /** Called after each direction. */
  readonly onDirection?: () => void;
  readonly signal?: AbortSignal | undefined;
}

/** Losses of E models that fit on the device together, shape [models][directions]. */
export async function perturbedLossesAt(
  device: Device,
  { sizes, models, directions, radius, rows, onDirection, signal }: PerturbWork,
): Promise<number[][]> {
  const { operations } = device;
  const C = sizes.at(-1)!;
  const labels = rows.split.labels(C);
  const chunks = rows.split.chunks(rows, rows.chunk);
  const layers = device.tidy(() => uploadLayers(sizes, models));
  const firsts: tf.Tensor[] = [];
  const losses: number[][] = models.map(() => []);
  // Read while the next direction is drawn and queued.
  let reading: Promise<number[]> = Promise.resolve([]);
  async function record(): Promise<void> {
    for (const [e, loss] of (await reading).entries()) losses[e]!.push(loss);
    device.check();
  }
  try {
    const pace = keepPace(device, chunkBytes(layers, rows.chunk));
    for (const chunk of chunks) {
      signal?.throwIfAborted();
      firsts.push(device.tidy(() => firstOutput(operations, layers, rows.split.rows(chunk))));
      await pace();
    }
    for (const { normal, inverseNorm } of directions) {
      const scale = radius * inverseNorm;
      const direction = device.tidy(() => uploadLayers(sizes, [normal]));
      const moved = device.tidy(() => moveLayers(operations, layers, { direction, scale }));
      const parts: tf.Tensor[] = [];
      try {
        for (const [index, chunk] of chunks.entries()) {
          signal?.throwIfAborted();
          parts.push(device.tidy(() => {
            const shared = firstOutput(operations, direction, rows.split.rows(chunk));
            const first = operations.addScaled(firsts[index]!, shared, {
              scale,
              relu: moved.length > 0,
            });
            return forwardPass(operations, moved, first).at(-1) ?? first;
          }));
          await pace();
        }
        parts.push(joinRows(device, parts.splice(0)));
        await record();
        reading = readLosses(device, parts[0]!, { labels, start: rows.from });
      } finally {
        tf.dispose(parts);
        disposeLayers([...direction, ...moved]);
      }
      onDirection?.();
    }
    await record();
    return losses;
  } finally {
    await Promise.allSettled([reading]);
    tf.dispose(firsts);
    disposeLayers(layers);
    device.trim();
  }
}

/** The first layer's outputs before ReLU. */
function firstOutput(
  operations: Operations,
  [layer]: readonly LayerTensors[],
  input: ImageRows,
): tf.Tensor {
  const { weight, bias } = layer!;
  return operations.linear(input, weight, { ...(bias && { bias }), relu: false });
}

/** The layers above the first, at w + scale u. */
function moveLayers(
  operations: Operations,
  layers: readonly LayerTensors[],
  { direction, scale }: { readonly direction: readonly LayerTensors[]; readonly scale: number },
): LayerTensors[] {
  const options = { scale, relu: false };
  return layers.slice(1).map(({ weight, bias }, index) => ({
    weight: operations.addScaled(weight, direction[index + 1]!.weight, options),
    bias: bias && operations.addScaled(bias, direction[index + 1]!.bias!, options),
  }));
}

/** Mean cross-entropies of logits, shape [E]; the work is queued before the first await. */
async function readLosses(
  device: Device,
  logits: tf.Tensor,
  batch: { readonly labels: tf.Tensor; readonly start: number },
): Promise<number[]> {
  const { operations } = device;
  const record = device.tidy(() => operations.openRecord(logits.shape[0]!, 1));
  try {
    device.tidy(() => operations.recordLoss(logits, { ...batch, record, index: 0 }));
    return (await record.read()).losses.map(([loss]) => loss!);
  } finally {
    record.dispose();
  }
}
