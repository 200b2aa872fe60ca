// The element-wise work of training and sharpness as SIMD loops, in AssemblyScript.
//
// Arrays are byte offsets into the module's memory, 16-byte aligned, row major, float32 unless said
// otherwise. Activations are stored transposed, [units, rows]: one unit's values lie together, so a
// bias is one number a row and the sums over rows are plain loops. Sums that decide a loss or a
// statistic run in float64. Built by `deno task build:kernels`.

/** out[i] = bytes[i] / 255, computed as a product with the rounded reciprocal (within 1 ulp). */
export function bytesToFloats(bytes: usize, out: usize, length: i32): void {
  const scale = f32x4.splat(<f32> (1.0 / 255.0));
  let i = 0;
  for (; i + 16 <= length; i += 16) {
    const packed = v128.load(bytes + i);
    const low = i16x8.extend_low_i8x16_u(packed);
    const high = i16x8.extend_high_i8x16_u(packed);
    const to = out + (<usize> i << 2);
    v128.store(to, f32x4.mul(f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(low)), scale));
    v128.store(to, f32x4.mul(f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(low)), scale), 16);
    v128.store(to, f32x4.mul(f32x4.convert_i32x4_u(i32x4.extend_low_i16x8_u(high)), scale), 32);
    v128.store(to, f32x4.mul(f32x4.convert_i32x4_u(i32x4.extend_high_i16x8_u(high)), scale), 48);
  }
  for (; i < length; i++) {
    store<f32>(out + (<usize> i << 2), <f32> load<u8>(bytes + i) * <f32> (1.0 / 255.0));
  }
}

/** z[u][r] = max(0, z[u][r] + bias[u]) in place; NaN stays, as pmax(NaN, 0) is NaN. */
export function addBiasRelu(z: usize, bias: usize, units: i32, rows: i32): void {
  const zero = f32x4.splat(0);
  for (let u = 0; u < units; u++) {
    const b = load<f32>(bias + (<usize> u << 2));
    const bs = f32x4.splat(b);
    const row = z + (<usize> u * rows << 2);
    let r = 0;
    for (; r + 4 <= rows; r += 4) {
      const at = row + (<usize> r << 2);
      v128.store(at, f32x4.pmax(f32x4.add(v128.load(at), bs), zero));
    }
    for (; r < rows; r++) {
      const at = row + (<usize> r << 2);
      store<f32>(at, max<f32>(load<f32>(at) + b, 0));
    }
  }
}

/** z[r][u] += bias[u] in place. */
export function addBiasToRows(z: usize, bias: usize, rows: i32, units: i32): void {
  for (let r = 0; r < rows; r++) {
    const row = z + (<usize> r * units << 2);
    let u = 0;
    for (; u + 4 <= units; u += 4) {
      const at = <usize> u << 2;
      v128.store(row + at, f32x4.add(v128.load(row + at), v128.load(bias + at)));
    }
    for (; u < units; u++) {
      const at = <usize> u << 2;
      store<f32>(row + at, load<f32>(row + at) + load<f32>(bias + at));
    }
  }
}

/** d[u][r] = 0 where h[u][r] is 0; biasGradient[u] (+)= sum over r of d[u][r]. */
export function maskAndSum(
  d: usize,
  h: usize,
  biasGradient: usize,
  units: i32,
  rows: i32,
  accumulate: bool,
): void {
  const zero = f32x4.splat(0);
  for (let u = 0; u < units; u++) {
    const start = <usize> u * rows << 2;
    let sums = f32x4.splat(0);
    let r = 0;
    for (; r + 4 <= rows; r += 4) {
      const at = start + (<usize> r << 2);
      const masked = v128.and(v128.load(d + at), f32x4.gt(v128.load(h + at), zero));
      v128.store(d + at, masked);
      sums = f32x4.add(sums, masked);
    }
    let sum = f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 1) +
      f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3);
    for (; r < rows; r++) {
      const at = start + (<usize> r << 2);
      if (!(load<f32>(h + at) > 0)) store<f32>(d + at, 0);
      sum += load<f32>(d + at);
    }
    const to = biasGradient + (<usize> u << 2);
    store<f32>(to, accumulate ? load<f32>(to) + sum : sum);
  }
}

/** w[i] -= learningRate * g[i]. */
export function sgdStep(w: usize, g: usize, length: i32, learningRate: f32): void {
  const rate = f32x4.splat(learningRate);
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const at = <usize> i << 2;
    v128.store(w + at, f32x4.sub(v128.load(w + at), f32x4.mul(rate, v128.load(g + at))));
  }
  for (; i < length; i++) {
    const at = <usize> i << 2;
    store<f32>(w + at, load<f32>(w + at) - learningRate * load<f32>(g + at));
  }
}

/** a[i] += g[i]^2; w[i] -= learningRate * g[i] / (sqrt(a[i]) + 1e-10). */
export function adagradStep(w: usize, g: usize, a: usize, length: i32, learningRate: f32): void {
  const rate = f32x4.splat(learningRate);
  const epsilon = f32x4.splat(<f32> 1e-10);
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const at = <usize> i << 2;
    const gradient = v128.load(g + at);
    const sum = f32x4.add(v128.load(a + at), f32x4.mul(gradient, gradient));
    v128.store(a + at, sum);
    const step = f32x4.div(f32x4.mul(rate, gradient), f32x4.add(f32x4.sqrt(sum), epsilon));
    v128.store(w + at, f32x4.sub(v128.load(w + at), step));
  }
  for (; i < length; i++) {
    const at = <usize> i << 2;
    const gradient = load<f32>(g + at);
    const sum = load<f32>(a + at) + gradient * gradient;
    store<f32>(a + at, sum);
    const step = learningRate * gradient / (sqrt<f32>(sum) + <f32> 1e-10);
    store<f32>(w + at, load<f32>(w + at) - step);
  }
}

/** out[i] = x[i] + scale * y[i]. */
export function addScaled(x: usize, y: usize, out: usize, length: i32, scale: f32): void {
  combine(x, y, out, length, scale, false);
}

/** out[i] = max(0, x[i] + scale * y[i]); NaN stays. */
export function addScaledRelu(x: usize, y: usize, out: usize, length: i32, scale: f32): void {
  combine(x, y, out, length, scale, true);
}

/**
 * Four quarters are walked at once: x and y come from far memory, and a processor that fetches
 * ahead in each of eight places waits less than in two.
 */
@inline
function combine(x: usize, y: usize, out: usize, length: i32, scale: f32, relu: bool): void {
  const s = f32x4.splat(scale);
  const zero = f32x4.splat(0);
  const quarter = <usize> (length >> 4) << 4;
  for (let start: usize = 0; start < quarter; start += 16) {
    for (let at = start; at < 4 * quarter; at += quarter) {
      const sum = f32x4.add(v128.load(x + at), f32x4.mul(s, v128.load(y + at)));
      v128.store(out + at, relu ? f32x4.pmax(sum, zero) : sum);
    }
  }
  for (let at: usize = 4 * quarter, end = <usize> length << 2; at < end; at += 4) {
    const sum = load<f32>(x + at) + scale * load<f32>(y + at);
    store<f32>(out + at, relu ? max<f32>(sum, 0) : sum);
  }
}

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
 * exp(x) for x <= 0 with a relative error below 3e-13; below -700 as at -700.
 *
 * With n = round(x / ln 2): 2^n times the Taylor series of exp(x - n ln 2) up to the power 10, whose
 * first missing term is at most (ln 2 / 2)^11 / 11! = 2.2e-13.
 */
@inline
function exp(x: v128): v128 {
  // 1.5 * 2^52: adding it rounds, and leaves the integer's bits at the end of the significand.
  const shift = f64x2.splat(6755399441055744.0);
  // In this order NaN stays.
  const clipped = f64x2.pmax(x, f64x2.splat(-700));
  const shifted = f64x2.add(f64x2.mul(clipped, f64x2.splat(1.4426950408889634)), shift);
  const n = f64x2.sub(shifted, shift);
  // ln 2 in two parts, the first short enough for exact products.
  let r = f64x2.sub(clipped, f64x2.mul(n, f64x2.splat(6.93147180369123816490e-1)));
  r = f64x2.sub(r, f64x2.mul(n, f64x2.splat(1.90821492927058770002e-10)));
  let series = f64x2.splat(1.0 / 3628800.0);
  series = multiplyAdd(series, r, 1.0 / 362880.0);
  series = multiplyAdd(series, r, 1.0 / 40320.0);
  series = multiplyAdd(series, r, 1.0 / 5040.0);
  series = multiplyAdd(series, r, 1.0 / 720.0);
  series = multiplyAdd(series, r, 1.0 / 120.0);
  series = multiplyAdd(series, r, 1.0 / 24.0);
  series = multiplyAdd(series, r, 1.0 / 6.0);
  series = multiplyAdd(series, r, 0.5);
  series = multiplyAdd(series, r, 1.0);
  series = multiplyAdd(series, r, 1.0);
  const power = i64x2.shl(i64x2.add(shifted, i64x2.splat(1023)), 52);
  return f64x2.mul(series, power);
}

@inline
function multiplyAdd(a: v128, x: v128, b: f64): v128 {
  return f64x2.add(f64x2.mul(a, x), f64x2.splat(b));
}

/**
 * d = gradient of the mean cross-entropy with respect to the raw logits:
 * with z the normalised logits and e = (softmax(z) - one-hot) / rows,
 * d = inverseDeviation (e - mean(e) - z mean(e z)), means over rows, class by class.
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

@inline
function normalised(
  block: usize,
  statistics: usize,
  classes: i32,
  length: i32,
  c: i32,
  r: i32,
): f64 {
  return (<f64> load<f32>(block + (<usize> (c * length + r) << 2)) -
    load<f64>(statistics + (<usize> c << 3))) *
    load<f64>(statistics + (<usize> (classes + c) << 3));
}
