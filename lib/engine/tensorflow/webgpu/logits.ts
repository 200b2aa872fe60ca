/**
 * From logits to losses and deltas on WebGPU: batch normalisation, softmax, cross-entropy, backwards.
 *
 * Three launches whatever the batch: moments, sums, deltas. Softmaxes are computed again where they
 * are needed, which costs less than a launch.
 *
 * A record is a tensor [E, 2 (batches + C)]: loss and accuracy of each batch, then by class the means
 * over the batch's rows of the error and of the error times the normalised logit, where the error is
 * softmax minus one-hot label.
 *
 * @module
 */
import type { TensorInfo } from "@tensorflow/tfjs-core";
import type { Launcher } from "~/lib/engine/tensorflow/webgpu/launcher.ts";
import {
  deltasCode,
  MOMENTS,
  sumsCode,
  THREADS,
} from "~/lib/engine/tensorflow/webgpu/logits_shader.ts";
import { type Launch, launch } from "~/lib/engine/tensorflow/webgpu/launch.ts";

/** Logits of a batch and what belongs to them. */
export interface LogitsBatch {
  /** [E, B, C]. */
  readonly logits: TensorInfo;
  /** [N], int32. */
  readonly labels: TensorInfo;
  /** The batch's first row in `labels`. */
  readonly firstRow: number;
  /** [E, 2 (batches + C)]. */
  readonly record: TensorInfo;
  /** The batch's place in the record. */
  readonly index: number;
  /** Added to `firstRow` and `index`, int32 [2]. */
  readonly cursor?: TensorInfo | undefined;
}

/** Records loss and accuracy of a batch, normalised with its own moments unless some are given. */
export function runLoss(launcher: Launcher, batch: LogitsBatch, given?: TensorInfo): void {
  const moments = given ?? runMoments(launcher, batch.logits);
  runSums(launcher, batch, moments, 1);
  if (given === undefined) launcher.dispose(moments);
}

/** Records loss and accuracy; returns the gradient in the logits, [E, B, C], times `scale` [E]. */
export function runDelta(
  launcher: Launcher,
  batch: LogitsBatch,
  scale?: TensorInfo,
): TensorInfo {
  const { logits, record } = batch;
  const [networks, rows, classes] = logits.shape as [number, number, number];
  const moments = runMoments(launcher, logits);
  runSums(launcher, batch, moments, 1 + classes);
  const deltas = launch(launcher, {
    name: `deltas ${[scale !== undefined, batch.cursor !== undefined]}`,
    code: deltasCode(scale !== undefined, batch.cursor !== undefined),
    inputs: { ...inputsOf(batch, moments), record, ...(scale ? { scale } : {}) },
    output: logits.shape,
    uniforms: uniformsOf(batch),
    threads: THREADS,
    workgroups: [Math.ceil(rows / THREADS), networks],
  });
  launcher.dispose(moments);
  return deltas;
}

/** Mean and 1 / sqrt(variance + eps) of logits [E, B, C] over their rows: [E, C, 2]. */
export function runMoments(launcher: Launcher, logits: TensorInfo): TensorInfo {
  const [networks, rows, classes] = logits.shape as [number, number, number];
  return launch(launcher, {
    name: "moments",
    code: MOMENTS,
    inputs: { logits },
    output: [networks, classes, 2],
    uniforms: { rows, classes },
    threads: THREADS,
    workgroups: [classes, networks],
  });
}

function runSums(
  launcher: Launcher,
  batch: LogitsBatch,
  moments: TensorInfo,
  workgroups: number,
): void {
  const { logits, record, cursor } = batch;
  launch(launcher, {
    name: `sums ${cursor !== undefined}`,
    code: sumsCode(cursor !== undefined),
    inputs: inputsOf(batch, moments),
    target: record,
    uniforms: uniformsOf(batch),
    threads: THREADS,
    workgroups: [workgroups, logits.shape[0]!],
  });
}

function inputsOf(
  { logits, labels, cursor }: LogitsBatch,
  moments: TensorInfo,
): Record<string, TensorInfo> {
  return { logits, moments, labels, ...(cursor && { cursor }) };
}

function uniformsOf({ logits, record, firstRow, index }: LogitsBatch): Launch["uniforms"] {
  const [, rows, classes] = logits.shape as [number, number, number];
  return { rows, classes, firstRow, index, stride: record.shape[1]! };
}
