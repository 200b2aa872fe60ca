/**
 * The device below TensorFlow.js: which there are, what it can hold, when it is done, whether it failed.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import {
  adapterName,
  loadTfjsNode,
  requestAdapter,
  TENSORFLOW_BACKENDS,
  type TensorFlowBackend,
  type TfjsNodeName,
} from "~/lib/engine/tensorflow/backends.ts";
import type { Operations } from "~/lib/engine/tensorflow/operations.ts";
import { TENSOR_OPERATIONS } from "~/lib/engine/tensorflow/tensor_operations.ts";
import { createWebGpuOperations } from "~/lib/engine/tensorflow/webgpu.ts";

export interface Device {
  /** Name and version of what computes. */
  readonly library: string;
  /** Largest tensor, in bytes. */
  readonly tensorBytes: number;
  readonly operations: Operations;
  /** tf.tidy on this backend: it may have been changed by somebody else since the last await. */
  tidy<T>(work: () => T): T;
  /**
   * Reads a tensor as it is now, be it written in place; throws if the device has failed in anything
   * so far, which TensorFlow.js passes over to give zeros. Whatever ends with a read is checked.
   */
  read(tensor: tf.Tensor): Promise<Float32Array>;
  /** Waits for all that was asked so far; throws as `read` does. */
  settle(): Promise<void>;
  /** Starts what was asked so far; memory of disposed tensors can be used again. */
  flush(): void;
  /** Gives the memory of disposed tensors back; the WebGPU backend would keep it for ever. */
  trim(): void;
}

/** TensorFlow addresses tensors with 32 bits. */
const TENSOR_BYTES = 2 ** 31 - 4;

/** A device on a started backend of that name; `parts` differ from one that computes at once. */
function makeDevice(backend: string, library: string, parts: Partial<Device> = {}): Device {
  return {
    library,
    tensorBytes: TENSOR_BYTES,
    operations: TENSOR_OPERATIONS,
    tidy<T>(work: () => T): T {
      // With a backend that has started, this takes effect before it returns its promise.
      if (tf.getBackend() !== backend) void tf.setBackend(backend);
      // TensorFlow.js finds tensors in plain objects and arrays, whatever their declared type.
      return tf.tidy(work as () => tf.TensorContainer) as T;
    },
    read: (tensor) => tensor.data<"float32">(),
    settle: () => new Promise((resolve) => setTimeout(resolve, 0)),
    flush(): void {},
    trim(): void {},
    ...parts,
  };
}

/** Bytes of temporary tensors that make a piece of work large. */
const LARGE_PIECE = 2 ** 28;
/** Milliseconds of pieces that hide a wait for the device, which takes Deno 10 at least. */
const LONG_WORK = 50;

/**
 * Bounds how far the host runs ahead of the device, and with it the memory of what is queued; what
 * it returns is awaited after each piece of work with so many bytes of temporary tensors.
 *
 * WebGPU frees a tensor when the commands that use it are submitted, every 15 launches: after a
 * large piece that is done at once.
 */
export function keepPace(device: Device, bytes: number): () => Promise<void> {
  let begun = performance.now();
  let ahead: Promise<void> = Promise.resolve();
  return async (): Promise<void> => {
    if (bytes > LARGE_PIECE) device.flush();
    if (performance.now() - begun < LONG_WORK) return;
    await ahead;
    ahead = device.settle();
    // It throws where it is awaited, which may be nowhere.
    ahead.catch(() => {});
    begun = performance.now();
  };
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
  if (name !== undefined) return await OPENERS[name]();
  const problems: string[] = [];
  for (const candidate of TENSORFLOW_BACKENDS.slice(0, 3)) {
    try {
      return await OPENERS[candidate]();
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new Error(problems.join("; "));
}

const OPENERS: Readonly<Record<TensorFlowBackend, () => Promise<Device>>> = {
  "tfjs-node-gpu": () => openTfjsNode("tfjs-node-gpu"),
  "webgpu": openWebGpu,
  "tfjs-node": () => openTfjsNode("tfjs-node"),
  async cpu(): Promise<Device> {
    await import("@tensorflow/tfjs-backend-cpu");
    await tf.setBackend("cpu");
    return makeDevice("cpu", `TensorFlow.js ${tf.version_core} cpu`);
  },
};

async function openTfjsNode(name: TfjsNodeName): Promise<Device> {
  const version = await loadTfjsNode(name);
  await tf.setBackend("tensorflow");
  return makeDevice("tensorflow", `@tensorflow/${name} ${version}`);
}

/** Opens WebGPU, Deno's own, on the adapter that TensorFlow.js takes. */
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
  const { device } = backend;
  let problem: string | undefined;
  device.addEventListener("uncapturederror", ({ error }) => problem ??= error.message);
  void device.lost.then(({ message }) => problem ??= message || "the device is lost");

  /** Submits what is recorded; buffers of disposed tensors are free only then. */
  function flush(): void {
    backend.ensureCommandEncoderReady();
    backend.endComputePassEncoder();
    backend.submitQueue();
  }

  /** Waits for work on the device and for the events that tell that it failed. */
  async function checked<T>(work: Promise<T>): Promise<T> {
    await Promise.allSettled([work]);
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (problem === undefined) return await work;
    throw new Error(`Cannot go on with WebGPU as it reports: ${problem.split("\n")[0]}`);
  }

  /** Not `Tensor.data()`, which keeps what it read and would give it again after the next launch. */
  async function read({ dataId }: tf.Tensor): Promise<Float32Array> {
    const { resource, values } = backend.tensorMap.get(dataId);
    // Before its first use a tensor is on the host alone.
    if (!resource) return values as Float32Array;
    return new Float32Array(await backend.getBufferData(resource as GPUBuffer));
  }

  const { maxBufferSize, maxStorageBufferBindingSize } = device.limits;
  const library = `TensorFlow.js ${tf.version_core} webgpu (${adapterName(adapter)})`;
  return makeDevice("webgpu", library, {
    operations: createWebGpuOperations(backend),
    tensorBytes: Math.min(maxBufferSize, maxStorageBufferBindingSize, TENSOR_BYTES),
    read: (tensor) => checked(read(tensor)),
    settle(): Promise<void> {
      flush();
      return checked(backend.queue.onSubmittedWorkDone());
    },
    flush,
    trim(): void {
      flush();
      destroyFreeBuffers(backend);
    },
  });
}

/**
 * Destroys the buffers that the backend keeps for reuse: they match exact sizes only, so that every
 * change of a stack's size would add its own.
 */
function destroyFreeBuffers({ bufferManager }: WebGPUBackend): void {
  const manager = bufferManager as unknown as {
    readonly freeBuffers: Map<string, GPUBuffer[]>;
    numFreeBuffers: number;
    numBytesAllocated: number;
  };
  for (const buffer of [...manager.freeBuffers.values()].flatMap((all) => all.splice(0))) {
    manager.numBytesAllocated -= buffer.size;
    manager.numFreeBuffers--;
    buffer.destroy();
  }
}
