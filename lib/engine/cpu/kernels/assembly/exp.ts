// The exponential function of two numbers at once.

/**
 * exp(x) for x <= 0 with a relative error below 3e-13; below -700 as at -700.
 *
 * With n = round(x / ln 2): 2^n times the Taylor series of exp(x - n ln 2) up to the power 10, whose
 * first missing term is at most (ln 2 / 2)^11 / 11! = 2.2e-13.
 */
@inline
export function exp(x: v128): v128 {
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
