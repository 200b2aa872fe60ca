/**
 * WGSL of batch normalisation, softmax and cross-entropy, forwards and backwards.
 *
 * @module
 */
import { NORMALISATION_EPSILON } from "~/lib/model.ts";

/** Threads that share a mean: 8 warps. */
export const THREADS = 256;

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

/** Where the batch lies: with a cursor, from it on. */
function placeCode(hasCursor: boolean): string {
  const [row, batch] = hasCursor ? [" + cursor[0]", " + cursor[1]"] : ["", ""];
  return `
fn labelOf(row : i32) -> i32 { return labels[uniforms.firstRow${row} + row]; }
fn place() -> i32 { return uniforms.index${batch}; }`;
}

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
  let hit = select(0.0, 1.0, labelOf(row) == kind);
  return exp(normalised(network, row, kind) - logarithm) - hit;
}`;

/** Mean and 1 / sqrt(variance + eps) over the rows: a workgroup a class and network. */
export const MOMENTS = `${TOTAL}
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
export function sumsCode(hasCursor: boolean): string {
  return `${placeCode(hasCursor)}${TOTAL}${SOFTMAX}
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
    let own = select(place(), uniforms.stride / 2 - uniforms.classes + kind, kind >= 0);
    result[network * uniforms.stride + 2 * own] = firstMean;
    result[network * uniforms.stride + 2 * own + 1] = secondMean;
  }
}`;
}

/** Through the normalisation: what is constant over the rows, or along the logits, is lost. */
export function deltasCode(scaled: boolean, hasCursor: boolean): string {
  return `${placeCode(hasCursor)}${SOFTMAX}
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
