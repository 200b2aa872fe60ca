/**
 * Directions: uniform on the sphere, and the same whoever draws them.
 *
 * @module
 */
import { drawDirection } from "~/lib/engine/direction.ts";
import { fillNormal, openStream } from "~/lib/random.ts";
import { assertAlmostEquals, assertEquals, assertLess } from "@std/assert";

const P = 2001;

function unit(seed: number, k: number): Float64Array {
  const { normal, inverseNorm } = drawDirection(new Float32Array(P), seed, k);
  return Float64Array.from(normal, (value) => value * inverseNorm);
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i]!, 0);
}

Deno.test("drawDirection() has norm 1 over all parameters, the sum in float64", () => {
  // 2001 rounded additions of float64.
  for (const k of [0, 1, 48]) assertAlmostEquals(dot(unit(3, k), unit(3, k)), 1, P * 2 ** -52);
});

Deno.test("drawDirection() is stream k of its seed, whatever was drawn before", () => {
  const expected = new Float32Array(P);
  fillNormal(expected, openStream(3, 7));
  const out = new Float32Array(P).fill(99);
  for (const k of [2, 7]) drawDirection(out, 3, k);
  assertEquals(out, expected);
});

Deno.test("drawDirection() gives nearly orthogonal directions for other k and seeds", () => {
  // u.v of independent uniform directions has mean 0 and standard deviation 1/sqrt(P).
  const directions = [0, 1, 2, 3, 4, 5].flatMap((k) => [unit(3, k), unit(4, k)]);
  for (const [i, u] of directions.entries()) {
    for (const v of directions.slice(i + 1)) assertLess(Math.abs(dot(u, v)), 4 / Math.sqrt(P));
  }
});

Deno.test("drawDirection() points everywhere alike: every coordinate has variance 1/P", () => {
  // Over 200 directions of R^5 the mean of P u_i^2 is 1; var(u_i^2) = 2 (P-1) / (P^2 (P+2)).
  const K = 200;
  const sums = new Float64Array(5);
  for (let k = 0; k < K; k++) {
    const { normal, inverseNorm } = drawDirection(new Float32Array(5), 8, k);
    normal.forEach((value, i) => sums[i]! += 5 * (value * inverseNorm) ** 2 / K);
  }
  for (const sum of sums) assertAlmostEquals(sum, 1, 4 * Math.sqrt(2 * 4 / 7 / K));
});
