/**
 * The operations as WebGPU kernels of our own, run by TensorFlow.js's backend on its tensors.
 *
 * A batch of SGD on four layers is 17 launches, one of AdaGrad 31; in TensorFlow.js's own
 * operations it is about 60 and 90. A launch costs the host 30 to 95 us, and through TensorFlow.js's
 * `op` wrappers 150 us (measured with Deno on 2-core machines), which decides the speed of small
 * batches; so a step of training is recorded once and repeated, at 2 us a launch (steps.ts). Targets
 * are updated in place.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import {
  type BatchLabels,
  isImages,
  type LayerInput,
  type LossRecord,
  type Operations,
  readRecord,
  type Recorded,
  type Updated,
} from "~/lib/engine/tensorflow/operations.ts";
import { stepTensors } from "~/lib/engine/tensorflow/tensor_update.ts";
import {
  runAdagrad,
  runRowSum,
  runShift,
  runSubtract,
} from "~/lib/engine/tensorflow/webgpu/elementwise.ts";
import {
  type LogitsBatch,
  runDelta,
  runLoss,
  runMoments,
} from "~/lib/engine/tensorflow/webgpu/logits.ts";
import { createLauncher } from "~/lib/engine/tensorflow/webgpu/launcher.ts";
import { type Matrix, runProduct } from "~/lib/engine/tensorflow/webgpu/product.ts";
import { createSteps } from "~/lib/engine/tensorflow/webgpu/steps.ts";
import type { Optimizer } from "~/lib/optimizer.ts";

/** A record whose tensor exists from the first batch on, when the number of classes is known. */
interface DeviceRecord extends LossRecord {
  tensorFor(classes: number): tf.Tensor;
}

/** Operations on TensorFlow.js's WebGPU backend. */
export function createWebGpuOperations(backend: WebGPUBackend): Operations {
  const launcher = createLauncher(backend);
  const track = (info: tf.TensorInfo): tf.Tensor =>
    tf.engine().makeTensorFromTensorInfo(info, backend);

  function logitsBatch(logits: tf.Tensor, batch: BatchLabels): LogitsBatch {
    const record = (batch.record as DeviceRecord).tensorFor(logits.shape[2]!);
    const { labels, start: firstRow, index, cursor } = batch;
    return { logits, labels, firstRow, record, index, cursor };
  }

  return {
    bytesPerPixel: 1,
    uploadImages,
    uploadLabels: (labels) => tf.tensor1d(Int32Array.from(labels), "int32"),
    linear(input, weight, { bias, relu }): tf.Tensor {
      const [networks, columns, inner] = shapeOf(weight);
      const a = matrixOf(input);
      return track(runProduct(launcher, {
        ...{ networks, rows: a.rows, columns, inner, relu },
        a: { ...a, innerLast: true },
        b: { ...matrixOf(weight), innerLast: true },
        ...(bias ? { bias } : {}),
      }));
    },
    propagate(delta, weight, hidden): tf.Tensor {
      const [networks, inner, columns] = shapeOf(weight);
      const a = matrixOf(delta);
      return track(runProduct(launcher, {
        ...{ networks, rows: a.rows, columns, inner, mask: hidden },
        a: { ...a, innerLast: true },
        b: { ...matrixOf(weight), innerLast: false },
      }));
    },
    addWeightGradient(target, sign, delta, input): tf.Tensor {
      const [networks, inner, rows] = shapeOf(delta);
      const b = matrixOf(input);
      const result = runProduct(launcher, {
        ...{ networks, rows, columns: b.columns, inner },
        a: { ...matrixOf(delta), innerLast: false },
        b: { ...b, innerLast: false },
        ...(target ? { target: { tensor: target, sign } } : {}),
      });
      return target ?? negated(track(result), sign);
    },
    addBiasGradient(target, sign, delta): tf.Tensor {
      const result = runRowSum(launcher, delta, target && { tensor: target, sign });
      return target ?? negated(track(result), sign);
    },
    moments: (logits) => track(runMoments(launcher, logits)),
    recordLoss: (logits, batch, moments) => runLoss(launcher, logitsBatch(logits, batch), moments),
    logitsDelta: (logits, batch, scale) =>
      track(runDelta(launcher, logitsBatch(logits, batch), scale)),
    subtract(target, amount): tf.Tensor {
      runSubtract(launcher, target, amount);
      return target;
    },
    update(optimizer, parameter): Updated {
      // A kernel of our own for the study's; the others by their own definition.
      if (!hasKernel(optimizer)) return stepTensors(optimizer, parameter);
      const { weight, slots, gradient, learningRate } = parameter;
      const epsilon = Number(optimizer.hyperparameters.epsilon);
      runAdagrad(launcher, { weight, accumulator: slots[0]!, gradient, learningRate }, epsilon);
      gradient.dispose();
      return { weight, slots };
    },
    shift: (x, by) => track(runShift(launcher, x, by)),
    openRecord: (members, batches) => openRecord(backend, members, batches),
    // Plain SGD has no update: it is in the gradient.
    openSteps: (optimizer) =>
      optimizer.text === "SGD" || hasKernel(optimizer) ? createSteps(launcher) : undefined,
  };
}

/** Four pixels in an int32: a quarter of the memory, and of what is read for a batch. */
function uploadImages(pixels: Uint8Array, width: number): tf.Tensor {
  const rows = pixels.length / width;
  const words = Math.ceil(width / 4);
  const packed = new Uint8Array(rows * words * 4);
  for (let row = 0; row < rows; row++) {
    packed.set(pixels.subarray(row * width, (row + 1) * width), row * words * 4);
  }
  return tf.tensor2d(new Int32Array(packed.buffer), [rows, words], "int32");
}

function hasKernel({ name }: Optimizer): boolean {
  return name === "AdaGrad";
}

function shapeOf(tensor: tf.Tensor): [number, number, number] {
  return tensor.shape as [number, number, number];
}

function matrixOf(input: LayerInput): Matrix {
  if (isImages(input)) {
    const { images, start: first, count: rows, width: columns, cursor } = input;
    return { tensor: images, rows, columns, shared: true, first, bytes: true, cursor };
  }
  const [, rows, columns] = shapeOf(input);
  return { tensor: input, rows, columns, shared: false, first: 0, bytes: false };
}

function negated(tensor: tf.Tensor, sign: 1 | -1): tf.Tensor {
  if (sign === 1) return tensor;
  const result = tf.neg(tensor);
  tensor.dispose();
  return result;
}

function openRecord(backend: WebGPUBackend, members: number, batches: number): LossRecord {
  let tensor: tf.Tensor | undefined;
  const record: DeviceRecord = {
    tensorFor(classes: number): tf.Tensor {
      return tensor ??= tf.keep(tf.zeros([members, 2 * (batches + classes)]));
    },
    async read(): Promise<Recorded> {
      if (tensor === undefined) return { losses: [], accuracies: [] };
      // Not data(), which keeps what it read and would give it again after the next launch.
      const { resource } = backend.tensorMap.get(tensor.dataId);
      const values = new Float32Array(await backend.getBufferData(resource as GPUBuffer));
      return readRecord(values, { members, batches, stride: tensor.shape[1]! });
    },
    dispose(): void {
      tensor?.dispose();
      tensor = undefined;
    },
  };
  return record;
}
