// Loads and stores of a SIMD loop: four floats at once, and the last three one by one.

/** Four floats, or one and three zeros. */
@inline
export function get(at: usize, one: bool): v128 {
  return one ? v128.load32_zero(at) : v128.load(at);
}

@inline
export function put(at: usize, value: v128, one: bool): void {
  if (one) v128.store32_lane(at, value, 0);
  else v128.store(at, value);
}

/** Whether fewer than four floats are left, so that the next step is over one. */
@inline
export function isLast(at: usize, end: usize): bool {
  return at + 16 > end;
}

/** Bytes that a step goes on. */
@inline
export function width(at: usize, end: usize): usize {
  return isLast(at, end) ? 4 : 16;
}
