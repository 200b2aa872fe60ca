/**
 * The rate of the matrix library itself: what a benchmark's share of the peak refers to.
 *
 * @module
 */
import type { Workspace } from "~/lib/engine/cpu/workspace.ts";
import { FREE_BYTES_FROM } from "~/lib/engine/cpu/kernels/kernels.ts";

/** Edge of the square matrices: large enough that packing is lost in the arithmetic. */
const SIZE = 1536;

/** Best of `repeats` products of square matrices, in FLOP/s. */
export async function gemmRate(workspace: Workspace, repeats: number): Promise<number> {
  const bytes = 4 * SIZE * SIZE;
  const [a, b, c] = [0, 1, 2].map((index) => FREE_BYTES_FROM + index * bytes);
  workspace.reserve(FREE_BYTES_FROM + 3 * bytes);
  // Numbers that vary, as a processor's clock depends on them.
  const values = new Float32Array(workspace.memory.buffer, a, 2 * SIZE * SIZE);
  for (let i = 0; i < values.length; i++) values[i] = Math.sin(i);
  let best = Infinity;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const start = performance.now();
    await workspace.gemm(false, false, SIZE, SIZE, SIZE, 1, a!, b!, 0, c!);
    best = Math.min(best, performance.now() - start);
  }
  return 2 * SIZE ** 3 / (best / 1000);
}
