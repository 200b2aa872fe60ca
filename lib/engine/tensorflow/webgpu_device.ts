/**
 * WebGPU as a device, through Deno's own implementation of it.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Device, makeDevice, TENSOR_BYTES } from "~/lib/engine/tensorflow/device.ts";
import { adapterName, requestAdapter } from "~/lib/engine/tensorflow/real_gpu.ts";
import { createTensorOperations } from "~/lib/engine/tensorflow/tensor_operations.ts";
import { createWebGpuOperations } from "~/lib/engine/tensorflow/webgpu.ts";

/**
 * Opens the adapter that TensorFlow.js takes.
 *
 * @param ownKernels Whether our kernels run, or TensorFlow.js's public operations alone.
 * @throws {Error} If there is no adapter, or it gives no device.
 */
export async function openWebGpu(ownKernels: boolean): Promise<Device> {
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
    operations: ownKernels
      ? createWebGpuOperations(backend)
      : createTensorOperations({ fusedRelu: false }),
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
