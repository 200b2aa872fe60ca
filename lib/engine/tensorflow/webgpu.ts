/**
 * The engine's operations as WGSL kernels of our own, and the only door to them.
 *
 * The engine needs none of it: TensorFlow.js's public operations do the same on every backend
 * (tensor_operations.ts). To delete the kernels, delete this file and the folder of its name, and
 * the two lines of webgpu_device.ts that call it.
 *
 * @module
 */
export { createWebGpuOperations } from "~/lib/engine/tensorflow/webgpu/operations.ts";
