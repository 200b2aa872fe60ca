/**
 * Matrix products from a library: the interface.
 *
 * @module
 */

/** Whether A and B are taken as they lie (N) or transposed (T). */
export type GemmForm = "NN" | "NT" | "TN";

/**
 * C = alpha op(A) op(B) + beta C in float32, row major without gaps; op(A) is [m, k], op(B) [k, n].
 *
 * A, B and C are byte offsets into the memory that the library was bound to; beta is 0 unless it is
 * given, alpha 1.
 */
export type Gemm = (
  form: GemmForm,
  m: number,
  n: number,
  k: number,
  a: number,
  b: number,
  c: number,
  beta?: 0 | 1,
  alpha?: number,
) => void | Promise<void>;

/** A library of matrix products on one thread. */
export interface GemmLibrary {
  readonly kind: GemmLibraryName;
  /** Name, version and kernels: "OpenBLAS 0.3.21 SkylakeX". */
  readonly name: string;
  /** The kernels that it takes by itself, where it was loaded with better ones. */
  readonly replaced?: string;
  /** Whether beta = 1 with C updated in place costs no more than beta = 0. */
  readonly accumulates: boolean;
  /** Binds products to a memory; call again whenever the memory has grown. */
  bind(memory: WebAssembly.Memory): Gemm;
  /** Gives the library back; it is of no use afterwards. */
  close(): void;
}

/** The matrix libraries; of two that are equally fast the first is taken. */
export const GEMM_LIBRARIES = ["blas", "onnxruntime"] as const;
/** One of `GEMM_LIBRARIES`. */
export type GemmLibraryName = typeof GEMM_LIBRARIES[number];

/** Name of the file in the models' folder that keeps which one is the faster one on each machine. */
export const CHOICES_FILE = "matrix_library.json";

/**
 * Which library an engine computed with, by the `name` and `library` that results tell of it;
 * undefined where it was no CPU engine.
 *
 * @example
 * ```ts
 * import { gemmLibraryOf } from "~/lib/engine.ts";
 *
 * const info = { name: "cpu", library: "onnxruntime-node 1.30.0" };
 * if (gemmLibraryOf(info) !== "onnxruntime") throw new Error("not recognised");
 * ```
 */
export function gemmLibraryOf(
  { name, library }: { readonly name: string; readonly library: string },
): GemmLibraryName | undefined {
  if (name !== "cpu") return undefined;
  return library.startsWith("onnxruntime") ? "onnxruntime" : "blas";
}
