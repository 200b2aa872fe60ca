/**
 * A direction of the study as a vector, for measures that take no rays.
 *
 * @module
 */
import type { SharedFloats } from "~/lib/engine.ts";
import { fillNormal, openStream } from "~/lib/random.ts";

/**
 * `u_k = g_k / |g_k|`, `g_k ~ N(0, I_P)`: what engines step along with "global" scaling.
 *
 * @returns Shape [P], in memory that threads can share.
 */
export function unitDirection(
  P: number,
  { seed, k }: { readonly seed: number; readonly k: number },
): SharedFloats {
  const vector = new Float32Array(new SharedArrayBuffer(4 * P));
  fillNormal(vector, openStream(seed, k));
  let squares = 0;
  for (let i = 0; i < P; i++) squares += vector[i]! ** 2;
  const length = Math.sqrt(squares);
  for (let i = 0; i < P; i++) vector[i]! /= length;
  return vector;
}
