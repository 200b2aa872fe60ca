/**
 * The system's BLAS: where it is found, how it is loaded, what it says of itself.
 *
 * @module
 */
import { betterCoreType, type ProcessorFeatures } from "~/lib/engine/cpu/gemm/openblas_core.ts";

/** OpenBLAS reads this when it is loaded, and never again. */
const CORE_TYPE = "OPENBLAS_CORETYPE";

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
  openblas_get_corename: { parameters: [], result: "pointer", optional: true },
  // OpenBLAS's own look at the processor, there where it chooses kernels when it is loaded.
  support_avx2: { parameters: [], result: "i32", optional: true },
  support_avx512: { parameters: [], result: "i32", optional: true },
  support_avx512_bf16: { parameters: [], result: "i32", optional: true },
  bli_thread_get_num_threads: { parameters: [], result: "i64", optional: true },
  bli_thread_set_num_threads: { parameters: ["i64"], result: "void", optional: true },
  bli_info_get_version_str: { parameters: [], result: "pointer", optional: true },
  MKL_Get_Max_Threads: { parameters: [], result: "i32", optional: true },
  MKL_Set_Num_Threads: { parameters: ["i32"], result: "void", optional: true },
  // macOS 15 and later; 1 is BLAS_THREADING_SINGLE_THREADED.
  BLASSetThreading: { parameters: ["i32"], result: "i32", optional: true },
} as const satisfies Deno.ForeignLibraryInterface;

/** A BLAS by its CBLAS interface; what only some have is optional. */
export type BlasLibrary = Deno.DynamicLibrary<typeof SYMBOLS>;

/** Files that are looked for in this order, by the system's own search for libraries. */
const NAMES: Partial<Record<typeof Deno.build.os, readonly string[]>> = {
  linux: [
    "libopenblas.so.0",
    "libopenblas.so",
    "libblis.so.4",
    "libblis.so",
    "libmkl_rt.so.3",
    "libmkl_rt.so.2",
    "libmkl_rt.so",
  ],
  darwin: [
    "/System/Library/Frameworks/Accelerate.framework/Accelerate",
    "libopenblas.dylib",
  ],
  windows: ["libopenblas.dll", "mkl_rt.3.dll", "mkl_rt.2.dll"],
};

/** How a BLAS is opened. */
export interface BlasOptions {
  /**
   * Whether an OpenBLAS that takes lesser kernels than the processor has is loaded again with the
   * right ones, unless OPENBLAS_CORETYPE is set. Default false: a thread takes what is loaded.
   */
  readonly improve?: boolean;
}

/** A BLAS that is loaded, on one thread. */
export interface LoadedBlas {
  readonly library: BlasLibrary;
  /** Name and version. */
  readonly name: string;
  /** The core that OpenBLAS takes by itself, where it was loaded with a better one. */
  readonly replaced?: string;
}

/** Loads every BLAS that is there, one when it is asked for. */
export function* loadBlas({ improve = false }: BlasOptions): Generator<LoadedBlas> {
  for (const name of NAMES[Deno.build.os] ?? []) {
    const opened = improve ? openImproved(name) : open(name);
    if (opened === undefined) continue;
    useOneThread(opened.library);
    yield { ...opened, name: describe(name, opened.library) };
  }
}

type Opened = Omit<LoadedBlas, "name">;

function open(name: string): Opened | undefined {
  try {
    return { library: Deno.dlopen(name, SYMBOLS) };
  } catch {
    // Not installed, without the CBLAS interface, or not permitted: the next one.
    return undefined;
  }
}

/**
 * OpenBLAS reads OPENBLAS_CORETYPE when it is loaded, so it is given back and loaded again; where
 * somebody else holds it, it stays as it is.
 */
function openImproved(name: string): Opened | undefined {
  const first = open(name);
  if (first === undefined) return undefined;
  const core = text(first.library.symbols.openblas_get_corename?.());
  const better = core === undefined ? undefined : betterCoreType(core, features(first.library));
  if (core === undefined || better === undefined) return first;
  try {
    if (Deno.env.get(CORE_TYPE) !== undefined) return first;
    Deno.env.set(CORE_TYPE, better);
  } catch {
    // Not permitted: what is loaded computes as rightly, only slower.
    return first;
  }
  first.library.close();
  const second = open(name);
  Deno.env.delete(CORE_TYPE);
  if (second === undefined) return undefined;
  const taken = text(second.library.symbols.openblas_get_corename?.());
  return taken === core ? second : { ...second, replaced: core };
}

function features({ symbols }: BlasLibrary): ProcessorFeatures {
  return {
    avx2: symbols.support_avx2?.() === 1,
    avx512: symbols.support_avx512?.() === 1,
    avx512bf16: symbols.support_avx512_bf16?.() === 1,
  };
}

/**
 * One run a thread is faster than one product on many, so the library itself gets one.
 *
 * The number is the process's, and setting it frees buffers that another thread's product may be
 * using: it is set where it is not 1 yet, by whoever opens the library first.
 */
function useOneThread({ symbols }: BlasLibrary): void {
  if (symbols.openblas_get_num_threads?.() !== 1) symbols.openblas_set_num_threads?.(1);
  if (symbols.bli_thread_get_num_threads?.() !== 1n) symbols.bli_thread_set_num_threads?.(1n);
  if (symbols.MKL_Get_Max_Threads?.() !== 1) symbols.MKL_Set_Num_Threads?.(1);
  // Accelerate's is the calling thread's.
  symbols.BLASSetThreading?.(1);
}

function text(pointer: Deno.PointerValue | undefined): string | undefined {
  return pointer ? new Deno.UnsafePointerView(pointer).getCString() : undefined;
}

function describe(name: string, { symbols }: BlasLibrary): string {
  // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH NO_AFFINITY SkylakeX MAX_THREADS=64"
  const openBlas = text(symbols.openblas_get_config?.())?.split(" ")
    .filter((word) => !/^(NO_|DYNAMIC_|USE_|MAX_|SINGLE_)/.test(word)).join(" ");
  if (openBlas !== undefined) return openBlas;
  const blis = text(symbols.bli_info_get_version_str?.());
  if (blis !== undefined) return `BLIS ${blis}`;
  return name.split("/").at(-1)!;
}
