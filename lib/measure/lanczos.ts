/**
 * The Lanczos method: the largest eigenvalues of an operator that is known by its products.
 *
 * @module
 */
import type { SharedFloats } from "~/lib/engine.ts";
import { symmetricEigen } from "~/lib/measure/symmetric_eigen.ts";
import { dot, norm } from "~/lib/measure/vectors.ts";

/** The product of a symmetric operator with a vector, shape [P]; a new array each time. */
export type Multiply = (vector: SharedFloats) => Promise<SharedFloats>;

/** When to stop. */
export interface LanczosOptions {
  /** Most products. */
  readonly iterations: number;
  /** Error of the eigenvalues that is asked for, relative to the largest. */
  readonly tolerance: number;
  /** How many of the largest eigenvalues. Default 1. */
  readonly count?: number;
  /** Called after each product. */
  readonly onIteration?: (iterations: number) => void;
}

/** The largest eigenvalues that were found. */
export interface RitzValues {
  /** Descending; fewer than `count` where the start vector holds fewer. */
  readonly values: readonly number[];
  /** By value, `|A y - theta y|` of its unit vector y: an eigenvalue lies within that of theta. */
  readonly residuals: readonly number[];
  /** By value, the unit vector y, shape [P]. */
  readonly vectors: readonly SharedFloats[];
  readonly converged: boolean;
  readonly iterations: number;
}

/**
 * Finds the largest eigenvalues (by value, not by magnitude) of a symmetric operator A.
 *
 * The basis is orthogonalised in full, twice, with dot products in float64, so that no eigenvalue
 * comes twice (Parlett, The Symmetric Eigenvalue Problem, 13.8). Converged means that
 * `min(b, b^2 / gap)` is at most `tolerance` of the largest Ritz value for each of them, with b the
 * Lanczos bound on the residual and gap the distance to the next Ritz value (Parlett, 11.7).
 * Values and residuals that are returned are those of the unit vectors y that are returned, with A y
 * as the same combination of the basis's products: no bound, and no further product.
 *
 * Memory: 8 P bytes an iteration.
 *
 * @param start Shape [P], not 0.
 */
export async function lanczos(
  multiply: Multiply,
  start: SharedFloats,
  { iterations, tolerance, count = 1, onIteration }: LanczosOptions,
): Promise<RitzValues> {
  const basis: SharedFloats[] = [normalised(Float64Array.from(start), norm(start))];
  const products: SharedFloats[] = [];
  const diagonal: number[] = [];
  const beside: number[] = [];
  for (;;) {
    const q = basis.at(-1)!;
    products.push(await multiply(q));
    const rest = new Float64Array(products.at(-1)!);
    diagonal.push(dot(q, rest));
    orthogonalise(rest, basis);
    const beta = norm(rest);
    onIteration?.(diagonal.length);
    const { values, vectors } = symmetricEigen(tridiagonal(diagonal, beside));
    const scale = Math.abs(values[0]!);
    const errors = values.slice(0, count).map((value, i) => {
      const bound = beta * Math.abs(vectors[i]!.at(-1)!);
      const gap = Math.min(...values.filter((_, j) => j !== i).map((v) => Math.abs(v - value)));
      return Number.isFinite(gap) && gap > 0 ? Math.min(bound, bound ** 2 / gap) : bound;
    });
    // What float32 leaves of a vector that lies in the basis: the rest of the space is not reached.
    const exhausted = beta <= 1e-6 * Math.max(...values.map(Math.abs));
    const found = values.length >= count && errors.every((error) => error <= tolerance * scale);
    if (found || exhausted || diagonal.length >= iterations) {
      const pairs = vectors.slice(0, count).map((s) => rayleigh(basis, products, s));
      return {
        values: pairs.map(({ value }) => value),
        residuals: pairs.map(({ residual }) => residual),
        vectors: pairs.map(({ vector }) => vector),
        converged: found || exhausted,
        iterations: diagonal.length,
      };
    }
    beside.push(beta);
    basis.push(normalised(rest, beta));
  }
}

/** The unit vector y of a combination of the basis, its Rayleigh quotient y'Ay and what that leaves. */
function rayleigh(
  basis: readonly SharedFloats[],
  products: readonly SharedFloats[],
  coefficients: readonly number[],
): { value: number; residual: number; vector: SharedFloats } {
  const y = combine(basis, coefficients);
  const length = norm(y);
  const product = combine(products, coefficients);
  const value = dot(y, product) / length ** 2;
  let squares = 0;
  for (let i = 0; i < y.length; i++) squares += (product[i]! - value * y[i]!) ** 2;
  return { value, residual: Math.sqrt(squares) / length, vector: normalised(y, length) };
}

function tridiagonal(diagonal: readonly number[], beside: readonly number[]): number[][] {
  return diagonal.map((value, i) =>
    diagonal.map((_, j) => i === j ? value : Math.abs(i - j) === 1 ? beside[Math.min(i, j)]! : 0)
  );
}

/** Once leaves rounding that grows with what cancelled; twice is enough (Parlett, 6.9). */
function orthogonalise(vector: Float64Array, basis: readonly SharedFloats[]): void {
  for (let twice = 0; twice < 2; twice++) {
    for (const q of basis) {
      const projection = dot(q, vector);
      for (let i = 0; i < vector.length; i++) vector[i]! -= projection * q[i]!;
    }
  }
}

function combine(vectors: readonly SharedFloats[], coefficients: readonly number[]): Float64Array {
  const sum = new Float64Array(vectors[0]!.length);
  for (const [j, vector] of vectors.entries()) {
    const c = coefficients[j]!;
    for (let i = 0; i < sum.length; i++) sum[i]! += c * vector[i]!;
  }
  return sum;
}

function normalised(vector: Float64Array, length: number): SharedFloats {
  const unit = new Float32Array(new SharedArrayBuffer(4 * vector.length));
  for (let i = 0; i < vector.length; i++) unit[i] = vector[i]! / length;
  return unit;
}
