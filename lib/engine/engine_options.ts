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
   * What a run that goes on was computed with, where nothing is demanded and if it is there: the CPU
   * engine's matrix library, see `gemmLibraryOf`, or the GPU. Default: what is fast here.
   */
  readonly prefer?: GemmLibraryName | "gpu" | undefined;
  /**
   * File that keeps which matrix library was the faster one on each machine, so that the choice is
   * made once. Default: none, and it is made each time.
   */
  readonly choices?: string | undefined;
  /** Gets one line whenever something is chosen: what, and why. Default: nobody. */
  readonly onMessage?: ((message: string) => void) | undefined;
  /**
   * Bytes that the TensorFlow.js engine may use on its device, images included; more makes larger
   * stacks and fewer chunks. Default 4 GiB: WebGPU does not tell how much there is.
   */
  readonly deviceMemory?: number;
}
