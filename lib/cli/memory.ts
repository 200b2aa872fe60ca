/**
 * How much memory a command takes.
 *
 * @module
 */

/**
 * Bytes at most that `reproduce` takes on the CPU with the study's network. Measured with all measures
 * of the preset quick: 0.91 GB for 10,000 images and one thread, 1.19 GB for two threads, 2.31 GB for
 * 50,000 images and two threads; what training alone takes is some 40 % of it.
 */
export function memoryOf(
  { images, threads }: { readonly images: number; readonly threads: number },
): number {
  return 360e6 + 28e3 * images + 280e6 * threads;
}

/** "1.2 GB". */
export function formatBytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
