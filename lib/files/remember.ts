/**
 * Results of functions, remembered as long as what they were computed from lives.
 *
 * @module
 */

/** The same function, which computes once for the same two objects and third argument. */
export function remember<A extends object, B extends object, C, T>(
  compute: (first: A, second: B, third?: C) => T,
): (first: A, second: B, third?: C) => T {
  const known = new WeakMap<A, WeakMap<B, Map<C | undefined, T>>>();
  return (first, second, third) => {
    const bySecond = known.get(first) ?? new WeakMap<B, Map<C | undefined, T>>();
    const byThird = bySecond.get(second) ?? new Map<C | undefined, T>();
    known.set(first, bySecond.set(second, byThird));
    if (!byThird.has(third)) byThird.set(third, compute(first, second, third));
    return byThird.get(third)!;
  };
}
