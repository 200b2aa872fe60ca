/**
 * The choice of an engine.
 *
 * @module
 */
import { createCpuEngine } from "~/lib/engine/cpu/cpu_engine.ts";
import type { Engine, EngineOptions } from "~/lib/engine/engine.ts";

/** Names that `openEngine` takes. */
export const ENGINE_NAMES = [
  "auto",
  "cpu",
  "cpu:blas",
  "cpu:onnxruntime",
  "tensorflow",
  "tensorflow:tfjs-node-gpu",
  "tensorflow:webgpu",
  "tensorflow:tfjs-node",
  "tensorflow:cpu",
] as const;
export type EngineName = typeof ENGINE_NAMES[number];

/**
 * Opens an engine on a data set.
 *
 * @param name "auto" takes a GPU where there is a real one, else the CPU engine.
 * @throws {RangeError} If there is no engine of that name.
 * @throws {Error} If what the name demands is not there; the message says what to install.
 */
export async function openEngine(name: EngineName, options: EngineOptions): Promise<Engine> {
  if (!ENGINE_NAMES.includes(name)) {
    throw new RangeError(
      `Cannot open an engine as its name must be ${
        ENGINE_NAMES.join(", ")
      }: current value is ${name}`,
    );
  }
  switch (name) {
    case "cpu":
      return await createCpuEngine(options);
    case "cpu:blas":
      return await createCpuEngine(options, "blas");
    case "cpu:onnxruntime":
      return await createCpuEngine(options, "onnxruntime");
    case "auto": {
      const { findRealGpu } = await import("~/lib/engine/tensorflow/real_gpu.ts");
      return await openEngine(await findRealGpu() === undefined ? "cpu" : "tensorflow", options);
    }
    default: {
      const { createTensorFlowEngine } = await import("~/lib/engine/tensorflow/tensorflow_engine.ts");
      const backend = name.split(":")[1] as Parameters<typeof createTensorFlowEngine>[0];
      return await createTensorFlowEngine(backend, options);
    }
  }
}
