/**
 * From logits and their derivatives along K vectors to the loss's gradient in the logits and its
 * derivatives: batch normalisation over the rows, softmax, cross-entropy.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { NORMALISATION_EPSILON } from "~/lib/model.ts";

/**
 * With means over the N rows, written < >, of logits z and z' = dz/dv:
 *
 *     i = 1 / sqrt(<(z - <z>)^2> + eps)     n  = i (z - <z>)     n' = i (z' - <z'> - n <n z'>)
 *     p = softmax(n), y the one-hot label   e  = p - y           e' = p (n' - sum_c p n')
 *     delta  = i / N (e - <e> - n <n e>)
 *     delta' = i / N (e' - <e'> - n' <n e> - n <n' e + n e'>) - i <n z'> delta
 *
 * @param logits z, shape [1, N, C].
 * @param tangents z', shape [K, N, C].
 * @param labels y, shape [1, N, C].
 * @returns delta, shape [1, N, C], and delta' as `tangent`, shape [K, N, C].
 */
export function logitsTangents(
  logits: tf.Tensor,
  tangents: tf.Tensor,
  labels: tf.Tensor,
): { readonly delta: tf.Tensor; readonly tangent: tf.Tensor } {
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
  const delta = tf.mul(scale, tf.sub(tf.sub(e, mean(e)), tf.mul(n, along)));
  const inner = tf.sub(
    tf.sub(eTangent, mean(eTangent)),
    tf.add(tf.mul(nTangent, along), tf.mul(n, alongTangent)),
  );
  const tangent = tf.sub(tf.mul(scale, inner), tf.mul(tf.mul(i, slope), delta));
  return { delta, tangent };
}
