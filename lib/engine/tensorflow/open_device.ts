/**
 * The choice of a backend of TensorFlow.js's.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { type Device, makeDevice } from "~/lib/engine/tensorflow/device.ts";
import { createTensorOperations } from "~/lib/engine/tensorflow/tensor_operations.ts";
import { loadTfjsNode, type TfjsNodeName } from "~/lib/engine/tensorflow/tfjs_node.ts";
import { openWebGpu } from "~/lib/engine/tensorflow/webgpu_device.ts";

/** The backends, in the order in which they are tried; "cpu" is TensorFlow.js's own, for tests. */
export const TENSORFLOW_BACKENDS = ["tfjs-node-gpu", "webgpu", "tfjs-node", "cpu"] as const;
/** One of `TENSORFLOW_BACKENDS`. */
export type TensorFlowBackend = typeof TENSORFLOW_BACKENDS[number];

/** How to open a device. */
export interface DeviceOptions {
  /** Whether WebGPU runs our own kernels, or TensorFlow.js's public operations alone. Default true. */
  readonly ownKernels?: boolean;
}

/**
 * Opens a backend.
 *
 * @param name Demands this one; default: the first of `TENSORFLOW_BACKENDS` that is there.
 * @throws {Error} If it is not there; the message says how to get it.
 */
export async function openDevice(
  name?: TensorFlowBackend,
  { ownKernels = true }: DeviceOptions = {},
): Promise<Device> {
  // Without its advice to install tfjs-node, and its checks for NaN: a run may diverge.
  tf.enableProdMode();
  switch (name) {
    case "webgpu":
      return await openWebGpu(ownKernels);
    case "cpu":
      return await openCpu();
    case "tfjs-node":
    case "tfjs-node-gpu":
      return await openTfjsNode(name);
    case undefined: {
      const problems: string[] = [];
      for (const candidate of TENSORFLOW_BACKENDS.slice(0, 3)) {
        try {
          return await openDevice(candidate, { ownKernels });
        } catch (error) {
          problems.push(error instanceof Error ? error.message : String(error));
        }
      }
      throw new Error(problems.join("; "));
    }
  }
}

async function openCpu(): Promise<Device> {
  await import("@tensorflow/tfjs-backend-cpu");
  await tf.setBackend("cpu");
  const library = `TensorFlow.js ${tf.version_core} cpu`;
  return makeDevice("cpu", { library, operations: createTensorOperations() });
}

async function openTfjsNode(name: TfjsNodeName): Promise<Device> {
  const version = await loadTfjsNode(name);
  await tf.setBackend("tensorflow");
  const library = `@tensorflow/${name} ${version}`;
  return makeDevice("tensorflow", { library, operations: createTensorOperations() });
}
