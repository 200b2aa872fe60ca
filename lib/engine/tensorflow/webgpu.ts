/**
 * The operations as WebGPU kernels of our own, run by TensorFlow.js's backend on its tensors.
 *
 * A batch of SGD on four layers is 17 launches, one of AdaGrad 31; in TensorFlow.js's own
 * operations it is about 60 and 90. A launch costs the host 30 to 95 us, and through TensorFlow.js's
 * `op` wrappers 150 us (measured with Deno on 2-core machines), which decides the speed of small
 * batches; so a step of training is recorded once and repeated, at 2 us a launch. Tensors that
 * change are written in place.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { Operations } from "~/lib/engine/tensorflow/operations.ts";
import { stepTensors } from "~/lib/engine/tensorflow/tensor_operations.ts";
import {
  launchAdagrad,
  launchRowSum,
  launchShift,
} from "~/lib/engine/tensorflow/webgpu/elementwise.ts";
import { createLauncher } from "~/lib/engine/tensorflow/webgpu/launcher.ts";
import { launchDelta, launchLoss, launchMoments } from "~/lib/engine/tensorflow/webgpu/logits.ts";
import { launchProduct } from "~/lib/engine/tensorflow/webgpu/product.ts";
import type { Optimizer, TensorStep } from "~/lib/optimizer.ts";

export function createWebGpuOperations(backend: WebGPUBackend): Operations {
  const { launch, openSteps } = createLauncher(backend);
  return {
    bytesPerPixel: 1,
    uploadImages,
    linear: (a, b, { bias, relu }) => launchProduct(launch, { a, b, transposeB: true, bias, relu }),
    propagate: (a, b, mask) => launchProduct(launch, { a, b, mask }),
    weightGradient: (a, b, onto) => launchProduct(launch, { a, transposeA: true, b, onto }),
    biasGradient: (delta, onto) => launchRowSum(launch, delta, onto),
    moments: (logits) => launchMoments(launch, logits),
    recordLoss: (logits, batch, moments) => launchLoss(launch, logits, batch, moments),
    logitsDelta: (logits, batch, rates) => launchDelta(launch, logits, batch, rates),
    update(optimizer, parameter): TensorStep {
      // A kernel of our own for the study's; the others by their own definition.
      if (!hasKernel(optimizer)) return stepTensors(optimizer, parameter);
      launchAdagrad(launch, parameter, Number(optimizer.hyperparameters.epsilon));
      parameter.gradient.dispose();
      return { weight: parameter.weight, slots: parameter.slots };
    },
    shift: (x, by) => launchShift(launch, x, by),
    openRecord: (members, batches, classes) => ({
      batches,
      tensors: [tf.keep(tf.zeros([members, 2 * (batches + classes)]))],
    }),
    // Plain SGD has no update: it is in the gradient.
    openSteps: (optimizer) =>
      optimizer.text === "SGD" || hasKernel(optimizer) ? openSteps() : undefined,
  };
}

const hasKernel = ({ name }: Optimizer): boolean => name === "AdaGrad";

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
