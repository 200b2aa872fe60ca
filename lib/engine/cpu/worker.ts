/**
 * A thread of the CPU engine: takes tasks, keeps nothing between them but its memory.
 *
 * @module
 */
import { openGemmLibrary } from "~/lib/engine/cpu/gemm/choose_library.ts";
import type { LibrarySource } from "~/lib/engine/cpu/gemm/gemm_library.ts";
import { FREE_BYTES_FROM } from "~/lib/engine/cpu/kernels/kernels.ts";
import type { Thread } from "~/lib/engine/cpu/network.ts";
import { backwardRows, forwardRows, logitLoss, tangentLoss } from "~/lib/engine/cpu/split_pass.ts";
import { perturbedLogits } from "~/lib/engine/cpu/perturbed_logits.ts";
import { trainEpoch } from "~/lib/engine/cpu/train.ts";
import { openWorkspace } from "~/lib/engine/cpu/workspace.ts";
import { type Direction, type Draw, drawDirection } from "~/lib/engine/direction.ts";

/** What this thread works with, once it is opened. */
let thread: Thread;

export interface OpenTask {
  readonly splits: Thread["splits"];
  readonly library: LibrarySource;
}

const TASKS = {
  async open(_: Thread, { splits, library }: OpenTask): Promise<void> {
    thread = { workspace: openWorkspace(await openGemmLibrary(library)), splits };
  },
  trainEpoch,
  forwardRows,
  backwardRows,
  logitLoss,
  tangentLoss,
  perturbedLogits,
  drawDirection: (_: Thread, draw: Draw): Direction => drawDirection(draw),
  gemmRate,
};
export type Tasks = typeof TASKS;

export type Request = {
  [K in keyof Tasks]: { kind: K; ask: Parameters<Tasks[K]>[1] };
}[keyof Tasks];

/** A thread's answer: what was asked for, or why it could not be had. */
export type Response = { answer: unknown } | { error: string };

/** Edge of `gemmRate`'s matrices: large enough that packing is lost in the arithmetic. */
const SIZE = 1536;

/** Best of `repeats` products of square matrices, in FLOP/s: what a share of the peak refers to. */
async function gemmRate(
  { workspace }: Thread,
  { repeats }: { readonly repeats: number },
): Promise<number> {
  const [a, b, c] = [0, 1, 2].map((index) => FREE_BYTES_FROM + index * 4 * SIZE * SIZE);
  workspace.reserve(c! + 4 * SIZE * SIZE);
  // Numbers that vary, as a processor's clock depends on them.
  const values = workspace.floats(a!, 2 * SIZE * SIZE);
  for (let i = 0; i < values.length; i++) values[i] = Math.sin(i);
  let best = Infinity;
  for (let repeat = 0; repeat < repeats; repeat++) {
    const start = performance.now();
    await workspace.gemm("NN", SIZE, SIZE, SIZE, a!, b!, c!);
    best = Math.min(best, performance.now() - start);
  }
  return 2 * SIZE ** 3 / (best / 1000);
}

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Request>) => void;
  postMessage: (response: Response) => void;
};

scope.onmessage = async ({ data: { kind, ask } }): Promise<void> => {
  try {
    scope.postMessage({ answer: await TASKS[kind](thread, ask as never) });
  } catch (error) {
    scope.postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
};
