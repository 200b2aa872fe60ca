/**
 * The Lanczos method: eigenvalues of an operator that is known by its products.
 *
 * @module
 */
import { dot, norm, share, type SharedFloats, type Vector } from "~/lib/model.ts";
import { fillNormal, openStream } from "~/lib/random.ts";

/** The study's direction k, `u_k = g_k / |g_k|` with `g_k ~ N(0, I_P)`. */
export function unitDirection(P: number, seed: number, k: number): SharedFloats {
  const normal = new Float32Array(P);
  fillNormal(normal, openStream(seed, k));
  const length = norm(normal);
  return share(P, (i) => normal[i]! / length);
}

/** A symmetric operator A in the space of a vector's first m products. */
export interface Krylov {
  /** Orthonormal, shape [m][P]. */
  readonly basis: readonly SharedFloats[];
  /** Eigenvalues of A in this space, descending, and their unit vectors in this basis. */
  readonly values: readonly number[];
  readonly vectors: readonly (readonly number[])[];
  /** Whether the last product adds no more to it than what float32 leaves of a vector within it. */
  readonly isExhausted: boolean;
}

/**
 * Grows the space product by product until `look` returns what it wanted. The basis is orthogonalised
 * in full, twice, with dot products in float64, so that no eigenvalue comes twice (Parlett, The
 * Symmetric Eigenvalue Problem, 6.9 and 13.8). Memory: 4 P bytes a product.
 *
 * @param multiply A v, shape [P]; a new array each time.
 * @param start Shape [P], not 0.
 */
export async function growKrylov<T>(
  multiply: (v: SharedFloats) => Promise<SharedFloats>,
  start: SharedFloats,
  look: (space: Krylov) => T | undefined,
): Promise<T> {
  const P = start.length;
  const length = norm(start);
  const basis = [share(P, (i) => start[i]! / length)];
  const diagonal: number[] = [];
  const beside: number[] = [];
  for (;;) {
    const rest = new Float64Array(await multiply(basis.at(-1)!));
    diagonal.push(dot(basis.at(-1)!, rest));
    const twice = [...basis, ...basis];
    let projection = dot(twice[0]!, rest);
    for (const [k, q] of twice.entries()) {
      // The next projection on the way: one pass over the memory instead of two.
      projection = subtract(rest, q, projection, twice[k + 1] ?? q);
    }
    const beta = norm(rest);
    const matrix = diagonal.map((value, i) =>
      diagonal.map((_, j) => i === j ? value : Math.abs(i - j) === 1 ? beside[Math.min(i, j)]! : 0)
    );
    const { values, vectors } = await symmetricEigen(matrix);
    const isExhausted = beta <= 1e-6 * Math.max(...values.map(Math.abs));
    const found = look({ basis, values, vectors, isExhausted });
    if (found !== undefined) return found;
    beside.push(beta);
    basis.push(share(P, (i) => rest[i]! / beta));
  }
}

/** `rest -= projection * q`, and what is left times `next`. */
function subtract(rest: Float64Array, q: Vector, projection: number, next: Vector): number {
  let sum = 0;
  for (let i = 0; i < rest.length; i++) {
    const left = rest[i]! - projection * q[i]!;
    rest[i] = left;
    sum += next[i]! * left;
  }
  return sum;
}

/**
 * The largest eigenvalue, by value and not by magnitude, as `y'Ay` of its unit vector y, and
 * `|A y - y'Ay y|`: an eigenvalue lies within that.
 *
 * @param products A of each vector of the basis.
 */
export function largestPair(
  { basis, vectors }: Krylov,
  products: readonly SharedFloats[],
): { value: number; residual: number } {
  const combine = (all: readonly SharedFloats[]): Float64Array => {
    const sum = new Float64Array(all[0]!.length);
    for (const [j, c] of vectors[0]!.entries()) {
      for (let i = 0; i < sum.length; i++) sum[i]! += c * all[j]![i]!;
    }
    return sum;
  };
  const [y, product] = [combine(basis), combine(products)];
  const length = norm(y);
  const value = dot(y, product) / length ** 2;
  for (let i = 0; i < y.length; i++) product[i]! -= value * y[i]!;
  return { value, residual: norm(product) / length };
}

/**
 * Eigenvalues, descending, and unit vectors of a small symmetric matrix.
 *
 * @throws {RangeError} If an entry is not finite.
 */
async function symmetricEigen(
  matrix: number[][],
): Promise<{ values: number[]; vectors: number[][] }> {
  if (!matrix.flat().every(Number.isFinite)) {
    throw new RangeError("Cannot decompose a matrix as its entries must be finite");
  }
  // Loaded here: nothing else needs it, and the page does without.
  const { EigenvalueDecomposition } = await import("ml-matrix");
  // Ascending, vectors as columns.
  const found = new EigenvalueDecomposition(matrix, { assumeSymmetric: true });
  return {
    values: found.realEigenvalues.toReversed(),
    vectors: found.eigenvectorMatrix.transpose().to2DArray().toReversed(),
  };
}
