// What a layer does to its products, the pixels before the first, and points on a line.

import { get, isLast, put, width } from "./vector";

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
  const size = <usize> rows << 2;
  for (let u = 0; u < units; u++, z += size, bias += 4) {
    const b = v128.load32_splat(bias);
    let at: usize = 0;
    for (; !isLast(at, size); at += 16) biasRelu(z + at, b, false);
    for (; at < size; at += 4) biasRelu(z + at, b, true);
  }
}

@inline
function biasRelu(z: usize, bias: v128, one: bool): void {
  put(z, f32x4.pmax(f32x4.add(get(z, one), bias), f32x4.splat(0)), one);
}

/** z[u][r] = z[u][r] + bias[u] where h[u][r] > 0, else 0, in place: the change behind a ReLU. */
export function addBiasMasked(z: usize, bias: usize, h: usize, units: i32, rows: i32): void {
  const size = <usize> rows << 2;
  for (let u = 0; u < units; u++, z += size, h += size, bias += 4) {
    const b = v128.load32_splat(bias);
    for (let at: usize = 0; at < size; at += width(at, size)) {
      const one = isLast(at, size);
      const isActive = f32x4.gt(get(h + at, one), f32x4.splat(0));
      put(z + at, v128.and(f32x4.add(get(z + at, one), b), isActive), one);
    }
  }
}

/** z[r][u] += bias[u] in place. */
export function addBiasToRows(z: usize, bias: usize, rows: i32, units: i32): void {
  const size = <usize> units << 2;
  for (let r = 0; r < rows; r++, z += size) {
    for (let at: usize = 0; at < size; at += width(at, size)) {
      const one = isLast(at, size);
      put(z + at, f32x4.add(get(z + at, one), get(bias + at, one)), one);
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
  const size = <usize> rows << 2;
  for (let u = 0; u < units; u++, d += size, h += size, biasGradient += 4) {
    let sums = f32x4.splat(0);
    let at: usize = 0;
    for (; !isLast(at, size); at += 16) sums = f32x4.add(sums, mask(d + at, h + at, false));
    let sum = f32x4.extract_lane(sums, 0) + f32x4.extract_lane(sums, 1) +
      f32x4.extract_lane(sums, 2) + f32x4.extract_lane(sums, 3);
    for (; at < size; at += 4) sum += f32x4.extract_lane(mask(d + at, h + at, true), 0);
    store<f32>(biasGradient, accumulate ? load<f32>(biasGradient) + sum : sum);
  }
}

@inline
function mask(d: usize, h: usize, one: bool): v128 {
  const masked = v128.and(get(d, one), f32x4.gt(get(h, one), f32x4.splat(0)));
  put(d, masked, one);
  return masked;
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
  const quarter = <usize> (length >> 4) << 4;
  for (let start: usize = 0; start < quarter; start += 16) {
    for (let at = start; at < 4 * quarter; at += quarter) {
      const sum = f32x4.add(v128.load(x + at), f32x4.mul(s, v128.load(y + at)));
      v128.store(out + at, relu ? f32x4.pmax(sum, f32x4.splat(0)) : sum);
    }
  }
  for (let at: usize = 4 * quarter, end = <usize> length << 2; at < end; at += 4) {
    const sum = f32x4.add(get(x + at, true), f32x4.mul(s, get(y + at, true)));
    put(out + at, relu ? f32x4.pmax(sum, f32x4.splat(0)) : sum, true);
  }
}

/**
 * out[r][u] = x[r][u] + scales[u] * y[r][u] + shifts[u]: a unit's step of its own, with the part of
 * its bias that the scale does not give; where `relu` is set then max(0, .). NaN stays.
 */
export function addScaledUnits(
  x: usize,
  y: usize,
  out: usize,
  rows: i32,
  units: i32,
  scales: usize,
  shifts: usize,
  relu: bool,
): void {
  const size = <usize> units << 2;
  for (let r = 0; r < rows; r++, x += size, y += size, out += size) {
    for (let at: usize = 0; at < size; at += width(at, size)) {
      const one = isLast(at, size);
      const step = f32x4.mul(get(scales + at, one), get(y + at, one));
      const sum = f32x4.add(f32x4.add(get(x + at, one), step), get(shifts + at, one));
      put(out + at, relu ? f32x4.pmax(sum, f32x4.splat(0)) : sum, one);
    }
  }
}
