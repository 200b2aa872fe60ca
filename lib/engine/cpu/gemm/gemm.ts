/**
 * Matrix products from a library, opened by its name.
 *
 * @module
 */
import { openBlas } from "~/lib/engine/cpu/gemm/blas.ts";
import type { GemmLibrary, GemmLibraryName } from "~/lib/engine/cpu/gemm/gemm_library.ts";
import { openOnnxRuntime } from "~/lib/engine/cpu/gemm/onnx_runtime.ts";

/**
 * Opens a matrix library as it is loaded, or as the system loads it.
 *
 * @throws {Error} If it is not there.
 */
export async function openGemmLibrary(name: GemmLibraryName): Promise<GemmLibrary> {
  return name === "blas" ? openBlas() ?? noBlas() : await openOnnxRuntime();
}

/** @throws {Error} Always: what to install. */
export function noBlas(): never {
  throw new Error(
    "Cannot multiply matrices with a BLAS as none was found: install OpenBLAS " +
      "(Debian: libopenblas0-pthread), BLIS or MKL, or choose onnxruntime",
  );
}
