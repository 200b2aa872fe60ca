/**
 * The device below TensorFlow.js: which backend runs, what it can hold, when it is done.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { Operations } from "~/lib/engine/tensorflow/operations.ts";
import { adapterName, requestAdapter } from "~/lib/engine/tensorflow/real_gpu.ts";
import { createTensorOperations } from "~/lib/engine/tensorflow/tensor_operations.ts";
import { loadTfjsNode, type TfjsNodeName } from "~/lib/engine/tensorflow/tfjs_node.ts";
import { createWebGpuOperations } from "~/lib/engine/tensorflow/webgpu_operations.ts";

/** The backends, in the order in which they are tried; "cpu" is TensorFlow.js's own, for tests. */
export const TENSORFLOW_BACKENDS = ["tfjs-node-gpu", "webgpu", "tfjs-node", "cpu"] as const;
/** One of `TENSORFLOW_BACKENDS`. */
export type TensorFlowBackend = typeof TENSORFLOW_BACKENDS[number];

/** A backend in use. */
export interface Device {
  /** Name and version of what computes. */
  readonly library: string;
  /** Largest tensor, in bytes. */
  readonly tensorBytes: number;
  readonly operations: Operations;
  /** tf.tidy on this backend: it may have been changed by somebody else since the last await. */
  tidy<T>(work: () => T): T;
  /** Resolves once the device has done all that was asked so far. */
  settle(): Promise<void>;
  /** Starts what was asked so far; memory of disposed tensors can be used again. */
  flush(): void;
  /** Gives the memory of disposed tensors back; the WebGPU backend would keep it for ever. */
  trim(): void;
  /** Throws what the device has reported, which TensorFlow.js would pass over. */
  check(): void;
}

/**
 * Opens a backend.
 *
 * @param name Demands this one; default: the first of `TENSORFLOW_BACKENDS` that is there.
 * @throws {Error} If it is not there; the message says how to get it.
 */
export async function openDevice(name?: TensorFlowBackend): Promise<Device> {
  // Without its advice to install tfjs-node, and its checks for NaN: a run may diverge.
  tf.enableProdMode();
  if (name === "webgpu") return await openWebGpu();
  if (name === "cpu") return await openCpu();
  if (name !== undefined) return await openTfjsNode(name);
  const problems: string[] = [];
  for (const candidate of TENSORFLOW_BACKENDS.slice(0, 3)) {
    try {
      return await openDevice(candidate);
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(problems.join("; "));
}

/** Bytes of temporary tensors that make a piece of work large. */
const LARGE_PIECE = 2 ** 28;

/**
 * Bounds how far the host runs ahead of the device, and with it the memory of what is queued.
 *
 * WebGPU frees a tensor when the commands that use it are submitted, every 15 launches: after a
 * large piece that is done at once. Waiting for the device takes Deno 10 ms at least, which other
 * pieces hide.
 *
 * @param bytes Temporary tensors of a piece.
 * @returns A function to await after each piece; events and signals are seen there.
 */
export function keepPace(device: Device, bytes: number): () => Promise<void> {
  const isLarge = bytes > LARGE_PIECE;
  const pieces = isLarge ? 4 : 16;
  let done = 0;
  let ahead: Promise<void> = Promise.resolve();
  return async (): Promise<void> => {
    if (isLarge) device.flush();
    if (++done % pieces !== 0) return;
    await ahead;
    device.check();
    ahead = device.settle();
  };
}

/** tfjs-node addresses tensors with 32 bits. */
const TENSOR_BYTES = 2 ** 31 - 4;

async function openCpu(): Promise<Device> {
  await import("@tensorflow/tfjs-backend-cpu");
  await tf.setBackend("cpu");
  return makeDevice("cpu", { library: `TensorFlow.js ${tf.version_core} cpu` });
}

async function openTfjsNode(name: TfjsNodeName): Promise<Device> {
  const version = await loadTfjsNode(name);
  await tf.setBackend("tensorflow");
  return makeDevice("tensorflow", { library: `@tensorflow/${name} ${version}` });
}

async function openWebGpu(): Promise<Device> {
  const adapter = await requestAdapter();
  if (adapter === null) {
    throw new Error(
      "Cannot use WebGPU as no adapter was found: install the GPU's Vulkan driver " +
        "(without a GPU: Debian's mesa-vulkan-drivers and libvulkan1)",
    );
  }
  await import("@tensorflow/tfjs-backend-webgpu");
  if (!await tf.setBackend("webgpu")) {
    throw new Error(`Cannot use WebGPU as ${adapterName(adapter)} gives no device`);
  }
  const backend = tf.backend() as WebGPUBackend;
  let problem: string | undefined;
  backend.device.addEventListener("uncapturederror", ({ error }) => problem ??= error.message);
  void backend.device.lost.then(({ message }) => problem ??= message || "the device is lost");
  const { maxBufferSize, maxStorageBufferBindingSize } = backend.device.limits;
  return makeDevice("webgpu", {
    library: `TensorFlow.js ${tf.version_core} webgpu (${adapterName(adapter)})`,
    operations: createWebGpuOperations(backend),
    tensorBytes: Math.min(maxBufferSize, maxStorageBufferBindingSize, TENSOR_BYTES),
    flush: () => flush(backend),
    async settle(): Promise<void> {
      flush(backend);
      await backend.queue.onSubmittedWorkDone();
    },
    trim(): void {
      flush(backend);
      destroyFreeBuffers(backend);
    },
    check(): void {
      if (problem === undefined) return;
      throw new Error(`Cannot go on with WebGPU as it reports: ${problem.split("\n")[0]}`);
    },
  });
}

function makeDevice(
  backend: string,
  parts: Partial<Device> & Pick<Device, "library">,
): Device {
  return {
    tensorBytes: TENSOR_BYTES,
    operations: createTensorOperations(),
    tidy<T>(work: () => T): T {
      // With a backend that has started, this takes effect before it returns its promise.
      if (tf.getBackend() !== backend) void tf.setBackend(backend);
      // TensorFlow.js finds tensors in plain objects and arrays, whatever their declared type.
      return tf.tidy(work as () => tf.TensorContainer) as T;
    },
    settle: () => new Promise((resolve) => setTimeout(resolve, 0)),
    flush(): void {},
    trim(): void {},
    check(): void {},
    ...parts,
  };
}

/** Submits what is recorded; buffers of disposed tensors are free only then. */
function flush(backend: WebGPUBackend): void {
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
}

/**
 * Destroys the buffers that the backend keeps for reuse: they match exact sizes only, so that every
 * change of a stack's size would add its own.
 */
function destroyFreeBuffers({ bufferManager }: WebGPUBackend): void {
  const manager = bufferManager as unknown as {
    freeBuffers: Map<string, GPUBuffer[]>;
    numFreeBuffers: number;
    numBytesAllocated: number;
  };
  for (const buffers of manager.freeBuffers.values()) {
    for (const buffer of buffers.splice(0)) {
      manager.numBytesAllocated -= buffer.size;
      manager.numFreeBuffers--;
      buffer.destroy();
    }
  }
}
