/**
 * Arithmetic on vectors of all parameters, sums in float64.
 *
 * @module
 */
import type { SharedFloats } from "~/lib/engine.ts";

type Vector = Float32Array | Float64Array;

/** a'b. */
export function dot(a: Vector, b: Vector): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** |a|. */
export function norm(a: Vector): number {
  return Math.sqrt(dot(a, a));
}

/** S a with the diagonal S, shape [P]; without one a itself. */
export function scaled(a: SharedFloats, scale: Vector | undefined): SharedFloats {
  if (scale === undefined) return a;
  const out = new Float32Array(new SharedArrayBuffer(4 * a.length));
  for (let i = 0; i < out.length; i++) out[i] = a[i]! * scale[i]!;
  return out;
}
