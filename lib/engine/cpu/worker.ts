/**
 * A thread of the CPU engine: takes tasks, keeps nothing between them but its memory.
 *
 * @module
 */
import { gemmRate } from "~/lib/engine/cpu/gemm_rate.ts";
import { openWorkspace, type Workspace } from "~/lib/engine/cpu/workspace.ts";
import type { SharedSplit } from "~/lib/engine/cpu/pass.ts";
import { pairLoss, type PairTask, perturbedLogits } from "~/lib/engine/cpu/perturb.ts";
import { type EpochTask, evaluate, trainEpoch } from "~/lib/engine/cpu/train.ts";
import { drawDirection } from "~/lib/engine/direction.ts";
import type { Evaluation, SharedFloats } from "~/lib/engine/engine.ts";
import { type GemmLibraryName, openGemmLibrary } from "~/lib/engine/cpu/gemm/gemm.ts";
import type { LayerSizes } from "~/lib/model.ts";

/** What a thread can be asked, and what it answers. */
export interface Tasks {
  open: {
    ask: { splits: Record<"train" | "test", SharedSplit>; library: GemmLibraryName };
    answer: void;
  };
  trainEpoch: { ask: EpochTask; answer: number };
  evaluate: {
    ask: {
      sizes: LayerSizes;
      parameters: SharedFloats;
      split: "train" | "test";
      gradient: boolean;
    };
    answer: Evaluation;
  };
  /** Draws direction `k` into `out`; answers 1 / |g_k|, or 0 where `k` is null. */
  drawDirection: { ask: { out: SharedFloats; seed: number; k: number | null }; answer: number };
  perturbedLogits: { ask: { task: PairTask; start: number; count: number }; answer: void };
  pairLoss: { ask: { task: PairTask; pair: number }; answer: number };
  /** Best rate of one large product on this thread, in FLOP/s. */
  gemmRate: { ask: { repeats: number }; answer: number };
}

/** A message to a thread. */
export type Request = { [K in keyof Tasks]: { kind: K; ask: Tasks[K]["ask"] } }[keyof Tasks];

/** A thread's answer: what was asked for, or why it could not be had. */
export type Response = { answer: unknown } | { error: string };

let workspace: Workspace;
let splits: Record<"train" | "test", SharedSplit>;

async function perform(request: Request): Promise<unknown> {
  switch (request.kind) {
    case "open": {
      workspace = openWorkspace(await openGemmLibrary(request.ask.library));
      splits = request.ask.splits;
      return;
    }
    case "trainEpoch":
      return await trainEpoch(workspace, splits.train, request.ask);
    case "evaluate":
      return await evaluate(workspace, splits[request.ask.split], request.ask.sizes, request.ask);
    case "drawDirection":
      return drawDirection(request.ask.out, request.ask.seed, request.ask.k).inverseNorm;
    case "perturbedLogits":
      return await perturbedLogits(workspace, splits.train, request.ask.task, request.ask);
    case "pairLoss":
      return pairLoss(workspace, splits.train, request.ask.task, request.ask.pair);
    case "gemmRate":
      return await gemmRate(workspace, request.ask.repeats);
  }
}

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Request>) => void;
  postMessage: (response: Response) => void;
};

scope.onmessage = async (event): Promise<void> => {
  try {
    scope.postMessage({ answer: await perform(event.data) });
  } catch (error) {
    scope.postMessage({ error: error instanceof Error ? error.message : String(error) });
  }
};
