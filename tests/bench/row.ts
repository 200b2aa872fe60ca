/** What a benchmark measures, how often, and how it is said. @module */
import jstat from "jstat";
import { plural } from "~/lib/files/numbers.ts";

/** One measurement on one engine. */
export interface Row {
  /** The optimizer that trained, or what was computed on the full set: "sharpness", "gradient". */
  readonly optimizer: string;
  readonly batchSize: number;
  /** The matrix library with its version and kernels. */
  readonly engine: string;
  readonly threads: number;
  /** Images of the training set. */
  readonly images: number;
  /** Training: images a second, summed over threads. On the full set: losses, gradients, products. */
  readonly samplesPerSecond: number;
  /**
   * Fraction of the matrix library's rate in the same run, 0..1, absent for measures; above 1 where
   * products are shared that a pass for each sample would compute.
   */
  readonly peakShare?: number;
  /** On the full set: networks that were worked on together, which share directions. */
  readonly networks?: number;
  /** On the full set: seconds for one network, all threads at it. */
  readonly secondsPerNetwork?: number;
  /** The same in forward passes of the same images, measured in the same run. */
  readonly passes?: number;
}

/** A row in words. */
export function describeRow(row: Row): string {
  const isTraining = row.passes === undefined;
  const rate = row.samplesPerSecond;
  const parts = [
    row.engine,
    plural(row.threads, "thread"),
    row.optimizer.padEnd(isTraining ? 9 : 12),
    isTraining
      ? `batch ${String(row.batchSize).padStart(5)}`
      : `${row.networks} on ${row.images} images`,
    `${rate.toFixed(rate < 100 ? 2 : 0).padStart(8)} ${isTraining ? "images/s" : "a second"}`,
    row.peakShare === undefined
      ? " ".repeat(15)
      : `${(100 * row.peakShare).toFixed(0).padStart(4)} % of sgemm`,
  ];
  if (!isTraining) {
    parts.push(
      `${row.secondsPerNetwork!.toPrecision(3)} s a network, ${row.passes!.toFixed(1)} passes`,
    );
  }
  return parts.join("  ");
}

/** Jstat's, which has no types. */
export const { median }: { median(values: readonly number[]): number } = jstat;

/** Times that everything is measured; the median is told. */
const REPEATS = 5;

/**
 * Median seconds of `work` in five runs.
 *
 * @param signal Aborts between runs with its reason.
 */
export async function medianSeconds(
  work: () => Promise<unknown>,
  signal: AbortSignal,
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
