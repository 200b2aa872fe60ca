/**
 * Eigenvalues of small matrices, and of operators whose spectrum is known.
 *
 * @module
 */
import { lanczos } from "~/lib/measure/lanczos.ts";
import { symmetricEigen } from "~/lib/measure/symmetric_eigen.ts";
import { fillNormal, openStream } from "~/lib/random.ts";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { dot, quadratic, share } from "~/tests/fixtures/function_engine.ts";

const P = 60;
/** Of a Householder reflection: no eigenvector lies along an axis. */
const v = Array.from({ length: P }, (_, i) => Math.sin(1 + 2 * i));
/** A bulk in -1..1 and three that stand out: 9, 7, 6.5. */
const spectrum = Array.from({ length: P }, (_, i) => [9, 7, 6.5][i] ?? Math.cos(i));

function random(length: number): Float32Array<SharedArrayBuffer> {
  const start = new Float32Array(new SharedArrayBuffer(4 * length));
  fillNormal(start, openStream(1, 0));
  return start;
}

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

Deno.test("lanczos() finds the largest eigenvalues with residuals that hold them", async () => {
  const { product } = quadratic(spectrum, { v });
  const found = await lanczos(
    (x) => Promise.resolve(share(product([], x))),
    random(P),
    { iterations: P, tolerance: 1e-5, count: 3 },
  );
  const largest = [...spectrum].sort((a, b) => b - a).slice(0, 3);
  assertEquals(found.converged, true);
  assert(found.iterations < 40);
  for (const [i, value] of found.values.entries()) {
    // The tolerance, relative to the largest.
    assertAlmostEquals(value, largest[i]!, 1e-5 * 9);
    assert(Math.abs(value - largest[i]!) <= found.residuals[i]! + 1e-6);
    for (const other of found.vectors.slice(0, i)) {
      // Of float32 vectors of 60 entries.
      assertAlmostEquals(dot(other, found.vectors[i]!), 0, 1e-6);
    }
  }
});

Deno.test("lanczos() finds every eigenvalue once when it may use the whole space", async () => {
  // No copies ("ghosts"), which a basis that loses orthogonality brings forth.
  const distinct = Array.from({ length: 20 }, (_, i) => 20 - i);
  const { product } = quadratic(distinct, { v: v.slice(0, 20) });
  const { values, iterations } = await lanczos(
    (x) => Promise.resolve(share(product([], x))),
    random(20),
    { iterations: 20, tolerance: 1e-9, count: 20 },
  );
  assertEquals(iterations, 20);
  // float32 products of vectors of norm 20.
  for (const [i, value] of values.entries()) assertAlmostEquals(value, distinct[i]!, 20 * 1e-6);
});
