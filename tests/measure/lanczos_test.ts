/**
 * Eigenvalues of small matrices, and of operators whose spectrum is known.
 *
 * @module
 */
import type { SharedFloats } from "~/lib/engine.ts";
import {
  growKrylov,
  isConverged,
  largestPair,
  symmetricEigen,
  unitDirection,
} from "~/lib/measure/lanczos.ts";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { dot, quadratic, share } from "~/tests/fixtures/function_engine.ts";

const P = 60;
/** Of a Householder reflection: no eigenvector lies along an axis. */
const v = Array.from({ length: P }, (_, i) => Math.sin(1 + 2 * i));
/** A bulk in -1..1 and three that stand out: 9, 7, 6.5. */
const spectrum = Array.from({ length: P }, (_, i) => [9, 7, 6.5][i] ?? Math.cos(i));

Deno.test("symmetricEigen() finds the spectrum of the discrete Laplacian", () => {
  // 2 - 2 cos(pi j / (m + 1)), j = 1..m, with eigenvectors sin(pi i j / (m + 1)).
  const m = 60;
  const laplacian = Array.from(
    { length: m },
    (_, i) => Array.from({ length: m }, (_, j) => i === j ? 2 : Math.abs(i - j) === 1 ? -1 : 0),
  );
  const { values, vectors } = symmetricEigen(laplacian);
  for (const [place, value] of values.entries()) {
    const j = m - place;
    // Jacobi's error is a few units of the last place of the norm, 4.
    assertAlmostEquals(value, 2 - 2 * Math.cos(Math.PI * j / (m + 1)), 1e-13);
    for (const [i, row] of laplacian.entries()) {
      assertAlmostEquals(dot(row, vectors[place]!), value * vectors[place]![i]!, 1e-13);
    }
    assertAlmostEquals(Math.hypot(...vectors[place]!), 1, 1e-13);
  }
});

Deno.test("symmetricEigen() takes what is diagonal, empty of structure, or one number", () => {
  assertEquals(symmetricEigen([[3]]), { values: [3], vectors: [[1]] });
  assertEquals(symmetricEigen([[1, 0], [0, 2]]).values, [2, 1]);
  assertEquals(symmetricEigen([[0, 0], [0, 0]]).values, [0, 0]);
  assertThrows(
    () => symmetricEigen([[NaN]]),
    RangeError,
    "Cannot decompose a matrix as its entries must be finite",
  );
});

Deno.test("largestPair() has a residual that holds an eigenvalue, isConverged() says when", async () => {
  const { product } = quadratic(spectrum, { v });
  const multiply = (x: SharedFloats): Promise<SharedFloats> =>
    Promise.resolve(share(product([], x)));
  await growKrylov(multiply, unitDirection(P, 1, 0), (space) => {
    const { value, residual } = largestPair(space, space.basis.map((q) => share(product([], q))));
    // Some eigenvalue lies within the residual, to the rounding of float32 products.
    assert(spectrum.some((each) => Math.abs(each - value) <= residual + 1e-5));
    // The Rayleigh quotient is never above the largest.
    assert(value <= 9 * (1 + 1e-6));
    if (!isConverged(space, 1e-5)) return undefined;
    assertAlmostEquals(value, 9, 1e-5 * 9);
    assert(space.basis.length < 40);
    return true;
  });
});

Deno.test("growKrylov() finds every eigenvalue once when it may use the whole space", async () => {
  // No copies ("ghosts"), which a basis that loses orthogonality brings forth.
  const distinct = Array.from({ length: 20 }, (_, i) => 20 - i);
  const { product } = quadratic(distinct, { v: v.slice(0, 20) });
  const { values, basis } = await growKrylov(
    (x) => Promise.resolve(share(product([], x))),
    unitDirection(20, 1, 0),
    (space) => space.isExhausted || space.basis.length === 20 ? space : undefined,
  );
  assertEquals(values.length, 20);
  // float32 products of vectors of norm 20.
  for (const [i, value] of values.entries()) assertAlmostEquals(value, distinct[i]!, 20 * 1e-6);
  for (const [i, q] of basis.entries()) {
    for (const other of basis.slice(0, i)) assertAlmostEquals(dot(q, other), 0, 1e-6);
  }
});
