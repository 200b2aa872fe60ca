/**
 * The system's BLAS through Deno's foreign function interface.
 *
 * @module
 */
import type { Gemm, GemmLibrary } from "~/lib/engine/cpu/gemm/gemm.ts";

const SYMBOLS = {
  cblas_sgemm: {
    parameters: [
      "i32",
      "i32",
      "i32",
      "i32",
      "i32",
      "i32",
      "f32",
      "pointer",
      "i32",
      "pointer",
      "i32",
      "f32",
      "pointer",
      "i32",
    ],
    result: "void",
  },
  openblas_get_num_threads: { parameters: [], result: "i32", optional: true },
  openblas_set_num_threads: { parameters: ["i32"], result: "void", optional: true },
  openblas_get_config: { parameters: [], result: "pointer", optional: true },
  bli_thread_get_num_threads: { parameters: [], result: "i64", optional: true },
  bli_thread_set_num_threads: { parameters: ["i64"], result: "void", optional: true },
  bli_info_get_version_str: { parameters: [], result: "pointer", optional: true },
  MKL_Get_Max_Threads: { parameters: [], result: "i32", optional: true },
  MKL_Set_Num_Threads: { parameters: ["i32"], result: "void", optional: true },
  // macOS 15 and later; 1 is BLAS_THREADING_SINGLE_THREADED.
  BLASSetThreading: { parameters: ["i32"], result: "i32", optional: true },
} as const satisfies Deno.ForeignLibraryInterface;

type Library = Deno.DynamicLibrary<typeof SYMBOLS>;

/** Looked for in this order, by the system's own search for libraries. */
const NAMES: Partial<Record<typeof Deno.build.os, readonly string[]>> = {
  linux: [
    "libopenblas.so.0",
    "libopenblas.so",
    "libblis.so.4",
    "libblis.so",
    "libmkl_rt.so.2",
    "libmkl_rt.so",
  ],
  darwin: [
    "/System/Library/Frameworks/Accelerate.framework/Accelerate",
    "libopenblas.dylib",
  ],
  windows: ["libopenblas.dll", "mkl_rt.2.dll"],
};

// CBLAS's enumerations.
const ROW_MAJOR = 101;
const NO_TRANSPOSE = 111;
const TRANSPOSE = 112;

/** Opens the first BLAS that is there and computes rightly; undefined if there is none. */
export function openBlas(): GemmLibrary | undefined {
  for (const name of NAMES[Deno.build.os] ?? []) {
    let library: Library;
    try {
      library = Deno.dlopen(name, SYMBOLS);
    } catch {
      // Not installed, without the CBLAS interface, or not permitted: the next one.
      continue;
    }
    useOneThread(library);
    const gemm: GemmLibrary = {
      kind: "blas",
      name: describe(name, library),
      accumulates: true,
      panelled: (k) => k <= 64,
      bind: (memory) => bindBlas(library, memory),
      close: () => library.close(),
    };
    if (computesRightly(gemm)) return gemm;
    library.close();
  }
  return undefined;
}

function bindBlas(library: Library, memory: WebAssembly.Memory): Gemm {
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
 * One run a thread is faster than one product on many, so the library itself gets one.
 *
 * The number is the process's, and setting it frees buffers that another thread's product may be
 * using: it is set where it is not 1 yet, by whoever opens the library first.
 */
function useOneThread({ symbols }: Library): void {
  if (symbols.openblas_get_num_threads?.() !== 1) symbols.openblas_set_num_threads?.(1);
  if (symbols.bli_thread_get_num_threads?.() !== 1n) symbols.bli_thread_set_num_threads?.(1n);
  if (symbols.MKL_Get_Max_Threads?.() !== 1) symbols.MKL_Set_Num_Threads?.(1);
  // Accelerate's is the calling thread's.
  symbols.BLASSetThreading?.(1);
}

function describe(name: string, { symbols }: Library): string {
  const text = (pointer: Deno.PointerValue | undefined): string | undefined =>
    pointer ? new Deno.UnsafePointerView(pointer).getCString() : undefined;
  // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH NO_AFFINITY SkylakeX MAX_THREADS=64"
  const openBlas = text(symbols.openblas_get_config?.())?.split(" ")
    .filter((word) => !/^(NO_|DYNAMIC_|USE_|MAX_|SINGLE_)/.test(word)).join(" ");
  if (openBlas !== undefined) return openBlas;
  const blis = text(symbols.bli_info_get_version_str?.());
  if (blis !== undefined) return `BLIS ${blis}`;
  return name.split("/").at(-1)!;
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
