/**
 * Question 4 in tensors: the full loss's gradient, and its Hessian's product with given vectors.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { LossGradient, SharedFloats } from "~/lib/engine/engine.ts";
import { type Device, keepPace } from "~/lib/engine/tensorflow/device.ts";
import { backwardTangents, forwardTangents } from "~/lib/engine/tensorflow/layer_tangents.ts";
import { logitsTangents } from "~/lib/engine/tensorflow/logits_tangents.ts";
import {
  disposeLayers,
  downloadLayers,
  keepLayer,
  type LayerTensors,
  uploadLayers,
} from "~/lib/engine/tensorflow/parameters.ts";
import { chunkBytes, gradientOf, joinRows, type Rows } from "~/lib/engine/tensorflow/pass.ts";
import { allocateParameters, type LayerSizes } from "~/lib/model.ts";

/** What curvature is asked of. */
export interface CurvatureWork {
  readonly sizes: LayerSizes;
  readonly rows: Rows;
  readonly signal?: AbortSignal | undefined;
}

/** Losses and gradients of E models that fit on the device together. */
export async function gradientsAt(
  device: Device,
  models: readonly SharedFloats[],
  { sizes, rows, signal }: CurvatureWork,
): Promise<LossGradient[]> {
  const layers = device.tidy(() => uploadLayers(sizes, models));
  const record = device.tidy(() => device.operations.openRecord(models.length, 1));
  let gradients: LayerTensors[] = [];
  try {
    gradients = await gradientOf(device, layers, { ...rows, record, index: 0, signal });
    // The last biases stay 0: `downloadLayers` knows them not.
    const vectors = models.map(() => allocateParameters(sizes));
    await downloadLayers(device, sizes, { layers: gradients, vectors });
    const { losses } = await record.read();
    device.check();
    return vectors.map((gradient, e) => ({ loss: losses[e]![0]!, gradient }));
  } finally {
    record.dispose();
    disposeLayers([...layers, ...gradients]);
    device.trim();
  }
}

/**
 * Products H v of one model with K vectors that fit on the device together, by forward over
 * reverse: whatever the gradient computes is computed with its derivative along v beside it.
 *
 * Hidden units are computed twice, before and after the normalisation over all rows.
 */
export async function hessianProductsAt(
  device: Device,
  { model, vectors }: {
    readonly model: SharedFloats;
    readonly vectors: readonly SharedFloats[];
  },
  { sizes, rows, signal }: CurvatureWork,
): Promise<SharedFloats[]> {
  const { operations } = device;
  const { split, chunk, ...range } = rows;
  const C = sizes.at(-1)!;
  const network = {
    layers: device.tidy(() => uploadLayers(sizes, [model])),
    tangents: device.tidy(() => uploadLayers(sizes, vectors)),
  };
  const owned: tf.Tensor[] = [];
  const total: LayerTensors[] = [];
  const pace = keepPace(device, 3 * chunkBytes(network.tangents, chunk));
  try {
    const parts: { logits: tf.Tensor[]; tangents: tf.Tensor[] } = { logits: [], tangents: [] };
    for (const part of split.chunks(range, chunk)) {
      signal?.throwIfAborted();
      const { logits, tangents } = device.tidy(() => {
        const last = forwardTangents(operations, network, split.rows(part)).at(-1)!;
        return { logits: last.output, tangents: last.tangent };
      });
      parts.logits.push(logits);
      parts.tangents.push(tangents);
      owned.push(logits, tangents);
      await pace();
    }
    owned.length = 0;
    const logits = joinRows(device, parts.logits);
    const tangents = joinRows(device, parts.tangents);
    const all = device.tidy(() => logitsTangents(logits, tangents, split.oneHot(range, C)));
    tf.dispose([logits, tangents]);
    owned.push(all.delta, all.tangent);
    for (const part of split.chunks(range, chunk)) {
      signal?.throwIfAborted();
      device.tidy(() => {
        const input = split.rows(part);
        const cut = (tensor: tf.Tensor): tf.Tensor =>
          tf.slice(tensor, [0, part.from - range.from, 0], [-1, part.to - part.from, C]);
        backwardTangents(operations, network, {
          input,
          outputs: forwardTangents(operations, network, input),
          delta: cut(all.delta),
          tangent: cut(all.tangent),
          total,
        });
        total.forEach(keepLayer);
      });
      await pace();
    }
    const products = vectors.map(() => allocateParameters(sizes));
    await downloadLayers(device, sizes, { layers: total, vectors: products });
    device.check();
    return products;
  } finally {
    tf.dispose(owned);
    disposeLayers([...network.layers, ...network.tangents, ...total]);
    device.trim();
  }
}
