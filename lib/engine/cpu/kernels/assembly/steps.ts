// The optimizers' update rules, one kernel each, all called alike:
//
//   step(w, g, s, length, stride, ...coefficients)
//
// w, g: `length` parameters and their gradient, which is set to 0; s: the same place in the first
// slot of the optimizer's state; stride: bytes from one slot to the next; coefficients: float32, as
// the optimizer's record gives them. An optimizer without state leaves s and stride alone.

import { get, isLast, put, width } from "./vector";

/** w[i] -= learningRate * g[i]. */
export function sgdStep(
  w: usize,
  g: usize,
  _s: usize,
  length: i32,
  _stride: usize,
  learningRate: f32,
): void {
  const rates = f32x4.splat(learningRate);
  const end = <usize> length << 2;
  let at: usize = 0;
  for (; !isLast(at, end); at += 16) sgd(w + at, g + at, rates, false);
  for (; at < end; at += 4) sgd(w + at, g + at, rates, true);
}

@inline
function sgd(w: usize, g: usize, rates: v128, one: bool): void {
  subtract(w, f32x4.mul(rates, takeGradient(g, one)), one);
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
  const rates = f32x4.splat(learningRate);
  const epsilons = f32x4.splat(epsilon);
  const end = <usize> length << 2;
  let at: usize = 0;
  for (; !isLast(at, end); at += 16) adagrad(w + at, g + at, a + at, rates, epsilons, false);
  for (; at < end; at += 4) adagrad(w + at, g + at, a + at, rates, epsilons, true);
}

@inline
function adagrad(w: usize, g: usize, a: usize, rates: v128, epsilons: v128, one: bool): void {
  const gradient = get(g, one);
  if (!v128.any_true(gradient)) return;
  put(g, f32x4.splat(0), one);
  const sum = f32x4.add(get(a, one), f32x4.mul(gradient, gradient));
  put(a, sum, one);
  const root = f32x4.add(f32x4.sqrt(sum), epsilons);
  subtract(w, f32x4.div(f32x4.mul(rates, gradient), root), one);
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
  const rates = f32x4.splat(learningRate);
  const kept = f32x4.splat(momentum);
  for (let at: usize = 0, end = <usize> length << 2; at < end; at += width(at, end)) {
    const one = isLast(at, end);
    const gradient = takeGradient(g + at, one);
    const buffer = f32x4.add(f32x4.mul(kept, get(b + at, one)), gradient);
    put(b + at, buffer, one);
    const step = nesterov != 0 ? f32x4.add(gradient, f32x4.mul(kept, buffer)) : buffer;
    subtract(w + at, f32x4.mul(rates, step), one);
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
  for (let at: usize = 0, end = <usize> length << 2; at < end; at += width(at, end)) {
    const one = isLast(at, end);
    const gradient = takeGradient(g + at, one);
    const old = get(m + at, one);
    const change = f32x4.mul(shares1, f32x4.sub(gradient, old));
    const mean = share1 == 1 ? gradient : f32x4.add(old, change);
    put(m + at, mean, one);
    const square = decaySquare(v + at, gradient, decays2, shares2, one);
    const below = f32x4.add(f32x4.div(f32x4.sqrt(square), roots), epsilons);
    subtract(w + at, f32x4.div(f32x4.mul(rates, mean), below), one);
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
  const rates = f32x4.splat(learningRate);
  const decays = f32x4.splat(decay);
  const shares = f32x4.splat(share);
  const epsilons = f32x4.splat(epsilon);
  for (let at: usize = 0, end = <usize> length << 2; at < end; at += width(at, end)) {
    const one = isLast(at, end);
    const gradient = takeGradient(g + at, one);
    const square = decaySquare(v + at, gradient, decays, shares, one);
    const root = f32x4.add(f32x4.sqrt(square), epsilons);
    subtract(w + at, f32x4.div(f32x4.mul(rates, gradient), root), one);
  }
}

@inline
function takeGradient(g: usize, one: bool): v128 {
  const gradient = get(g, one);
  put(g, f32x4.splat(0), one);
  return gradient;
}

@inline
function subtract(w: usize, step: v128, one: bool): void {
  put(w, f32x4.sub(get(w, one), step), one);
}

/** v = decay * v + share * gradient^2, which it returns. */
@inline
function decaySquare(v: usize, gradient: v128, decay: v128, share: v128, one: bool): v128 {
  const kept = f32x4.mul(decay, get(v, one));
  const square = f32x4.add(kept, f32x4.mul(share, f32x4.mul(gradient, gradient)));
  put(v, square, one);
  return square;
}
