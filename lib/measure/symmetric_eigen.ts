/**
 * Eigenvalues and eigenvectors of a small symmetric matrix.
 *
 * @module
 */

/** Eigenpairs, largest eigenvalue first. */
export interface Eigenpairs {
  /** Descending, shape [m]. */
  readonly values: readonly number[];
  /** Unit vectors in the order of the values, shape [m][m]. */
  readonly vectors: readonly (readonly number[])[];
}

/** Sweeps converge quadratically: 8 do for m = 60; more says that the matrix is not finite. */
const MAX_SWEEPS = 40;

/**
 * Decomposes a symmetric matrix by cyclic Jacobi rotations, in float64
 * (Golub and Van Loan, Matrix Computations, 4th edition, 8.5).
 *
 * @param matrix Shape [m][m], symmetric; read, never written.
 * @throws {RangeError} If an entry is not finite.
 *
 * @example
 * ```ts
 * import { symmetricEigen } from "~/lib/measure/symmetric_eigen.ts";
 *
 * const { values } = symmetricEigen([[2, 1], [1, 2]]);
 * if (Math.abs(values[0]! - 3) + Math.abs(values[1]! - 1) > 1e-14) throw new Error("not 3 and 1");
 * ```
 */
export function symmetricEigen(matrix: readonly (readonly number[])[]): Eigenpairs {
  const m = matrix.length;
  const a = matrix.map((row) => Float64Array.from(row));
  const v = matrix.map((_, i) => Float64Array.from(matrix, (_, j) => Number(i === j)));
  const size = Math.hypot(...a.flatMap((row) => [...row]));
  if (!Number.isFinite(size)) {
    throw new RangeError("Cannot decompose a matrix as its entries must be finite");
  }
  for (let sweep = 0; sweep < MAX_SWEEPS && offDiagonal(a) > 1e-16 * size; sweep++) {
    for (let p = 0; p < m; p++) {
      for (let q = p + 1; q < m; q++) rotate(a, v, { p, q });
    }
  }
  const order = a.map((_, i) => i).sort((i, j) => a[j]![j]! - a[i]![i]!);
  return {
    values: order.map((i) => a[i]![i]!),
    vectors: order.map((i) => v.map((row) => row[i]!)),
  };
}

/** Norm of what is below the diagonal. */
function offDiagonal(a: readonly Float64Array[]): number {
  let squares = 0;
  for (const [i, row] of a.entries()) {
    for (let j = 0; j < i; j++) squares += row[j]! ** 2;
  }
  return Math.sqrt(squares);
}

/** One rotation in the plane (p, q) that makes a[p][q] zero. */
function rotate(
  a: readonly Float64Array[],
  v: readonly Float64Array[],
  { p, q }: { readonly p: number; readonly q: number },
): void {
  const off = a[p]![q]!;
  if (off === 0) return;
  const tau = (a[q]![q]! - a[p]![p]!) / (2 * off);
  const t = (tau < 0 ? -1 : 1) / (Math.abs(tau) + Math.hypot(1, tau));
  const c = 1 / Math.hypot(1, t);
  const s = t * c;
  const turn = (row: Float64Array): void => {
    const [x, y] = [row[p]!, row[q]!];
    row[p] = c * x - s * y;
    row[q] = s * x + c * y;
  };
  for (const row of a) turn(row);
  const [rowP, rowQ] = [a[p]!, a[q]!];
  for (let k = 0; k < rowP.length; k++) {
    const [x, y] = [rowP[k]!, rowQ[k]!];
    rowP[k] = c * x - s * y;
    rowQ[k] = s * x + c * y;
  }
  // Zero by the choice of t, but for rounding.
  rowP[q] = rowQ[p] = 0;
  for (const row of v) turn(row);
}
