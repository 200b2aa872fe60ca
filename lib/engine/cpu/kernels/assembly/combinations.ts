// Points on a line: x + scale * y.

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
  const zero = f32x4.splat(0);
  for (let r = 0; r < rows; r++) {
    const row = <usize> r * units << 2;
    let u = 0;
    for (; u + 4 <= units; u += 4) {
      const at = <usize> u << 2;
      const step = f32x4.mul(v128.load(scales + at), v128.load(y + row + at));
      const sum = f32x4.add(f32x4.add(v128.load(x + row + at), step), v128.load(shifts + at));
      v128.store(out + row + at, relu ? f32x4.pmax(sum, zero) : sum);
    }
    for (; u < units; u++) {
      const at = <usize> u << 2;
      const step = load<f32>(scales + at) * load<f32>(y + row + at);
      const sum = load<f32>(x + row + at) + step + load<f32>(shifts + at);
      store<f32>(out + row + at, relu ? max<f32>(sum, 0) : sum);
    }
  }
}
