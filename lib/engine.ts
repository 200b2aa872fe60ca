/**
 * The Engine: the arithmetic of training and of everything that is measured around a network.
 *
 * @module
 */
export type * from "~/lib/engine/engine.ts";
export { ENGINE_NAMES, type EngineName, engineName, openEngine } from "~/lib/engine/open_engine.ts";
export { type CpuEngine, createCpuEngine } from "~/lib/engine/cpu/cpu_engine.ts";
export { processor } from "~/lib/engine/cpu/gemm/choose_library.ts";
export {
  CHOICES_FILE,
  GEMM_LIBRARIES,
  type GemmLibraryName,
  gemmLibraryOf,
} from "~/lib/engine/cpu/gemm/gemm_library.ts";
export { loadTfjsNode, TFJS_NODE_VERSION, tfjsNodeHome } from "~/lib/engine/tensorflow/backends.ts";
