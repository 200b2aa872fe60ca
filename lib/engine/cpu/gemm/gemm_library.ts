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
  /** What opens it once more: its kind, or the file that it was opened from. */
  readonly source: LibrarySource;
  /** The kernels that it takes by itself, where it was loaded with better ones. */
  readonly replaced?: string | undefined;
  /** Whether beta = 1 with C updated in place costs no more than beta = 0. */
  readonly accumulates: boolean;
  /** Binds products to a memory; call again whenever the memory has grown. */
  bind(memory: WebAssembly.Memory): Gemm;
  /** Gives the library back; it is of no use afterwards. */
  close(): void;
}

/** The matrix libraries; of two that are equally fast the first is taken. */
export const GEMM_LIBRARIES = ["blas", "onednn", "onnxruntime"] as const;
/** One of `GEMM_LIBRARIES`. */
export type GemmLibraryName = typeof GEMM_LIBRARIES[number];

/** A library by its kind, or a BLAS by its file as the system finds it: "libmkl_rt.so.2", or a path. */
export type LibrarySource = GemmLibraryName | `${string}.${string}`;

/** Name of the file in the models' folder that keeps which one is the fastest on each machine. */
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
  if (library.startsWith("onnxruntime")) return "onnxruntime";
  return library.startsWith("oneDNN") ? "onednn" : "blas";
}

/**
 * Multiplies two small matrices in all forms that the engine uses and compares with plain loops:
 * some builds of OpenBLAS compute wrong results on processors newer than themselves.
 */
export function computesRightly(library: GemmLibrary): boolean {
  const [m, n, k] = [70, 45, 67];
  const memory = new WebAssembly.Memory({ initial: 1 });
  const floats = new Float32Array(memory.buffer);
  const [a, b, c] = [0, m * k, m * k + k * n];
  for (let i = 0; i < c; i++) floats[i] = ((i * 37) % 64 - 31.5) / 64;
  const gemm = library.bind(memory);
  const cases = (["NN", "NT", "TN"] as const).flatMap((form) =>
    ([0, 1] as const).map((beta) => ({ form, beta }))
  );
  return cases.every(({ form, beta }) => {
    // What is overwritten is not read.
    floats.fill(beta === 0 ? NaN : 1, c, c + m * n);
    gemm(form, m, n, k, 4 * a, 4 * b, 4 * c, beta, -0.5);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let p = 0; p < k; p++) {
          sum += floats[a + (form === "TN" ? p * m + i : i * k + p)]! *
            floats[b + (form === "NT" ? j * k + p : p * n + j)]!;
        }
        if (!(Math.abs(floats[c + i * n + j]! - (beta - 0.5 * sum)) < 1e-4)) return false;
      }
    }
    return true;
  });
}
