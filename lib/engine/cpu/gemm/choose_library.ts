/**
 * The choice of the matrix library: what is fast here, unless one is demanded.
 *
 * @module
 */
import { openBlas } from "~/lib/engine/cpu/gemm/blas.ts";
import type { GemmLibrary, GemmLibraryName } from "~/lib/engine/cpu/gemm/gemm_library.ts";
import { measureGemm } from "~/lib/engine/cpu/gemm/gemm_speed.ts";
import { openOnnxRuntime } from "~/lib/engine/cpu/gemm/onnx_runtime.ts";

/** Share of the fastest rate at which the system's BLAS is taken still, so that noise decides nothing. */
const CLOSE = 0.9;

/** What is known before anything is measured. */
export interface ChoiceOptions {
  /** This one and no other. */
  readonly demanded?: GemmLibraryName | undefined;
  /** This one if it is there: a run goes on with the library that it was begun with. */
  readonly prefer?: GemmLibraryName | undefined;
  /** Gets one line: what was chosen, why, and the rates. */
  readonly onMessage?: ((message: string) => void) | undefined;
  /** Rates of libraries in FLOP/s. Default: `measureGemm`. */
  readonly measure?: (libraries: readonly GemmLibrary[]) => Promise<number[]>;
}

/** A library that is open, and why this one. */
export interface ChosenLibrary {
  readonly library: GemmLibrary;
  /** The same text whenever the choice is the same; no times in it. */
  readonly chosen: string;
}

/**
 * Opens the matrix library to compute with. An OpenBLAS that does not know the processor gets the
 * right kernels first; what that saves is seen by the measurement.
 *
 * @throws {Error} If the library that is demanded is not there.
 */
export async function chooseGemmLibrary(options: ChoiceOptions = {}): Promise<ChosenLibrary> {
  const { demanded, prefer, measure = measureGemm } = options;
  const blas = demanded === "onnxruntime" ? undefined : openBlas({ improve: true });
  if (demanded === "blas") return report(blas ?? noBlas(), "demanded", options);
  if (blas === undefined) {
    const why = demanded === undefined ? "the only one here" : "demanded";
    return report(await openOnnxRuntime(), why, options);
  }
  if (prefer === "blas") return report(blas, "the run's own", options);
  const onnxRuntime = await openOnnxRuntime().catch(({ message }: Error) => {
    options.onMessage?.(message);
    return undefined;
  });
  if (onnxRuntime === undefined) return report(blas, "the only one here", options);
  if (prefer === "onnxruntime") {
    blas.close();
    return report(onnxRuntime, "the run's own", options);
  }
  const [blasRate = 0, onnxRate = 0] = await measure([blas, onnxRuntime]);
  const fits = fasterLibrary({ blas: blasRate, onnxruntime: onnxRate });
  const [taken, other] = fits === "blas" ? [blas, onnxRuntime] : [onnxRuntime, blas];
  const rates = [`${blas.name} ${giga(blasRate)}`, `${onnxRuntime.name} ${giga(onnxRate)}`];
  const chosen = report(taken, "the faster one here", options, rates);
  other.close();
  return chosen;
}

/** The library to take at these rates: the system's BLAS unless the other is clearly faster. */
export function fasterLibrary(rates: Readonly<Record<GemmLibraryName, number>>): GemmLibraryName {
  return rates.blas >= CLOSE * rates.onnxruntime ? "blas" : "onnxruntime";
}

/**
 * Opens a matrix library as it is loaded, or as the system loads it.
 *
 * @throws {Error} If it is not there.
 */
export async function openGemmLibrary(name: GemmLibraryName): Promise<GemmLibrary> {
  return name === "blas" ? openBlas() ?? noBlas() : await openOnnxRuntime();
}

/** @throws {Error} Always: what to install. */
function noBlas(): never {
  throw new Error(
    "Cannot multiply matrices with a BLAS as none was found: install OpenBLAS " +
      "(Debian: libopenblas0-pthread), BLIS or MKL, or choose onnxruntime",
  );
}

function report(
  library: GemmLibrary,
  why: string,
  { onMessage }: ChoiceOptions,
  rates: readonly string[] = [],
): ChosenLibrary {
  const { name, replaced } = library;
  const chosen = replaced === undefined ? why : `${why}, with better kernels than its ${replaced}`;
  const measured = rates.length === 0 ? "" : ` (GFLOP/s a thread: ${rates.join(", ")})`;
  onMessage?.(`Matrix products by ${name}: ${chosen}${measured}`);
  return { library, chosen };
}

function giga(rate: number): string {
  return (rate / 1e9).toFixed(0);
}
