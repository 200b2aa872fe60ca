/**
 * Matrix products from a library: the interface, and the choice of the library.
 *
 * @module
 */
import { openBlas } from "~/lib/engine/cpu/gemm/blas.ts";
import { openOnnxRuntime } from "~/lib/engine/cpu/gemm/onnx_runtime.ts";

/**
 * C = alpha op(A) op(B) + beta C in float32, row major without gaps; op(A) is [m, k], op(B) [k, n].
 *
 * A, B and C are byte offsets into the memory that the library was bound to. `beta` is 0 or 1.
 */
export type Gemm = (
  transposeA: boolean,
  transposeB: boolean,
  m: number,
  n: number,
  k: number,
  alpha: number,
  a: number,
  b: number,
  beta: number,
  c: number,
) => void | Promise<void>;

/** A library of matrix products on one thread. */
export interface GemmLibrary {
  readonly kind: GemmLibraryName;
  /** Name and version: "OpenBLAS 0.3.21 (SkylakeX)". */
  readonly name: string;
  /** Whether beta = 1 with C updated in place costs no more than beta = 0. */
  readonly accumulates: boolean;
  /** Whether a large C is best computed in panels of its rows, for so small a k. */
  panelled(k: number): boolean;
  /** Binds products to a memory; call again whenever the memory has grown. */
  bind(memory: WebAssembly.Memory): Gemm;
  /** Gives the library back; it is of no use afterwards. */
  close(): void;
}

/** The matrix libraries in the order in which they are tried. */
export const GEMM_LIBRARIES = ["blas", "onnxruntime"] as const;
export type GemmLibraryName = typeof GEMM_LIBRARIES[number];

/**
 * Opens a matrix library: the system's BLAS if there is one that computes rightly, else ONNX
 * Runtime's Gemm, which comes with its npm package.
 *
 * @param name Demands this one.
 * @throws {Error} If the library that was asked for is not there.
 */
export async function openGemmLibrary(name?: GemmLibraryName): Promise<GemmLibrary> {
  if (name !== "onnxruntime") {
    const blas = openBlas();
    if (blas !== undefined) return blas;
    if (name === "blas") {
      throw new Error(
        "Cannot multiply matrices with a BLAS as none was found: install OpenBLAS " +
          "(Debian: libopenblas0-pthread), BLIS or MKL, or choose onnxruntime",
      );
    }
  }
  return await openOnnxRuntime();
}
