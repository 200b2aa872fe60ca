/**
 * What an engine is made from.
 *
 * @module
 */
import type { Dataset } from "~/lib/dataset.ts";
import type { GemmLibraryName } from "~/lib/engine/cpu/gemm/gemm_library.ts";

/** The data, and what an engine may use. */
export interface EngineOptions {
  readonly dataset: Dataset;
  /** Threads of the CPU engine; default: the machine's cores. */
  readonly threads?: number;
  /**
   * The CPU engine's matrix library where nothing is demanded, if it is there: that of a run that
   * goes on, see `gemmLibraryOf`. Default: what is fast here.
   */
  readonly prefer?: GemmLibraryName | undefined;
  /** Gets one line whenever something is chosen: what, and why. Default: nobody. */
  readonly onMessage?: ((message: string) => void) | undefined;
  /**
   * Bytes that the TensorFlow.js engine may use on its device, images included; more makes larger
   * stacks and fewer chunks. Default 4 GiB: WebGPU does not tell how much there is.
   */
  readonly deviceMemory?: number;
}
