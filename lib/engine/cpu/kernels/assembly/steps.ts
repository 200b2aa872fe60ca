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
  const zero = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const at = <usize> i << 2;
    v128.store(w + at, f32x4.sub(v128.load(w + at), f32x4.mul(rate, v128.load(g + at))));
    v128.store(g + at, zero);
  }
  for (; i < length; i++) {
    const at = <usize> i << 2;
    store<f32>(w + at, load<f32>(w + at) - learningRate * load<f32>(g + at));
    store<f32>(g + at, 0);
  }
}

/**
 * a[i] += g[i]^2; w[i] -= learningRate * g[i] / (sqrt(a[i]) + epsilon).
 *
 * A gradient of 0 changes neither and is passed over: that of units which no row of the batch
 * activates (by the third epoch on CIFAR-10, at 1e-2, 45 % of the first layer's).
 */
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
  const zero = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const at = <usize> i << 2;
    const gradient = v128.load(g + at);
    if (!v128.any_true(gradient)) continue;
    v128.store(g + at, zero);
    const sum = f32x4.add(v128.load(a + at), f32x4.mul(gradient, gradient));
    v128.store(a + at, sum);
    const step = f32x4.div(f32x4.mul(rate, gradient), f32x4.add(f32x4.sqrt(sum), epsilons));
    v128.store(w + at, f32x4.sub(v128.load(w + at), step));
  }
  for (; i < length; i++) {
    const at = <usize> i << 2;
    const gradient = load<f32>(g + at);
    store<f32>(g + at, 0);
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
  const zero = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const at = <usize> i << 2;
    const gradient = v128.load(g + at);
    v128.store(g + at, zero);
    const buffer = f32x4.add(f32x4.mul(kept, v128.load(b + at)), gradient);
    v128.store(b + at, buffer);
    const step = nesterov != 0 ? f32x4.add(gradient, f32x4.mul(kept, buffer)) : buffer;
    v128.store(w + at, f32x4.sub(v128.load(w + at), f32x4.mul(rate, step)));
  }
  for (; i < length; i++) {
    const at = <usize> i << 2;
    const gradient = load<f32>(g + at);
    store<f32>(g + at, 0);
    const buffer = momentum * load<f32>(b + at) + gradient;
    store<f32>(b + at, buffer);
    const step = nesterov != 0 ? gradient + momentum * buffer : buffer;
    store<f32>(w + at, load<f32>(w + at) - learningRate * step);
  }
}

/**
 * m[i] += share1 (g[i] - m[i]), g[i] where share1 is 1; v[i] = decay2 v[i] + share2 g[i]^2;
 * w[i] -= rate * m[i] / (sqrt(v[i]) / root + epsilon), m and v in two slots.
 */
export function adamStep(
  w: usize,
  g: usize,
  m: usize,
  length: i32,
  stride: usize,
  rate: f32,
  share1: f32,
  decay2: f32,
  share2: f32,
  root: f32,
  epsilon: f32,
): void {
  const rates = f32x4.splat(rate);
  const shares1 = f32x4.splat(share1);
  const decays2 = f32x4.splat(decay2);
  const shares2 = f32x4.splat(share2);
  const roots = f32x4.splat(root);
  const epsilons = f32x4.splat(epsilon);
  const v = m + stride;
  const zero = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const at = <usize> i << 2;
    const gradient = v128.load(g + at);
    v128.store(g + at, zero);
    const old = v128.load(m + at);
    const change = f32x4.mul(shares1, f32x4.sub(gradient, old));
    const mean = share1 == 1 ? gradient : f32x4.add(old, change);
    const kept = f32x4.mul(decays2, v128.load(v + at));
    const square = f32x4.add(kept, f32x4.mul(shares2, f32x4.mul(gradient, gradient)));
    v128.store(m + at, mean);
    v128.store(v + at, square);
    const below = f32x4.add(f32x4.div(f32x4.sqrt(square), roots), epsilons);
    const step = f32x4.div(f32x4.mul(rates, mean), below);
    v128.store(w + at, f32x4.sub(v128.load(w + at), step));
  }
  for (; i < length; i++) {
    const at = <usize> i << 2;
    const gradient = load<f32>(g + at);
    store<f32>(g + at, 0);
    const old = load<f32>(m + at);
    const mean = share1 == 1 ? gradient : old + share1 * (gradient - old);
    const square = decay2 * load<f32>(v + at) + share2 * (gradient * gradient);
    store<f32>(m + at, mean);
    store<f32>(v + at, square);
    const step = rate * mean / (sqrt<f32>(square) / root + epsilon);
    store<f32>(w + at, load<f32>(w + at) - step);
  }
}

/** v[i] = decay * v[i] + share * g[i]^2; w[i] -= learningRate * g[i] / (sqrt(v[i]) + epsilon). */
export function rmspropStep(
  w: usize,
  g: usize,
  v: usize,
  length: i32,
  _stride: usize,
  learningRate: f32,
  decay: f32,
  share: f32,
  epsilon: f32,
): void {
  const rate = f32x4.splat(learningRate);
  const decays = f32x4.splat(decay);
  const shares = f32x4.splat(share);
  const epsilons = f32x4.splat(epsilon);
  const zero = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= length; i += 4) {
    const at = <usize> i << 2;
    const gradient = v128.load(g + at);
    v128.store(g + at, zero);
    const kept = f32x4.mul(decays, v128.load(v + at));
    const square = f32x4.add(kept, f32x4.mul(shares, f32x4.mul(gradient, gradient)));
    v128.store(v + at, square);
    const step = f32x4.div(f32x4.mul(rate, gradient), f32x4.add(f32x4.sqrt(square), epsilons));
    v128.store(w + at, f32x4.sub(v128.load(w + at), step));
  }
  for (; i < length; i++) {
    const at = <usize> i << 2;
    const gradient = load<f32>(g + at);
    store<f32>(g + at, 0);
    const square = decay * load<f32>(v + at) + share * (gradient * gradient);
    store<f32>(v + at, square);
    const step = learningRate * gradient / (sqrt<f32>(square) + epsilon);
    store<f32>(w + at, load<f32>(w + at) - step);
  }
}
