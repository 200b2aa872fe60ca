/**
 * How much memory a command takes.
 *
 * @module
 */

/** Deno with its packages and a matrix library. */
const PROGRAM = 250e6;
/** A training image, and the test set's 10,000 as well. */
const IMAGE = 4 * 3072;
/** Of a thread: a network, its optimizer's state, its gradient and a block of rows. */
const THREAD = 90e6;

/**
 * Bytes at most that a command takes on the CPU with the study's network; measures of curvature
 * included.
 */
export function memoryOf(
  { images, threads }: { readonly images: number; readonly threads: number },
): number {
  return PROGRAM + (images + 10_000) * IMAGE + threads * THREAD;
}

/** "1.2 GB". */
export function formatBytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
