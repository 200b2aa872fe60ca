/**
 * A thread of the CPU engine: takes tasks, keeps nothing between them but its memory.
 *
 * @module
 */
import { gemmRate } from "~/lib/engine/cpu/gemm_rate.ts";
import { openWorkspace, type Workspace } from "~/lib/engine/cpu/workspace.ts";
import type { SharedSplit } from "~/lib/engine/cpu/pass.ts";
import { perturbedLogits, type RayTask } from "~/lib/engine/cpu/perturbed_logits.ts";
import { type PointLoss, pointLoss, type PointTask } from "~/lib/engine/cpu/point_loss.ts";
import { type EpochTask, trainEpoch } from "~/lib/engine/cpu/train.ts";
import { drawDirection } from "~/lib/engine/direction.ts";
import {
  backwardPiece,
  forwardPiece,
  type Piece,
  splitLoss,
  type SplitPass,
} from "~/lib/engine/cpu/split_pass.ts";
import {
  type Tangent,
  tangentBackwardPiece,
  tangentForwardPiece,
  tangentLoss,
  type TangentTask,
} from "~/lib/engine/cpu/tangent_pass.ts";
import type { SharedFloats } from "~/lib/engine/engine.ts";
import { measureParts, type PartNorms } from "~/lib/engine/scaling.ts";
import { openGemmLibrary } from "~/lib/engine/cpu/gemm/gemm.ts";
import type { GemmLibraryName } from "~/lib/engine/cpu/gemm/gemm_library.ts";
import type { LayerSizes } from "~/lib/model.ts";

/** What a thread can be asked, and what it answers. */
export interface Tasks {
  open: {
    ask: { splits: Record<"train" | "test", SharedSplit>; library: GemmLibraryName };
    answer: void;
  };
  trainEpoch: { ask: EpochTask; answer: number };
  forwardPiece: { ask: { pass: SplitPass; piece: Piece }; answer: void };
  splitLoss: { ask: SplitPass; answer: { loss: number; correct: number } };
  backwardPiece: { ask: { pass: SplitPass; piece: Piece; out: SharedFloats }; answer: void };
  tangentForwardPiece: { ask: TangentTask; answer: void };
  tangentLoss: { ask: { pass: SplitPass; tangent: Tangent }; answer: void };
  tangentBackwardPiece: { ask: TangentTask & { out: readonly SharedFloats[] }; answer: void };
  /** Draws direction `k` into `out`; answers 1 / |g_k|, and the norms of its parts if asked to. */
  drawDirection: {
    ask: { sizes: LayerSizes; out: SharedFloats; seed: number; k: number; parts: boolean };
    answer: { inverseNorm: number; norms?: PartNorms };
  };
  perturbedLogits: { ask: { task: RayTask; start: number; count: number }; answer: void };
  pointLoss: { ask: PointTask; answer: PointLoss };
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
    case "forwardPiece": {
      const { pass, piece } = request.ask;
      return await forwardPiece(workspace, splits[pass.split], pass, piece);
    }
    case "splitLoss":
      return splitLoss(workspace, splits[request.ask.split], request.ask);
    case "backwardPiece":
      return await backwardPiece(workspace, splits[request.ask.pass.split], request.ask);
    case "tangentForwardPiece":
      return await tangentForwardPiece(workspace, splits.train, request.ask);
    case "tangentLoss":
      return tangentLoss(workspace, splits.train, request.ask);
    case "tangentBackwardPiece":
      return await tangentBackwardPiece(workspace, splits.train, request.ask);
    case "drawDirection": {
      const { sizes, out, seed, k, parts } = request.ask;
      const { inverseNorm } = drawDirection(out, seed, k);
      return { inverseNorm, ...(parts ? { norms: measureParts(sizes, out) } : {}) };
    }
    case "perturbedLogits":
      return await perturbedLogits(workspace, splits.train, request.ask.task, request.ask);
    case "pointLoss":
      return pointLoss(workspace, splits.train, request.ask);
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
