/**
 * Where axes end, and where ticks of logarithmic ones stand.
 *
 * @module
 */

/** Smallest and largest of finite values; 0.1 and 1 for none, so that any axis can be drawn. */
export function extent(values: readonly number[]): [low: number, high: number] {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return [0.1, 1];
  // Not Math.min(...values): a long list of arguments overflows the stack.
  return finite.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
}

/** An interval with such a share of its length more on both sides; one of no length grows by half. */
export function padded(
  [low, high]: readonly [number, number],
  share: number,
): [low: number, high: number] {
  const pad = high > low ? share * (high - low) : 0.5 * Math.abs(low) || 0.5;
  return [low - pad, high + pad];
}

/** Powers of ten between two numbers > 0, every second or third where there would be more than `most`. */
export function decadeTicks(low: number, high: number, most = 7): number[] {
  const [first, last] = [Math.ceil(Math.log10(low)), Math.floor(Math.log10(high))];
  const step = Math.max(1, Math.ceil((last - first + 1) / most));
  const decades = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  return decades.filter((decade) => (decade - last) % step === 0)
    .map((decade) => Number(`1e${decade}`));
}

/** `decadeTicks`, with 3, or 2 and 5, times them where there would be fewer than three. */
export function logTicks(low: number, high: number): number[] {
  const decades = decadeTicks(low, high);
  if (decades.length >= 3) return decades;
  const parts = decades.length === 2 ? [1, 3] : [1, 2, 5];
  const first = Math.floor(Math.log10(low));
  const count = Math.floor(Math.log10(high)) - first + 1;
  return Array.from({ length: count }, (_, i) => first + i)
    .flatMap((decade) => parts.map((part) => Number(`${part}e${decade}`)))
    .filter((value) => value >= low && value <= high);
}
