/**
 * The choice of an engine.
 *
 * @module
 */
import { createCpuEngine } from "~/lib/engine/cpu/cpu_engine.ts";
import type { Engine, EngineOptions } from "~/lib/engine/engine.ts";
import { openFaster } from "~/lib/engine/gpu_trial.ts";

/** Names that `openEngine` takes. */
export const ENGINE_NAMES = [
  "auto",
  "auto:measure",
  "cpu",
  "cpu:measure",
  "cpu:blas",
  "cpu:onnxruntime",
  "tensorflow",
  "tensorflow:tfjs-node-gpu",
  "tensorflow:webgpu",
  "tensorflow:tfjs-node",
  "tensorflow:cpu",
] as const;
/** One of `ENGINE_NAMES`. */
export type EngineName = typeof ENGINE_NAMES[number];

/**
 * Opens an engine on a data set.
 *
 * @param name "auto" takes a GPU where there is a real one that trains faster than the CPU, else the
 * CPU engine; "cpu" takes the matrix library that is fast here. With ":measure" the libraries are
 * measured again, whatever is kept in `options.choices`.
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
    case "cpu:measure":
      return await createCpuEngine(options, "measure");
    case "cpu:blas":
      return await createCpuEngine(options, "blas");
    case "cpu:onnxruntime":
      return await createCpuEngine(options, "onnxruntime");
    case "auto":
    case "auto:measure": {
      const again = name === "auto:measure" ? "measure" : undefined;
      const openCpu = (options: EngineOptions): Promise<Engine> => createCpuEngine(options, again);
      // A run that was begun on the CPU goes on there, and one that was begun on a GPU there.
      const { prefer } = options;
      if (prefer !== undefined && prefer !== "gpu") return await openCpu(options);
      const { findRealGpu } = await import("~/lib/engine/tensorflow/real_gpu.ts");
      const gpu = await findRealGpu();
      if (gpu === undefined) return await openCpu(options);
      if (prefer === "gpu") return await openTensorFlow(options);
      return await openFaster({ gpu, openCpu, openGpu: openTensorFlow }, options);
    }
    default:
      return await openTensorFlow(options, name.split(":")[1]);
  }
}

async function openTensorFlow(options: EngineOptions, backend?: string): Promise<Engine> {
  const { createTensorFlowEngine } = await import("~/lib/engine/tensorflow/tensorflow_engine.ts");
  return await createTensorFlowEngine(
    backend as Parameters<typeof createTensorFlowEngine>[0],
    options,
  );
}
