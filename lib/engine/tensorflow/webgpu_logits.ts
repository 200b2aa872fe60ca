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
import type { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import { type Launch, launch } from "~/lib/engine/tensorflow/webgpu_launch.ts";
import { NORMALISATION_EPSILON } from "~/lib/model.ts";

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
}

/** Threads that share a mean: 8 warps. */
const THREADS = 256;

/** Sums one number of each thread, as a tree so that errors stay small; all threads get the total. */
const TOTAL = `
var<workgroup> partial : array<f32, ${THREADS}>;
fn total(value : f32) -> f32 {
  workgroupBarrier();
  partial[localIndex] = value;
  workgroupBarrier();
  for (var half = ${THREADS / 2}u; half > 0u; half = half / 2u) {
    if (localIndex < half) { partial[localIndex] += partial[localIndex + half]; }
    workgroupBarrier();
  }
  return partial[0];
}`;

/** The normalised logit of a row and class, and the logarithm of the sum of a row's exponentials. `class` is a reserved word. */
const SOFTMAX = `
fn normalised(network : i32, row : i32, kind : i32) -> f32 {
  let moment = (network * uniforms.classes + kind) * 2;
  let index = (network * uniforms.rows + row) * uniforms.classes + kind;
  return (logits[index] - moments[moment]) * moments[moment + 1];
}
fn logSum(network : i32, row : i32) -> f32 {
  var largest = normalised(network, row, 0);
  for (var kind = 1; kind < uniforms.classes; kind++) {
    largest = max(largest, normalised(network, row, kind));
  }
  var sum = 0.0;
  for (var kind = 0; kind < uniforms.classes; kind++) {
    sum += exp(normalised(network, row, kind) - largest);
  }
  return largest + log(sum);
}
fn error(network : i32, row : i32, kind : i32, logarithm : f32) -> f32 {
  let hit = select(0.0, 1.0, labels[uniforms.firstRow + row] == kind);
  return exp(normalised(network, row, kind) - logarithm) - hit;
}`;

/** Mean and 1 / sqrt(variance + eps) over the rows: a workgroup a class and network. */
const MOMENTS = `${TOTAL}
fn main() {
  let network = i32(workgroupId.y);
  let kind = i32(workgroupId.x);
  let first = network * uniforms.rows * uniforms.classes + kind;
  var sum = 0.0;
  for (var row = i32(localIndex); row < uniforms.rows; row += ${THREADS}) {
    sum += logits[first + row * uniforms.classes];
  }
  let mean = total(sum) / f32(uniforms.rows);
  var squares = 0.0;
  for (var row = i32(localIndex); row < uniforms.rows; row += ${THREADS}) {
    let centred = logits[first + row * uniforms.classes] - mean;
    squares += centred * centred;
  }
  let variance = total(squares) / f32(uniforms.rows);
  if (localIndex == 0u) {
    let moment = (network * uniforms.classes + kind) * 2;
    result[moment] = mean;
    result[moment + 1] = 1.0 / sqrt(variance + ${NORMALISATION_EPSILON});
  }
}`;

/** Into the record: loss and accuracy (the first workgroup of a network), the means of a class (the others). */
const SUMS = `${TOTAL}${SOFTMAX}
fn main() {
  let network = i32(workgroupId.y);
  let kind = i32(workgroupId.x) - 1;
  var first = 0.0;
  var second = 0.0;
  for (var row = i32(localIndex); row < uniforms.rows; row += ${THREADS}) {
    let logarithm = logSum(network, row);
    if (kind >= 0) {
      let wrong = error(network, row, kind, logarithm);
      first += wrong;
      second += wrong * normalised(network, row, kind);
    } else {
      let label = labels[uniforms.firstRow + row];
      let own = normalised(network, row, label);
      first += logarithm - own;
      // The first of equals counts as the largest.
      var isLargest = true;
      for (var other = 0; other < uniforms.classes; other++) {
        let value = normalised(network, row, other);
        isLargest = isLargest && select(own >= value, own > value, other < label);
      }
      second += select(0.0, 1.0, isLargest);
    }
  }
  let firstMean = total(first) / f32(uniforms.rows);
  let secondMean = total(second) / f32(uniforms.rows);
  if (localIndex == 0u) {
    let own = select(uniforms.index, uniforms.stride / 2 - uniforms.classes + kind, kind >= 0);
    result[network * uniforms.stride + 2 * own] = firstMean;
    result[network * uniforms.stride + 2 * own + 1] = secondMean;
  }
}`;

/** Through the normalisation: what is constant over the rows, or along the logits, is lost. */
function deltasCode(scaled: boolean): string {
  return `${SOFTMAX}
fn main() {
  let row = i32(globalId.x);
  let network = i32(globalId.y);
  if (row >= uniforms.rows) { return; }
  let logarithm = logSum(network, row);
  for (var kind = 0; kind < uniforms.classes; kind++) {
    let place = network * uniforms.stride + uniforms.stride - 2 * (uniforms.classes - kind);
    let moment = (network * uniforms.classes + kind) * 2;
    let projection = record[place] + normalised(network, row, kind) * record[place + 1];
    let factor = moments[moment + 1] / f32(uniforms.rows)${scaled ? " * scale[network]" : ""};
    result[(network * uniforms.rows + row) * uniforms.classes + kind] =
      (error(network, row, kind, logarithm) - projection) * factor;
  }
}`;
}

/** Records loss and accuracy of a batch. */
export function runLoss(backend: WebGPUBackend, batch: LogitsBatch): void {
  const moments = runMoments(backend, batch);
  runSums(backend, batch, moments, 1);
  backend.disposeData(moments.dataId);
}

/** Records loss and accuracy; returns the gradient in the logits, [E, B, C], times `scale` [E]. */
export function runDelta(
  backend: WebGPUBackend,
  batch: LogitsBatch,
  scale?: TensorInfo,
): TensorInfo {
  const { logits, labels, record } = batch;
  const [networks, rows, classes] = logits.shape as [number, number, number];
  const moments = runMoments(backend, batch);
  runSums(backend, batch, moments, 1 + classes);
  const deltas = launch(backend, {
    name: scale ? "scaled deltas" : "deltas",
    code: deltasCode(scale !== undefined),
    inputs: { logits, moments, labels, record, ...(scale ? { scale } : {}) },
    output: logits.shape,
    uniforms: uniformsOf(batch),
    threads: THREADS,
    workgroups: [Math.ceil(rows / THREADS), networks],
  });
  backend.disposeData(moments.dataId);
  return deltas;
}

function runMoments(backend: WebGPUBackend, batch: LogitsBatch): TensorInfo {
  const [networks, , classes] = batch.logits.shape as [number, number, number];
  return launch(backend, {
    name: "moments",
    code: MOMENTS,
    inputs: { logits: batch.logits },
    output: [networks, classes, 2],
    uniforms: uniformsOf(batch),
    threads: THREADS,
    workgroups: [classes, networks],
  });
}

function runSums(
  backend: WebGPUBackend,
  batch: LogitsBatch,
  moments: TensorInfo,
  workgroups: number,
): void {
  const { logits, labels, record } = batch;
  launch(backend, {
    name: "sums",
    code: SUMS,
    inputs: { logits, moments, labels },
    target: record,
    uniforms: uniformsOf(batch),
    threads: THREADS,
    workgroups: [workgroups, logits.shape[0]!],
  });
}

function uniformsOf({ logits, record, firstRow, index }: LogitsBatch): Launch["uniforms"] {
  const [, rows, classes] = logits.shape as [number, number, number];
  return { rows, classes, firstRow, index, stride: record.shape[1]! };
}
