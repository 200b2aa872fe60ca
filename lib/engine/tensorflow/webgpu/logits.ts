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
import type { Tensor } from "@tensorflow/tfjs-core";
import type { BatchLabels, Operations } from "~/lib/engine/tensorflow/operations.ts";
import type { Kernel, Launch } from "~/lib/engine/tensorflow/webgpu/launcher.ts";
import { NORMALISATION_EPSILON } from "~/lib/model.ts";

/** Threads that share a mean: 8 warps. */
const THREADS = 256;

/** `Operations.recordLoss`. */
export function launchLoss(launch: Launch, ...args: Parameters<Operations["recordLoss"]>): void {
  const [logits, batch, given] = args;
  const moments = given ?? launchMoments(launch, logits);
  launchSums(launch, { logits, moments }, batch, 1);
  if (given === undefined) moments.dispose();
}

/** `Operations.logitsDelta`. */
export function launchDelta(
  launch: Launch,
  ...[logits, batch, rates]: Parameters<Operations["logitsDelta"]>
): Tensor {
  const [E, B, C] = logits.shape as [number, number, number];
  const moments = launchMoments(launch, logits);
  const { inputs, ...common } = launchSums(launch, { logits, moments }, batch, 1 + C);
  const [isScaled, hasCursor] = [rates !== undefined, batch.cursor !== undefined];
  const deltas = launch({
    ...common,
    name: `deltas ${[isScaled, hasCursor]}`,
    code: () => deltasCode(isScaled, hasCursor),
    inputs: { ...inputs, record: batch.record.tensors[0], rates },
    result: logits.shape,
    workgroups: [Math.ceil(B / THREADS), E, 1],
  });
  moments.dispose();
  return deltas;
}

/** Mean and 1 / sqrt(variance + eps) of logits [E, B, C] over their rows: [E, C, 2]. */
export function launchMoments(launch: Launch, logits: Tensor): Tensor {
  const [E, rows, classes] = logits.shape as [number, number, number];
  return launch({
    name: "moments",
    code: () => MOMENTS,
    inputs: { logits },
    result: [E, classes, 2],
    uniforms: { rows, classes },
    threads: THREADS,
    workgroups: [classes, E, 1],
  });
}

/**
 * Into the record: loss and accuracy, by the first workgroup of a network; a class's means, by the
 * others. Returns what a launch that goes on from there has in common with this one.
 */
function launchSums(
  launch: Launch,
  tensors: Readonly<Record<"logits" | "moments", Tensor>>,
  { labels, cursor, start, index, record: { tensors: [record] } }: BatchLabels,
  workgroups: number,
): Pick<Kernel, "inputs" | "uniforms" | "threads"> {
  const [E, rows, classes] = tensors.logits.shape as [number, number, number];
  const common = {
    inputs: { ...tensors, labels, cursor },
    uniforms: { rows, classes, start, index, stride: record!.shape[1]! },
    threads: THREADS,
  };
  launch({
    ...common,
    name: `sums ${cursor !== undefined}`,
    code: () => sumsCode(cursor !== undefined),
    result: record!,
    workgroups: [workgroups, E, 1],
  });
  return common;
}

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

/**
 * Labels of the batch, from the cursor on where there is one; normalised logits; the logarithm of the
 * sum of a row's exponentials. `class` is a reserved word.
 */
function softmaxCode(hasCursor: boolean): string {
  const start = `uniforms.start${hasCursor ? " + cursor[0]" : ""}`;
  return `
fn labelOf(row : i32) -> i32 { return labels[${start} + row]; }
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
  let hit = select(0.0, 1.0, labelOf(row) == kind);
  return exp(normalised(network, row, kind) - logarithm) - hit;
}`;
}

function sumsCode(hasCursor: boolean): string {
  return `${TOTAL}${softmaxCode(hasCursor)}
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
      let label = labelOf(row);
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
    let batch = uniforms.index${hasCursor ? " + cursor[1]" : ""};
    let own = select(batch, uniforms.stride / 2 - uniforms.classes + kind, kind >= 0);
    result[network * uniforms.stride + 2 * own] = firstMean;
    result[network * uniforms.stride + 2 * own + 1] = secondMean;
  }
}`;
}

/** Through the normalisation: what is constant over the rows, or along the logits, is lost. */
function deltasCode(isScaled: boolean, hasCursor: boolean): string {
  return `${softmaxCode(hasCursor)}
fn main() {
  let row = i32(globalId.x);
  let network = i32(globalId.y);
  if (row >= uniforms.rows) { return; }
  let logarithm = logSum(network, row);
  for (var kind = 0; kind < uniforms.classes; kind++) {
    let place = network * uniforms.stride + uniforms.stride - 2 * (uniforms.classes - kind);
    let moment = (network * uniforms.classes + kind) * 2;
    let projection = record[place] + normalised(network, row, kind) * record[place + 1];
    let factor = moments[moment + 1] / f32(uniforms.rows)${isScaled ? " * -rates[network]" : ""};
    result[(network * uniforms.rows + row) * uniforms.classes + kind] =
      (error(network, row, kind, logarithm) - projection) * factor;
  }
}`;
}
