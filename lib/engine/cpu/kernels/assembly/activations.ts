// What a layer does to its products, and the pixels before the first.

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
