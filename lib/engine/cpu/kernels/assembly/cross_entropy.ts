// The loss of normalised logits, and its gradient.

import { exp } from "./exp";
import { normalised } from "./logits";

/**
 * statistics[c] = mean, statistics[classes + c] = 1 / sqrt(biased variance + epsilon) of the logits
 * of class c over all rows; float64.
 *
 * The logits lie in blocks of `block` rows (the last may be shorter), each [classes, rows].
 */
export function logitStatistics(
  logits: usize,
  statistics: usize,
  classes: i32,
  rows: i32,
  block: i32,
  epsilon: f64,
): void {
  for (let c = 0; c < classes; c++) {
    let sum: f64 = 0;
    for (let start = 0; start < rows; start += block) {
      const length = min(block, rows - start);
      const row = logits + (<usize> (start * classes + c * length) << 2);
      for (let r = 0; r < length; r++) sum += <f64> load<f32>(row + (<usize> r << 2));
    }
    const mean = sum / rows;
    let squares: f64 = 0;
    for (let start = 0; start < rows; start += block) {
      const length = min(block, rows - start);
      const row = logits + (<usize> (start * classes + c * length) << 2);
      for (let r = 0; r < length; r++) {
        const centred = <f64> load<f32>(row + (<usize> r << 2)) - mean;
        squares += centred * centred;
      }
    }
    store<f64>(statistics + (<usize> c << 3), mean);
    store<f64>(statistics + (<usize> (classes + c) << 3), 1 / sqrt<f64>(squares / rows + epsilon));
  }
}

/** Rows whose largest logit is the label's, counted by the last `crossEntropy`. */
let correct: i32 = 0;
export function correctRows(): i32 {
  return correct;
}

/**
 * Sum over rows of the cross-entropy of the normalised logits, in nats; two rows at a time, so that
 * blocks of an even number of rows give the same bits.
 *
 * @param labels bytes, [rows].
 * @param scratch float64, [2 * classes + 6].
 */
export function crossEntropy(
  logits: usize,
  labels: usize,
  statistics: usize,
  scratch: usize,
  classes: i32,
  rows: i32,
  block: i32,
): f64 {
  let total: f64 = 0;
  correct = 0;
  // Of the two rows: the largest values, their classes, the sums.
  const behind = scratch + (<usize> classes << 4);
  for (let start = 0; start < rows; start += block) {
    const length = min(block, rows - start);
    const base = logits + (<usize> (start * classes) << 2);
    for (let r = 0; r < length; r += 2) {
      const lanes = min(2, length - r);
      let largest = f64x2.splat(-Infinity);
      let best = i64x2.splat(-1);
      for (let c = 0; c < classes; c++) {
        const at = base + (<usize> (c * length + r) << 2);
        const raw = f64x2.promote_low_f32x4(lanes == 2 ? v128.load64_zero(at) : v128.load32_zero(at));
        const mean = v128.load64_splat(statistics + (<usize> c << 3));
        const inverseDeviation = v128.load64_splat(statistics + (<usize> (classes + c) << 3));
        const z = f64x2.mul(f64x2.sub(raw, mean), inverseDeviation);
        v128.store(scratch + (<usize> c << 4), z);
        const larger = f64x2.gt(z, largest);
        largest = v128.bitselect(z, largest, larger);
        best = v128.bitselect(i64x2.splat(c), best, larger);
      }
      let sum = f64x2.splat(0);
      for (let c = 0; c < classes; c++) {
        sum = f64x2.add(sum, exp(f64x2.sub(v128.load(scratch + (<usize> c << 4)), largest)));
      }
      v128.store(behind, largest);
      v128.store(behind, best, 16);
      v128.store(behind, sum, 32);
      // One logarithm for both rows.
      let product: f64 = 1;
      for (let lane = 0; lane < lanes; lane++) {
        const label = <i32> load<u8>(labels + start + r + lane);
        const at = <usize> lane << 3;
        total += load<f64>(behind + at) - load<f64>(scratch + (<usize> label << 4) + at);
        if (load<i64>(behind + at, 16) == label) correct++;
        product *= load<f64>(behind + at, 32);
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
 * @param d Same blocks as `logits`; may not overlap them.
 * @param scratch float64, [3 * classes].
 * @returns Sum over rows of the cross-entropy in nats.
 */
export function crossEntropyGradient(
  logits: usize,
  d: usize,
  labels: usize,
  statistics: usize,
  scratch: usize,
  classes: i32,
  rows: i32,
  block: i32,
): f64 {
  let total: f64 = 0;
  correct = 0;
  const means = scratch + (<usize> classes << 3);
  const projections = means + (<usize> classes << 3);
  memory.fill(means, 0, <usize> classes << 4);
  for (let start = 0; start < rows; start += block) {
    const length = min(block, rows - start);
    const offset = <usize> (start * classes) << 2;
    for (let r = 0; r < length; r++) {
      const label = <i32> load<u8>(labels + start + r);
      let largest: f64 = -Infinity;
      let best = -1;
      for (let c = 0; c < classes; c++) {
        const z = normalised(logits + offset, statistics, classes, length, c, r);
        store<f64>(scratch + (<usize> c << 3), z);
        if (z > largest) {
          largest = z;
          best = c;
        }
      }
      if (best == label) correct++;
      total += largest - load<f64>(scratch + (<usize> label << 3));
      let sum: f64 = 0;
      for (let c = 0; c < classes; c++) {
        const e = Math.exp(load<f64>(scratch + (<usize> c << 3)) - largest);
        store<f32>(d + offset + (<usize> (c * length + r) << 2), <f32> e);
        sum += e;
      }
      total += Math.log(sum);
      for (let c = 0; c < classes; c++) {
        const at = d + offset + (<usize> (c * length + r) << 2);
        const e = (<f64> load<f32>(at) / sum - (c == label ? 1.0 : 0.0)) / rows;
        store<f32>(at, <f32> e);
        const to = <usize> c << 3;
        store<f64>(means + to, load<f64>(means + to) + e);
        store<f64>(projections + to, load<f64>(projections + to) + e * load<f64>(scratch + to));
      }
    }
  }
  if (rows == 1) {
    memory.fill(d, 0, <usize> classes << 2);
    return total;
  }
  for (let start = 0; start < rows; start += block) {
    const length = min(block, rows - start);
    const offset = <usize> (start * classes) << 2;
    for (let c = 0; c < classes; c++) {
      const to = <usize> c << 3;
      const mean = load<f64>(means + to) / rows;
      const projection = load<f64>(projections + to) / rows;
      const inverseDeviation = load<f64>(statistics + (<usize> (classes + c) << 3));
      for (let r = 0; r < length; r++) {
        const at = d + offset + (<usize> (c * length + r) << 2);
        const z = normalised(logits + offset, statistics, classes, length, c, r);
        store<f32>(at, <f32> (inverseDeviation * (<f64> load<f32>(at) - mean - z * projection)));
      }
    }
  }
  return total;
}
