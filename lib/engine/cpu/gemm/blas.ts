/**
 * The system's BLAS through Deno's foreign function interface.
 *
 * @module
 */
import {
  type BlasLibrary,
  type BlasOptions,
  loadBlas,
} from "~/lib/engine/cpu/gemm/blas_library.ts";
import type { Gemm, GemmLibrary } from "~/lib/engine/cpu/gemm/gemm_library.ts";

// CBLAS's enumerations.
const ROW_MAJOR = 101;
const NO_TRANSPOSE = 111;
const TRANSPOSE = 112;

/** Opens the first BLAS that is there and computes rightly; undefined if there is none. */
export function openBlas(options: BlasOptions = {}): GemmLibrary | undefined {
  for (const { library, ...description } of loadBlas(options)) {
    const gemm: GemmLibrary = {
      kind: "blas",
      ...description,
      accumulates: true,
      bind: (memory) => bindBlas(library, memory),
      close: () => library.close(),
    };
    if (computesRightly(gemm)) return gemm;
    library.close();
  }
  return undefined;
}

function bindBlas(library: BlasLibrary, memory: WebAssembly.Memory): Gemm {
  const sgemm = library.symbols.cblas_sgemm;
  const base = Deno.UnsafePointer.value(Deno.UnsafePointer.of(new Uint8Array(memory.buffer)));
  const pointers = new Map<number, Deno.PointerValue>();
  function pointerTo(offset: number): Deno.PointerValue {
    let pointer = pointers.get(offset);
    if (pointer === undefined) {
      pointer = Deno.UnsafePointer.create(base + BigInt(offset));
      pointers.set(offset, pointer);
    }
    return pointer;
  }
  return (transposeA, transposeB, m, n, k, alpha, a, b, beta, c) => {
    sgemm(
      ROW_MAJOR,
      transposeA ? TRANSPOSE : NO_TRANSPOSE,
      transposeB ? TRANSPOSE : NO_TRANSPOSE,
      m,
      n,
      k,
      alpha,
      pointerTo(a),
      transposeA ? m : k,
      pointerTo(b),
      transposeB ? k : n,
      beta,
      pointerTo(c),
      n,
    );
  };
}

/**
 * Multiplies two small matrices in all four forms that the engine uses and compares with plain
 * loops: some builds of OpenBLAS compute wrong results on processors newer than themselves.
 */
function computesRightly(library: GemmLibrary): boolean {
  const m = 70, n = 45, k = 67;
  const memory = new WebAssembly.Memory({ initial: 1 });
  const floats = new Float32Array(memory.buffer);
  const a = 0, b = m * k, c = b + k * n;
  for (let i = 0; i < c; i++) floats[i] = ((i * 37) % 64 - 31.5) / 64;
  const gemm = library.bind(memory);
  for (const [transposeA, transposeB] of [[false, false], [false, true], [true, false]] as const) {
    floats.fill(1, c, c + m * n);
    gemm(transposeA, transposeB, m, n, k, -0.5, 4 * a, 4 * b, 1, 4 * c);
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let p = 0; p < k; p++) {
          sum += floats[a + (transposeA ? p * m + i : i * k + p)]! *
            floats[b + (transposeB ? j * k + p : p * n + j)]!;
        }
        if (!(Math.abs(floats[c + i * n + j]! - (1 - 0.5 * sum)) < 1e-4)) return false;
      }
    }
  }
  return true;
}
