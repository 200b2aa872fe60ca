/**
 * Vectors of all parameters.
 *
 * @module
 */

/** float32 as networks have it, or float64. */
export type Vector = Float32Array | Float64Array;

/** a'b, summed in float64. */
export function dot(a: Vector, b: Vector): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** |a|. */
export function norm(a: Vector): number {
  return Math.sqrt(dot(a, a));
}

/** float32 in memory that threads can share, element by element; default zeros. */
export function share(
  length: number,
  at?: (i: number) => number,
): Float32Array<SharedArrayBuffer> {
  const out = new Float32Array(new SharedArrayBuffer(4 * length));
  if (at !== undefined) { for (let i = 0; i < length; i++) out[i] = at(i); }
  return out;
}
