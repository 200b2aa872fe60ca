/**
 * The system's BLAS through Deno's foreign function interface: where it is found, how it is loaded,
 * what it says of itself.
 *
 * @module
 */
import {
  computesRightly,
  type Gemm,
  type GemmLibrary,
} from "~/lib/engine/cpu/gemm/gemm_library.ts";

/** OpenBLAS reads this when it is loaded, and never again. */
const CORE_TYPE = "OPENBLAS_CORETYPE";

const [int, float, pointer] = ["i32", "f32", "pointer"] as const;
const maybe = { optional: true } as const;
const counts = { parameters: [], result: int, ...maybe } as const;
const says = { parameters: [], result: pointer, ...maybe } as const;
const sets = { parameters: [int], result: "void", ...maybe } as const;

const SYMBOLS = {
  cblas_sgemm: {
    // deno-fmt-ignore
    parameters: [int, int, int, int, int, int, float, pointer, int, pointer, int, float, pointer, int],
    result: "void",
  },
  openblas_get_num_threads: counts,
  openblas_set_num_threads: sets,
  openblas_get_config: says,
  openblas_get_corename: says,
  // OpenBLAS's own look at the processor, there where it chooses kernels when it is loaded.
  support_avx2: counts,
  support_avx512: counts,
  support_avx512_bf16: counts,
  bli_thread_get_num_threads: { ...counts, result: "i64" },
  bli_thread_set_num_threads: { ...sets, parameters: ["i64"] },
  bli_info_get_version_str: says,
  MKL_Get_Max_Threads: counts,
  MKL_Set_Num_Threads: sets,
  // macOS 15 and later; 1 is BLAS_THREADING_SINGLE_THREADED.
  BLASSetThreading: { ...sets, result: int },
} as const satisfies Deno.ForeignLibraryInterface;

/** A BLAS by its CBLAS interface; what only some have is optional. */
type Blas = Deno.DynamicLibrary<typeof SYMBOLS>;

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

/** Before the names of all functions: of most libraries, and of the OpenBLAS that comes with SciPy. */
const PREFIXES = ["", "scipy_"];

/**
 * Opens the first BLAS that is there and computes rightly, on one thread; undefined if none is.
 *
 * @param file This file and no other, as the system finds it.
 */
export function openBlas(file?: `${string}.${string}`): GemmLibrary | undefined {
  for (const name of file ? [file] : NAMES[Deno.build.os] ?? []) {
    const opened = openImproved(name);
    if (opened === undefined) continue;
    const { library, ...replaced } = opened;
    useOneThread(library);
    const gemm: GemmLibrary = {
      kind: "blas",
      source: file ?? "blas",
      name: describe(name, library),
      ...replaced,
      accumulates: true,
      bind: (memory) => bindBlas(library, memory),
      close: () => library.close(),
    };
    if (computesRightly(gemm)) return gemm;
    library.close();
  }
  return undefined;
}

function open(name: string): Blas | undefined {
  for (const prefix of PREFIXES) {
    const symbols = Object.fromEntries(
      Object.entries(SYMBOLS).map(([key, symbol]) => [key, { ...symbol, name: prefix + key }]),
    );
    try {
      return Deno.dlopen(name, symbols as unknown as typeof SYMBOLS);
    } catch {
      // Not installed, without the CBLAS interface, or not permitted: the next one.
    }
  }
  return undefined;
}

interface Opened {
  readonly library: Blas;
  /** The core that OpenBLAS takes by itself, where it was loaded with a better one. */
  readonly replaced?: string | undefined;
}

/**
 * Opens a file; an OpenBLAS that takes lesser kernels than the processor has is given back and loaded
 * again with the right ones, unless OPENBLAS_CORETYPE is set. It reads that when it is loaded: where
 * somebody else holds it, it stays as it is, and a thread takes what is loaded.
 */
function openImproved(name: string): Opened | undefined {
  const first = open(name);
  if (first === undefined) return undefined;
  const { symbols } = first;
  const core = coreOf(first);
  const better = core && betterCoreType(core, {
    avx2: symbols.support_avx2?.() === 1,
    avx512: symbols.support_avx512?.() === 1,
    avx512bf16: symbols.support_avx512_bf16?.() === 1,
  });
  try {
    if (!better || Deno.env.get(CORE_TYPE) !== undefined) return { library: first };
    Deno.env.set(CORE_TYPE, better);
  } catch {
    // Not permitted: what is loaded computes as rightly, only slower.
    return { library: first };
  }
  first.close();
  const library = open(name);
  Deno.env.delete(CORE_TYPE);
  return library && { library, replaced: coreOf(library) === core ? undefined : core };
}

/** The core whose kernels an OpenBLAS takes, where it tells. */
function coreOf({ symbols }: Blas): string | undefined {
  return text(symbols.openblas_get_corename?.());
}

/**
 * One run a thread is faster than one product on many, so the library itself gets one.
 *
 * The number is the process's, and setting it frees buffers that another thread's product may be
 * using: it is set where it is not 1 yet, by whoever opens the library first.
 */
function useOneThread({ symbols }: Blas): void {
  if (symbols.openblas_get_num_threads?.() !== 1) symbols.openblas_set_num_threads?.(1);
  if (symbols.bli_thread_get_num_threads?.() !== 1n) symbols.bli_thread_set_num_threads?.(1n);
  if (symbols.MKL_Get_Max_Threads?.() !== 1) symbols.MKL_Set_Num_Threads?.(1);
  // Accelerate's is the calling thread's.
  symbols.BLASSetThreading?.(1);
}

function text(pointer: Deno.PointerValue | undefined): string | undefined {
  return pointer ? new Deno.UnsafePointerView(pointer).getCString() : undefined;
}

function describe(name: string, { symbols }: Blas): string {
  // "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH NO_AFFINITY SkylakeX MAX_THREADS=64"
  const openBlas = text(symbols.openblas_get_config?.())?.split(" ")
    .filter((word) => !/^(NO_|DYNAMIC_|USE_|MAX_|SINGLE_)/.test(word)).join(" ");
  if (openBlas !== undefined) return openBlas;
  const blis = text(symbols.bli_info_get_version_str?.());
  return blis !== undefined ? `BLIS ${blis}` : name.split("/").at(-1)!;
}

/** Pointers to byte offsets of a memory, until it grows; each is made once. */
export function addressOf(memory: WebAssembly.Memory): (offset: number) => Deno.PointerValue {
  const base = Deno.UnsafePointer.value(Deno.UnsafePointer.of(new Uint8Array(memory.buffer)));
  const pointers = new Map<number, Deno.PointerValue>();
  const pointerTo = (offset: number): Deno.PointerValue =>
    Deno.UnsafePointer.create(base + BigInt(offset));
  return (offset) => pointers.getOrInsertComputed(offset, pointerTo);
}

function bindBlas({ symbols: { cblas_sgemm } }: Blas, memory: WebAssembly.Memory): Gemm {
  // CBLAS's enumerations.
  const [ROW_MAJOR, AS_IT_LIES, TRANSPOSED] = [101, 111, 112];
  const at = addressOf(memory);
  return (form, m, n, k, a, b, c, beta = 0, alpha = 1) => {
    const [A, lda] = form === "TN" ? [TRANSPOSED, m] : [AS_IT_LIES, k];
    const [B, ldb] = form === "NT" ? [TRANSPOSED, k] : [AS_IT_LIES, n];
    cblas_sgemm(ROW_MAJOR, A, B, m, n, k, alpha, at(a), lda, at(b), ldb, beta, at(c), n);
  };
}

/** What OpenBLAS itself finds that processor and operating system support. */
interface ProcessorFeatures {
  readonly avx2: boolean;
  readonly avx512: boolean;
  readonly avx512bf16: boolean;
}

/** Cores that are known to use SSE, or AVX without fused multiplication or with half the units. */
const BELOW_AVX2 = `katmai coppermine northwood prescott banias atom core2 penryn dunnington nehalem
  athlon opteron opteron_sse3 barcelona bobcat nano
  sandybridge bulldozer piledriver steamroller excavator`.split(/\s+/);
/** Those that use AVX2. */
const AVX2 = ["haswell", "zen"];

/**
 * The value of OPENBLAS_CORETYPE that the processor calls for, or undefined where OpenBLAS's own
 * choice is as good: seen with OpenBLAS 0.3.21 on Emerald Rapids, which it does not know, Prescott's
 * kernels (SSE3) reach less than a quarter of what Cooperlake's do.
 *
 * @param core As `openblas_get_corename()` names it. One that is not known here is left alone.
 */
export function betterCoreType(core: string, features: ProcessorFeatures): string | undefined {
  const isBelow = BELOW_AVX2.includes(core.toLowerCase());
  if (!isBelow && !AVX2.includes(core.toLowerCase())) return undefined;
  // Sapphire Rapids' products in float32 are Cooperlake's, which more versions know.
  if (features.avx512bf16) return "Cooperlake";
  if (features.avx512) return "SkylakeX";
  // Zen's kernels are Haswell's but for details.
  return features.avx2 && isBelow ? "Haswell" : undefined;
}
