/**
 * Directions around a minimum, the same for every model: u_k = g_k / |g_k|, g_k ~ N(0, I_P).
 *
 * @module
 */
import { fillNormal, openStream } from "~/lib/random.ts";

/** A direction before it is scaled: u_k = `normal` * `inverseNorm`. */
export interface Direction {
  /** g_k, shape [P]. */
  readonly normal: Float32Array;
  /** 1 / |g_k|, the norm taken over all P parameters in float64. */
  readonly inverseNorm: number;
}

/**
 * Draws direction `k`: it depends on `seed`, `k` and P only, never on order, chunk size or threads.
 *
 * @param out Written with g_k, shape [P].
 * @param k Integer >= 0.
 */
export function drawDirection(out: Float32Array, seed: number, k: number): Direction {
  fillNormal(out, openStream(seed, k));
  let squares = 0;
  for (let i = 0; i < out.length; i++) squares += out[i]! * out[i]!;
  return { normal: out, inverseNorm: 1 / Math.sqrt(squares) };
}
