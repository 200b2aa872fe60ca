/**
 * Products in tensors of the full loss's Hessian with given vectors, by forward over
 * reverse: whatever the gradient computes is computed with its derivative along v beside it.
 *
 * A network's own tensors have 1 in the place of K, so that its products are made once for all
 * vectors. Derivatives are marked by a dash: W' is the vector's part, h' = dh/dv.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import {
  type ImageRows,
  isImages,
  type LayerInput,
  type Operations,
} from "~/lib/engine/tensorflow/operations.ts";
import {
  type ChunkedPass,
  downloadLayers,
  layerGradient,
  type LayerTensors,
  logitsOf,
  mapLayer,
  sumChunks,
  uploadLayers,
} from "~/lib/engine/tensorflow/pass.ts";
import { oneHotOf } from "~/lib/engine/tensorflow/tensor_operations.ts";
import { NORMALISATION_EPSILON, share, type SharedFloats } from "~/lib/model.ts";

/** A network, [1, ...], and K vectors of its shape, [K, ...]. */
type TangentNetwork = { readonly layers: LayerTensors[]; readonly tangents: LayerTensors[] };

/** A value, [1, ...], and its derivatives, [K, ...]. */
type Dual = { readonly value: tf.Tensor; readonly tangent: tf.Tensor };

/**
 * Products H v of one model with K vectors that fit on the device together.
 *
 * Hidden units are computed twice, before and after the normalisation over all rows.
 */
export async function multiplyHessian(
  work: ChunkedPass,
  model: SharedFloats,
  vectors: readonly SharedFloats[],
): Promise<SharedFloats[]> {
  const { device, sizes, split } = work;
  const { operations } = device;
  const network = device.tidy(() => ({
    layers: uploadLayers(sizes, [model]),
    tangents: uploadLayers(sizes, vectors),
  }));
  let total: LayerTensors[] = [];
  try {
    const logits = await logitsOf(work, (images) => {
      const { value, tangent } = forwardTangents(operations, network, images).at(-1)!;
      return tf.concat([value, tangent]);
    });
    const deltas = device.tidy(() =>
      logitsTangents(dualOf(logits), oneHotOf(split.labels, sizes.at(-1)!))
    );
    logits.dispose();
    total = await sumChunks(
      work,
      deltas,
      (images, delta, total) =>
        addProducts(operations, network, { images, delta: dualOf(delta) }, total),
    );
    const products = vectors.map(({ length }) => share(length));
    await downloadLayers(device, sizes, total, products);
    return products;
  } finally {
    tf.dispose([network, total]);
    device.trim();
  }
}

/** A tensor [1 + K, ...] in its two parts. */
function dualOf(both: tf.Tensor): Dual {
  const [value, tangent] = tf.split(both, [1, both.shape[0]! - 1]) as [tf.Tensor, tf.Tensor];
  return { value, tangent };
}

/** h = relu(x W^T + b) and h' = [h > 0] (x' W^T + x W'^T + b') of every layer; no ReLU on the last. */
function forwardTangents(
  operations: Operations,
  { layers, tangents }: TangentNetwork,
  images: ImageRows,
): Dual[] {
  // The images' products are the device's own, as they may be packed.
  const multiply = (input: LayerInput, weight: tf.Tensor): tf.Tensor =>
    isImages(input)
      ? operations.linear(input, weight, { relu: false })
      : tf.matMul(input, weight, false, true);
  const affine = (input: LayerInput, { weight, bias }: LayerTensors): tf.Tensor => {
    const product = multiply(input, weight);
    return bias ? tf.add(product, bias) : product;
  };
  const outputs: Dual[] = [];
  for (const [index, layer] of layers.entries()) {
    const below = outputs.at(-1);
    const input = below?.value ?? images;
    const value = affine(input, layer);
    const direct = affine(input, tangents[index]!);
    const tangent = below ? tf.add(multiply(below.tangent, layer.weight), direct) : direct;
    if (index === layers.length - 1) {
      outputs.push({ value, tangent });
    } else {
      // Not relu(), which loses NaN on some of WebGPU's drivers.
      const isOn = tf.step(value);
      outputs.push({ value: tf.mul(value, isOn), tangent: tf.mul(tangent, isOn) });
    }
  }
  return outputs;
}

/**
 * From logits to the loss's gradient in them: batch normalisation over the rows, softmax,
 * cross-entropy. With means over the N rows, written < >, of logits z and z' = dz/dv:
 *
 *     i = 1 / sqrt(<(z - <z>)^2> + eps)     n  = i (z - <z>)     n' = i (z' - <z'> - n <n z'>)
 *     p = softmax(n), y the one-hot label   e  = p - y           e' = p (n' - sum_c p n')
 *     delta  = i / N (e - <e> - n <n e>)
 *     delta' = i / N (e' - <e'> - n' <n e> - n <n' e + n e'>) - i <n z'> delta
 *
 * @param logits z [1, N, C] and z' [K, N, C].
 * @param labels y, shape [1, N, C].
 * @returns delta and delta', shape [1 + K, N, C].
 */
function logitsTangents({ value: logits, tangent: tangents }: Dual, labels: tf.Tensor): tf.Tensor {
  const mean = (x: tf.Tensor): tf.Tensor => tf.mean(x, 1, true);
  const N = logits.shape[1]!;
  const centred = tf.sub(logits, mean(logits));
  const i = tf.rsqrt(tf.add(mean(tf.square(centred)), NORMALISATION_EPSILON));
  const n = tf.mul(centred, i);
  const slope = mean(tf.mul(n, tangents));
  const nTangent = tf.mul(i, tf.sub(tf.sub(tangents, mean(tangents)), tf.mul(n, slope)));
  const p = tf.softmax(n);
  const e = tf.sub(p, labels);
  const eTangent = tf.mul(p, tf.sub(nTangent, tf.sum(tf.mul(p, nTangent), 2, true)));
  const along = mean(tf.mul(n, e));
  const alongTangent = mean(tf.add(tf.mul(nTangent, e), tf.mul(n, eTangent)));
  const scale = tf.div(i, N);
  const value = tf.mul(scale, tf.sub(tf.sub(e, mean(e)), tf.mul(n, along)));
  const inner = tf.sub(
    tf.sub(eTangent, mean(eTangent)),
    tf.add(tf.mul(nTangent, along), tf.mul(n, alongTangent)),
  );
  const tangent = tf.sub(tf.mul(scale, inner), tf.mul(tf.mul(i, slope), value));
  return tf.concat([value, tangent]);
}

/**
 * Adds a chunk's part of H v to `total`: D'^T x + D^T x' for weights, the rows' sum of D' for biases,
 * with D = [h > 0] (D W) and D' = [h > 0] (D' W + D W') from layer to layer, those of the logits first.
 */
function addProducts(
  operations: Operations,
  network: TangentNetwork,
  { images, delta: { value: delta, tangent } }: {
    readonly images: ImageRows;
    readonly delta: Dual;
  },
  total: LayerTensors[],
): void {
  const { layers, tangents } = network;
  const outputs = forwardTangents(operations, network, images);
  for (let index = layers.length - 1; index >= 0; index--) {
    const layer = layers[index]!;
    const below = outputs[index - 1];
    const onto = total[index];
    if (below === undefined) {
      total[0] = layerGradient(operations, { layer, delta: tangent, input: images, onto });
      return;
    }
    const bias = layer.bias && operations.biasGradient(tangent, onto?.bias);
    const ofTangent = tf.matMul(tangent, below.value, true);
    const part = tf.add(ofTangent, tf.matMul(delta, below.tangent, true));
    total[index] = mapLayer({ weight: onto ? tf.add(onto.weight, part) : part, bias }, tf.keep);
    onto?.weight.dispose();
    const isOn = tf.step(below.value);
    const along = tf.matMul(delta, tangents[index]!.weight);
    tangent = tf.mul(isOn, tf.add(tf.matMul(tangent, layer.weight), along));
    delta = tf.mul(isOn, tf.matMul(delta, layer.weight));
  }
}
