// What the product of a Hessian with a vector needs beside matrix products: how activations and the
// loss's gradient change as the parameters move along the vector (forward over reverse).

import { normalised } from "./logits";

/** z[u][r] = z[u][r] + bias[u] where h[u][r] > 0, else 0, in place: the change behind a ReLU. */
export function addBiasMasked(z: usize, bias: usize, h: usize, units: i32, rows: i32): void {
  const zero = f32x4.splat(0);
  for (let u = 0; u < units; u++) {
    const b = load<f32>(bias + (<usize> u << 2));
    const bs = f32x4.splat(b);
    const start = <usize> u * rows << 2;
    let r = 0;
    for (; r + 4 <= rows; r += 4) {
      const at = start + (<usize> r << 2);
      const sum = f32x4.add(v128.load(z + at), bs);
      v128.store(z + at, v128.and(sum, f32x4.gt(v128.load(h + at), zero)));
    }
    for (; r < rows; r++) {
      const at = start + (<usize> r << 2);
      store<f32>(z + at, load<f32>(h + at) > 0 ? load<f32>(z + at) + b : 0);
    }
  }
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
 * @param tangents t; it, d and out lie in the same blocks as `logits`, out apart from the others.
 * @param scratch float64, [7 * classes].
 */
export function crossEntropyHessian(
  logits: usize,
  tangents: usize,
  d: usize,
  out: usize,
  labels: usize,
  statistics: usize,
  scratch: usize,
  classes: i32,
  rows: i32,
  block: i32,
): void {
  const size = <usize> classes << 3;
  const zs = scratch;
  const changes = zs + size;
  const meanT = changes + size;
  const meanZT = meanT + size;
  const meanEZ = meanZT + size;
  const meanChange = meanEZ + size;
  const meanChangeZ = meanChange + size;
  memory.fill(meanT, 0, 5 * size);
  for (let start = 0; start < rows; start += block) {
    const length = min(block, rows - start);
    const offset = <usize> (start * classes) << 2;
    for (let c = 0; c < classes; c++) {
      const to = <usize> c << 3;
      let sum: f64 = 0;
      let product: f64 = 0;
      for (let r = 0; r < length; r++) {
        const t = <f64> load<f32>(tangents + offset + (<usize> (c * length + r) << 2));
        sum += t;
        product += t * normalised(logits + offset, statistics, classes, length, c, r);
      }
      add(meanT + to, sum / rows);
      add(meanZT + to, product / rows);
    }
  }
  for (let start = 0; start < rows; start += block) {
    const length = min(block, rows - start);
    const offset = <usize> (start * classes) << 2;
    for (let r = 0; r < length; r++) {
      const label = <i32> load<u8>(labels + start + r);
      let largest: f64 = -Infinity;
      for (let c = 0; c < classes; c++) {
        const z = normalised(logits + offset, statistics, classes, length, c, r);
        store<f64>(zs + (<usize> c << 3), z);
        largest = max(largest, z);
      }
      let sum: f64 = 0;
      let dot: f64 = 0;
      for (let c = 0; c < classes; c++) {
        const to = <usize> c << 3;
        const t = <f64> load<f32>(tangents + offset + (<usize> (c * length + r) << 2));
        const z = load<f64>(zs + to);
        const change = load<f64>(statistics + size + to) *
          (t - load<f64>(meanT + to) - z * load<f64>(meanZT + to));
        const p = Math.exp(z - largest);
        store<f64>(changes + to, change);
        store<f32>(out + offset + (<usize> (c * length + r) << 2), <f32> p);
        sum += p;
        dot += p * change;
      }
      for (let c = 0; c < classes; c++) {
        const to = <usize> c << 3;
        const at = out + offset + (<usize> (c * length + r) << 2);
        const z = load<f64>(zs + to);
        const change = load<f64>(changes + to);
        const p = <f64> load<f32>(at) / sum;
        const e = (p - (c == label ? 1.0 : 0.0)) / rows;
        const eChange = p * (change - dot / sum) / rows;
        store<f32>(at, <f32> eChange);
        add(meanEZ + to, e * z / rows);
        add(meanChange + to, eChange / rows);
        add(meanChangeZ + to, (eChange * z + e * change) / rows);
      }
    }
  }
  for (let start = 0; start < rows; start += block) {
    const length = min(block, rows - start);
    const offset = <usize> (start * classes) << 2;
    for (let c = 0; c < classes; c++) {
      const to = <usize> c << 3;
      const i = load<f64>(statistics + size + to);
      const q = load<f64>(meanZT + to);
      for (let r = 0; r < length; r++) {
        const at = offset + (<usize> (c * length + r) << 2);
        const z = normalised(logits + offset, statistics, classes, length, c, r);
        const change = i * (<f64> load<f32>(tangents + at) - load<f64>(meanT + to) - z * q);
        const inner = <f64> load<f32>(out + at) - load<f64>(meanChange + to) -
          change * load<f64>(meanEZ + to) - z * load<f64>(meanChangeZ + to);
        store<f32>(out + at, <f32> (i * (inner - q * <f64> load<f32>(d + at))));
      }
    }
  }
}

@inline
function add(to: usize, value: f64): void {
  store<f64>(to, load<f64>(to) + value);
}
