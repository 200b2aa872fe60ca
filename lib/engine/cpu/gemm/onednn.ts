/**
 * oneDNN's products through Deno's foreign function interface, beside a BLAS.
 *
 * @module
 */
import { addressOf, openBlas } from "~/lib/engine/cpu/gemm/blas.ts";
import {
  computesRightly,
  type Gemm,
  type GemmLibrary,
} from "~/lib/engine/cpu/gemm/gemm_library.ts";

const SYMBOLS = {
  dnnl_sgemm: {
    // deno-fmt-ignore
    parameters: ["u8", "u8", "i64", "i64", "i64", "f32", "pointer", "i64", "pointer", "i64", "f32", "pointer", "i64"],
    result: "i32",
  },
  dnnl_version: { parameters: [], result: "pointer" },
} as const satisfies Deno.ForeignLibraryInterface;

type OneDnn = Deno.DynamicLibrary<typeof SYMBOLS>;

/** Files that are looked for in this order, by the system's own search for libraries. */
const NAMES = ["libdnnl.so.3", "libdnnl.so.2"];
const OPENMP = "libgomp.so.1";

/** oneDNN's numbers for what its threads are; others (TBB) cannot be held to one by us. */
const [SEQUENTIAL, WITH_OPENMP] = [1, 2];

/**
 * Opens oneDNN and, where there is one, a BLAS: products that overwrite C are oneDNN's, which is faster
 * with few rows, those that add to it the BLAS's, which packs less. Undefined if oneDNN is not there
 * or computes wrongly.
 */
export function openOneDnn(): GemmLibrary | undefined {
  for (const name of NAMES) {
    const library = open(name);
    if (library === undefined) continue;
    const blas = openBlas();
    const gemm: GemmLibrary = {
      kind: "onednn",
      source: "onednn",
      name: [`oneDNN ${readVersion(library).text}`, blas?.name].filter((each) => each).join(" + "),
      replaced: blas?.replaced,
      accumulates: true,
      bind(memory): Gemm {
        const overwrite = bindOneDnn(library, memory);
        const add = blas?.bind(memory) ?? overwrite;
        return (form, m, n, k, a, b, c, beta = 0, alpha = 1) =>
          (beta === 0 ? overwrite : add)(form, m, n, k, a, b, c, beta, alpha);
      },
      // oneDNN stays: given back beside a Vulkan driver, it ended 7 of 100 processes by SIGSEGV.
      close: () => blas?.close(),
    };
    if (computesRightly(gemm)) return gemm;
    gemm.close();
  }
  return undefined;
}

/** Opens a file; each thread of ours that does gets one thread of its OpenMP. */
function open(name: string): OneDnn | undefined {
  let library: OneDnn | undefined;
  try {
    library = Deno.dlopen(name, SYMBOLS);
    const { runtime } = readVersion(library);
    if (runtime === SEQUENTIAL) return library;
    const openMp = Deno.dlopen(OPENMP, {
      omp_set_num_threads: { parameters: ["i32"], result: "void" },
    });
    openMp.symbols.omp_set_num_threads(1);
    // oneDNN holds it too.
    openMp.close();
    if (runtime === WITH_OPENMP) return library;
  } catch {
    // Not installed, or not permitted: the next one.
  }
  library?.close();
  return undefined;
}

/** What `dnnl_version_t` says: three integers, the place of a text, and what its threads are. */
function readVersion({ symbols }: OneDnn): { readonly text: string; readonly runtime: number } {
  const version = new Deno.UnsafePointerView(symbols.dnnl_version()!);
  return {
    text: [0, 4, 8].map((offset) => version.getInt32(offset)).join("."),
    runtime: version.getUint32(24),
  };
}

function bindOneDnn({ symbols: { dnnl_sgemm } }: OneDnn, memory: WebAssembly.Memory): Gemm {
  const [AS_IT_LIES, TRANSPOSED] = ["N", "T"].map((letter) => letter.charCodeAt(0));
  const at = addressOf(memory);
  return (form, m, n, k, a, b, c, beta = 0, alpha = 1) => {
    const [A, lda] = form === "TN" ? [TRANSPOSED!, m] : [AS_IT_LIES!, k];
    const [B, ldb] = form === "NT" ? [TRANSPOSED!, k] : [AS_IT_LIES!, n];
    const [M, N, K] = [BigInt(m), BigInt(n), BigInt(k)];
    // deno-fmt-ignore
    dnnl_sgemm(A, B, M, N, K, alpha, at(a), BigInt(lda), at(b), BigInt(ldb), beta, at(c), N);
  };
}
