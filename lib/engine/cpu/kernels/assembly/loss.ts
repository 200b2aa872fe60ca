// The loss of normalised logits, its gradient, and how the gradient changes as the logits do.
//
// Logits lie in blocks of `block` rows (the last may be shorter), each [classes, rows]; gradients and
// changes lie as they do.

import { exp } from "./exp";

let logits: usize;
/** Bytes, [rows]. */
let labels: usize;
/** float64, [2 * classes]: means, then 1 / sqrt(biased variance + epsilon), over all rows. */
let statistics: usize;
/** float64, [7 * classes + 6]. */
let scratch: usize;
let classes: i32;
let rows: i32;
let block: i32;

/** Says which logits all functions on logits work on from now on. */
export function useLogits(
  logits_: usize,
  labels_: usize,
  statistics_: usize,
  scratch_: usize,
  classes_: i32,
  rows_: i32,
  block_: i32,
): void {
  logits = logits_;
  labels = labels_;
  statistics = statistics_;
  scratch = scratch_;
  classes = classes_;
  rows = rows_;
  block = block_;
}

/** Rows of the block that begins at a row. */
@inline
function lengthFrom(start: i32): i32 {
  return min(block, rows - start);
}

/** Bytes from an array's beginning to the block that begins at a row. */
@inline
function blockFrom(start: i32): usize {
  return <usize> (start * classes) << 2;
}

/** Bytes from a block's beginning, of `length` rows, to class c of row r. */
@inline
function place(length: i32, c: i32, r: i32): usize {
  return <usize> (c * length + r) << 2;
}

/** Bytes of so many float64. */
@inline
function doubles(count: i32): usize {
  return <usize> count << 3;
}

/** Normalised logit of class c, which lies `at` bytes from the first. */
@inline
function normalised(at: usize, c: i32): f64 {
  const mean = statistics + doubles(c);
  return (<f64> load<f32>(logits + at) - load<f64>(mean)) * load<f64>(mean + doubles(classes));
}

@inline
function add(to: usize, value: f64): void {
  store<f64>(to, load<f64>(to) + value);
}

/** Fills the statistics. */
export function logitStatistics(epsilon: f64): void {
  for (let c = 0; c < classes; c++) {
    const mean = sumOver(c, 0, false) / rows;
    const variance = sumOver(c, mean, true) / rows;
    store<f64>(statistics + doubles(c), mean);
    store<f64>(statistics + doubles(classes + c), 1 / sqrt<f64>(variance + epsilon));
  }
}

/** Sum over all rows of a class's logits, or of their squared distances from `mean`. */
@inline
function sumOver(c: i32, mean: f64, squared: bool): f64 {
  let sum: f64 = 0;
  for (let start = 0; start < rows; start += block) {
    const length = lengthFrom(start);
    const from = blockFrom(start);
    const row = logits + from + place(length, c, 0);
    for (let r = 0; r < length; r++) {
      const logit = <f64> load<f32>(row + (<usize> r << 2));
      sum += squared ? (logit - mean) * (logit - mean) : logit;
    }
  }
  return sum;
}

/** Rows whose largest logit is the label's, counted by the last loss. */
let correct: i32 = 0;
export function correctRows(): i32 {
  return correct;
}

/**
 * Sum over rows of the cross-entropy of the normalised logits, in nats; two rows at a time, so that
 * blocks of an even number of rows give the same bits.
 */
export function crossEntropy(): f64 {
  let total: f64 = 0;
  correct = 0;
  // Of the two rows: the largest values, their classes, the sums.
  const behind = scratch + doubles(2 * classes);
  for (let start = 0; start < rows; start += block) {
    const length = lengthFrom(start);
    const from = blockFrom(start);
    for (let r = 0; r < length; r += 2) {
      const lanes = min(2, length - r);
      let largest = f64x2.splat(-Infinity);
      let best = i64x2.splat(-1);
      for (let c = 0; c < classes; c++) {
        const at = logits + from + place(length, c, r);
        const raw = lanes == 2 ? v128.load64_zero(at) : v128.load32_zero(at);
        const mean = v128.load64_splat(statistics + doubles(c));
        const inverseDeviation = v128.load64_splat(statistics + doubles(classes + c));
        const z = f64x2.mul(f64x2.sub(f64x2.promote_low_f32x4(raw), mean), inverseDeviation);
        v128.store(scratch + doubles(2 * c), z);
        const larger = f64x2.gt(z, largest);
        largest = v128.bitselect(z, largest, larger);
        best = v128.bitselect(i64x2.splat(c), best, larger);
      }
      let sum = f64x2.splat(0);
      for (let c = 0; c < classes; c++) {
        sum = f64x2.add(sum, exp(f64x2.sub(v128.load(scratch + doubles(2 * c)), largest)));
      }
      v128.store(behind, largest);
      v128.store(behind, best, 16);
      v128.store(behind, sum, 32);
      // One logarithm for both rows.
      let product: f64 = 1;
      for (let lane = 0; lane < lanes; lane++) {
        const label = <i32> load<u8>(labels + start + r + lane);
        const own = behind + doubles(lane);
        total += load<f64>(own) - load<f64>(scratch + doubles(2 * label + lane));
        if (load<i64>(own, 16) == label) correct++;
        product *= load<f64>(own, 32);
      }
      total += Math.log(product);
    }
  }
  return total;
}

/**
 * d = gradient of the mean cross-entropy with respect to the raw logits:
 * with z the normalised logits and e = (softmax(z) - one-hot) / rows,
 * d = inverseDeviation (e - mean(e) - z mean(e z)), means over rows, class by class. Of one row it is
 * exactly 0, where rounding would leave what an optimizer that divides by the root takes for a slope.
 *
 * @param d May not overlap the logits.
 * @returns Sum over rows of the cross-entropy in nats.
 */
export function crossEntropyGradient(d: usize): f64 {
  memory.fill(means(1, 0), 0, doubles(2 * classes));
  const total = errors(d);
  if (rows == 1) {
    memory.fill(d, 0, <usize> classes << 2);
    return total;
  }
  for (let start = 0; start < rows; start += block) {
    const length = lengthFrom(start);
    const from = blockFrom(start);
    for (let c = 0; c < classes; c++) {
      const mean = load<f64>(means(1, c)) / rows;
      const projection = load<f64>(means(2, c)) / rows;
      const inverseDeviation = load<f64>(statistics + doubles(classes + c));
      for (let r = 0; r < length; r++) {
        const at = from + place(length, c, r);
        const centred = <f64> load<f32>(d + at) - mean - normalised(at, c) * projection;
        store<f32>(d + at, <f32> (inverseDeviation * centred));
      }
    }
  }
  return total;
}

/** e into d, its sums over rows and those of e z into the scratch; returns the loss's sum. */
function errors(d: usize): f64 {
  let total: f64 = 0;
  correct = 0;
  for (let row = 0; row < rows; row++) {
    const largest = openRow(row);
    if (best == label) correct++;
    total += largest - load<f64>(scratch + doubles(label));
    let sum: f64 = 0;
    for (let c = 0; c < classes; c++) {
      const e = Math.exp(load<f64>(scratch + doubles(c)) - largest);
      store<f32>(d + first + c * stride, <f32> e);
      sum += e;
    }
    total += Math.log(sum);
    for (let c = 0; c < classes; c++) {
      const at = d + first + c * stride;
      const e = (<f64> load<f32>(at) / sum - (c == label ? 1.0 : 0.0)) / rows;
      store<f32>(at, <f32> e);
      add(means(1, c), e);
      add(means(2, c), e * load<f64>(scratch + doubles(c)));
    }
  }
  return total;
}

/**
 * Of the row in work: bytes from an array's beginning to its first class and from there to the next,
 * its label, and the class of its largest logit.
 */
let first: usize = 0;
let stride: usize = 0;
let label: i32 = 0;
let best: i32 = 0;

/** Opens a row: its normalised logits into the scratch; returns the largest. */
@inline
function openRow(row: i32): f64 {
  const r = row % block;
  first = blockFrom(row - r) + (<usize> r << 2);
  stride = <usize> lengthFrom(row - r) << 2;
  label = <i32> load<u8>(labels + row);
  let largest: f64 = -Infinity;
  best = -1;
  for (let c = 0; c < classes; c++) {
    const z = normalised(first + c * stride, c);
    store<f64>(scratch + doubles(c), z);
    if (z > largest) {
      largest = z;
      best = c;
    }
  }
  return largest;
}

/**
 * out = the change of d, the gradient of the mean cross-entropy with respect to the raw logits a, as
 * a changes by t. With i = inverseDeviation, z the normalised logits, p = softmax(z),
 * e = (p - one-hot) / rows, and means over rows, class by class:
 *
 *     q  = mean(z t)
 *     z' = i (t - mean(t) - z q)
 *     e' = p (z' - sum over classes of p z') / rows
 *     d  = i (e - mean(e) - z mean(e z))
 *     d' = -i q d + i (e' - mean(e') - z' mean(e z) - z (mean(e' z) + mean(e z')))
 *
 * since i' = -i^2 q and the sum over classes of p is 1.
 *
 * @param tangents t; `out` may not overlap the others.
 */
export function crossEntropyHessian(tangents: usize, d: usize, out: usize): void {
  memory.fill(means(1, 0), 0, doubles(5 * classes));
  meanChanges(tangents);
  errorChanges(tangents, out);
  for (let start = 0; start < rows; start += block) {
    const length = lengthFrom(start);
    const from = blockFrom(start);
    for (let c = 0; c < classes; c++) {
      const i = load<f64>(statistics + doubles(classes + c));
      const meanT = load<f64>(means(1, c));
      const q = load<f64>(means(2, c));
      for (let r = 0; r < length; r++) {
        const at = from + place(length, c, r);
        const z = normalised(at, c);
        const change = i * (<f64> load<f32>(tangents + at) - meanT - z * q);
        const inner = <f64> load<f32>(out + at) - load<f64>(means(4, c)) -
          change * load<f64>(means(3, c)) - z * load<f64>(means(5, c));
        store<f32>(out + at, <f32> (i * (inner - q * <f64> load<f32>(d + at))));
      }
    }
  }
}

/**
 * Where a mean of class c lies, behind a row's normalised logits: of e and e z in the gradient; in the
 * Hessian of t, z t (q), e z, e', and e' z + e z'.
 */
@inline
function means(which: i32, c: i32): usize {
  return scratch + doubles(which * classes + c);
}

/** Means of t and z t. */
function meanChanges(tangents: usize): void {
  for (let start = 0; start < rows; start += block) {
    const length = lengthFrom(start);
    const from = blockFrom(start);
    for (let c = 0; c < classes; c++) {
      let sum: f64 = 0;
      let product: f64 = 0;
      for (let r = 0; r < length; r++) {
        const at = from + place(length, c, r);
        const t = <f64> load<f32>(tangents + at);
        sum += t;
        product += t * normalised(at, c);
      }
      add(means(1, c), sum / rows);
      add(means(2, c), product / rows);
    }
  }
}

/** e' into out, and the means of e z, e' and e' z + e z'. */
function errorChanges(tangents: usize, out: usize): void {
  const changes = means(6, 0);
  for (let row = 0; row < rows; row++) {
    const largest = openRow(row);
    let sum: f64 = 0;
    let dot: f64 = 0;
    for (let c = 0; c < classes; c++) {
      const at = first + c * stride;
      const z = load<f64>(scratch + doubles(c));
      const centred = <f64> load<f32>(tangents + at) - load<f64>(means(1, c));
      const change = load<f64>(statistics + doubles(classes + c)) *
        (centred - z * load<f64>(means(2, c)));
      const p = Math.exp(z - largest);
      store<f64>(changes + doubles(c), change);
      store<f32>(out + at, <f32> p);
      sum += p;
      dot += p * change;
    }
    for (let c = 0; c < classes; c++) {
      const at = out + first + c * stride;
      const z = load<f64>(scratch + doubles(c));
      const change = load<f64>(changes + doubles(c));
      const p = <f64> load<f32>(at) / sum;
      const e = (p - (c == label ? 1.0 : 0.0)) / rows;
      const eChange = p * (change - dot / sum) / rows;
      store<f32>(at, <f32> eChange);
      add(means(3, c), e * z / rows);
      add(means(4, c), eChange / rows);
      add(means(5, c), (eChange * z + e * change) / rows);
    }
  }
}
