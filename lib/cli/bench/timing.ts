/**
 * Repeated measurements of time.
 *
 * @module
 */
import type { CpuEngine } from "~/lib/engine.ts";

/** Where something is measured. */
export interface EngineBench {
  readonly engine: CpuEngine;
  /** Images of the engine's training set. */
  readonly images: number;
  /** Its matrix library's rate on all threads, FLOP/s. */
  readonly peak: number;
  /** Aborts between measurements with its reason. */
  readonly signal: AbortSignal;
}

/** Times that everything is measured; the median is told. */
const REPEATS = 5;

/**
 * Median seconds of `work` in five runs.
 *
 * @param signal Aborts between runs with its reason.
 */
export async function medianSeconds(
  work: () => Promise<unknown>,
  { signal }: Pick<EngineBench, "signal">,
): Promise<number> {
  const seconds: number[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    signal.throwIfAborted();
    const start = performance.now();
    await work();
    seconds.push((performance.now() - start) / 1000);
  }
  return median(seconds);
}

/** The middle one in order of size, of an even number the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
