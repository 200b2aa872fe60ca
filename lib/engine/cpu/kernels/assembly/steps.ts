// The optimizers' update rules, one kernel each, all called alike:
//
//   step(w, g, s, length, stride, ...coefficients)
//
// w, g: `length` parameters and their gradient; s: the same place in the first slot of the
// optimizer's state; stride: bytes from one slot to the next; coefficients: float32, as the
// optimizer's record gives them. An optimizer without state leaves s and stride alone.

/** w[i] -= learningRate * g[i]. */
export function sgdStep(
  w: usize,
  g: usize,
  _s: usize,
  length: i32,
  _stride: usize,
  learningRate: f32,
): void {
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

/** a[i] += g[i]^2; w[i] -= learningRate * g[i] / (sqrt(a[i]) + epsilon). */
export function adagradStep(
  w: usize,
  g: usize,
  a: usize,
  length: i32,
  _stride: usize,
  learningRate: f32,
  epsilon: f32,
): void {
  const rate = f32x4.splat(learningRate);
  const epsilons = f32x4.splat(epsilon);
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const at = <usize> i << 2;
    const gradient = v128.load(g + at);
    const sum = f32x4.add(v128.load(a + at), f32x4.mul(gradient, gradient));
    v128.store(a + at, sum);
    const step = f32x4.div(f32x4.mul(rate, gradient), f32x4.add(f32x4.sqrt(sum), epsilons));
    v128.store(w + at, f32x4.sub(v128.load(w + at), step));
  }
  for (; i < length; i++) {
    const at = <usize> i << 2;
    const gradient = load<f32>(g + at);
    const sum = load<f32>(a + at) + gradient * gradient;
    store<f32>(a + at, sum);
    const step = learningRate * gradient / (sqrt<f32>(sum) + epsilon);
    store<f32>(w + at, load<f32>(w + at) - step);
  }
}

/** b[i] = momentum * b[i] + g[i]; w[i] -= learningRate * b[i], or * (g[i] + momentum * b[i]). */
export function momentumStep(
  w: usize,
  g: usize,
  b: usize,
  length: i32,
  _stride: usize,
  learningRate: f32,
  momentum: f32,
  nesterov: f32,
): void {
  const rate = f32x4.splat(learningRate);
  const kept = f32x4.splat(momentum);
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const at = <usize> i << 2;
    const gradient = v128.load(g + at);
    const buffer = f32x4.add(f32x4.mul(kept, v128.load(b + at)), gradient);
    v128.store(b + at, buffer);
    const step = nesterov != 0 ? f32x4.add(gradient, f32x4.mul(kept, buffer)) : buffer;
    v128.store(w + at, f32x4.sub(v128.load(w + at), f32x4.mul(rate, step)));
  }
  for (; i < length; i++) {
    const at = <usize> i << 2;
    const gradient = load<f32>(g + at);
    const buffer = momentum * load<f32>(b + at) + gradient;
    store<f32>(b + at, buffer);
    const step = nesterov != 0 ? gradient + momentum * buffer : buffer;
    store<f32>(w + at, load<f32>(w + at) - learningRate * step);
  }
}
