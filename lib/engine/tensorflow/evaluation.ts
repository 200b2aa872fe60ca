/**
 * Question 2 in tensors: models on a whole split, logits normalised over all its rows.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { Evaluation } from "~/lib/engine/engine.ts";
import type { Device } from "~/lib/engine/tensorflow/device.ts";
import { disposeLayers, type LayerTensors } from "~/lib/engine/tensorflow/parameters.ts";
import { gradientOf, logitsOf, type Rows } from "~/lib/engine/tensorflow/pass.ts";

/** Evaluates E models that are on the device; `gradient` asks for the gradient's norm as well. */
export async function evaluateLayers(
  device: Device,
  layers: readonly LayerTensors[],
  { gradient, ...rows }: Rows & { readonly gradient: boolean },
): Promise<Evaluation[]> {
  const { operations } = device;
  const [E, C] = layers.at(-1)!.weight.shape as [number, number, number];
  const size = rows.to - rows.from;
  const record = device.tidy(() => operations.openRecord(E, 1));
  try {
    const logits = await logitsOf(device, layers, rows);
    const labels = rows.split.labels(C);
    device.tidy(() =>
      operations.recordLoss(logits, { labels, start: rows.from, record, index: 0 })
    );
    logits.dispose();
    const { losses, accuracies } = await record.read();
    device.check();
    const norms = gradient ? await gradientNorms(device, layers, rows) : [];
    return losses.map(([loss], e) => ({
      loss: loss!,
      // The whole number of rows behind the float32, so that all engines give the same fraction.
      accuracy: Math.round(accuracies[e]![0]! * size) / size,
      gradientNorm: norms[e] ?? NaN,
    }));
  } finally {
    record.dispose();
  }
}

/** Euclidean norm of each model's gradient over all parameters, shape [E]. */
async function gradientNorms(
  device: Device,
  layers: readonly LayerTensors[],
  rows: Rows,
): Promise<number[]> {
  const E = layers[0]!.weight.shape[0]!;
  const record = device.tidy(() => device.operations.openRecord(E, 1));
  const gradients = await gradientOf(device, layers, { ...rows, record, index: 0 });
  const norms = device.tidy(() => {
    const squares = gradients.flatMap(({ weight, bias }) =>
      [weight, bias ?? []].flat().map((part) => tf.sum(tf.square(part), [1, 2]))
    );
    return tf.sqrt(tf.addN(squares));
  });
  record.dispose();
  disposeLayers(gradients);
  const values = Array.from(await norms.data());
  norms.dispose();
  return values;
}
