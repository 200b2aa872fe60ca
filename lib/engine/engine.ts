/**
 * The Engine: the arithmetic of the study behind three questions, so that the same trainer and
 * sampler run on a laptop's cores or on a GPU.
 *
 * @module
 */
import type { Dataset } from "~/lib/dataset.ts";
import type { LayerSizes } from "~/lib/model.ts";
import type { OptimizerName } from "~/lib/optimizer.ts";

/** float32 in memory that threads can share. */
export type SharedFloats = Float32Array<SharedArrayBuffer>;

/** What ran, as it is written into results. The number of threads is left out: it changes nothing. */
export interface EngineInfo {
  /** "cpu" or "tensorflow". */
  readonly name: string;
  /** The library below, with its version: "OpenBLAS 0.3.21", "onnxruntime-node 1.30.0", "webgpu (NVIDIA H100)". */
  readonly library: string;
}

/** What the networks of a stack have in common. */
export interface StackOptions {
  readonly sizes: LayerSizes;
  /** Images a batch, >= 1; larger than the training set means the full set. */
  readonly batchSize: number;
  readonly optimizer: OptimizerName;
}

/** One network of a stack. */
export interface Member {
  readonly learningRate: number;
  /** Flat parameters, shape [P]. */
  readonly parameters: SharedFloats;
  /** The optimizer's state, shape [stateSlots * P]. */
  readonly state: SharedFloats;
}

/** E networks that are trained in lock-step. */
export interface Stack {
  /** Members still in the stack, E. */
  readonly size: number;
  /**
   * Question 1. Trains every member one epoch: all training images in file order.
   *
   * @returns The unweighted mean of each member's batch losses in nats, shape [E]; NaN or infinite
   * where training diverged.
   */
  trainEpoch(): Promise<number[]>;
  /** Writes every member's parameters and state into the arrays that it was created from. */
  save(): Promise<void>;
  /** Drops the members whose place in `keep` is false; the others keep their order. */
  retain(keep: readonly boolean[]): void;
  /** Frees what the stack holds on the device. */
  dispose(): void;
}

/** A network on a whole split, logits normalised with the statistics of all its rows. */
export interface Evaluation {
  /** Mean cross-entropy in nats. */
  readonly loss: number;
  /** Fraction of rows whose largest logit is the label's, 0..1. */
  readonly accuracy: number;
  /** Euclidean norm of the loss's gradient over all P parameters; only where asked for, else NaN. */
  readonly gradientNorm: number;
}

/** What to evaluate. */
export interface EvaluateOptions {
  readonly split: "train" | "test";
  /** Also the gradient's norm. */
  readonly gradient: boolean;
}

/** Points at and around a minimum: w + radius u_k for k in `directions`. */
export interface PerturbOptions {
  /** Seed of all directions. */
  readonly seed: number;
  /** Which directions, integers >= 0; null for w itself. */
  readonly directions: readonly (number | null)[];
  /** Length of the step, >= 0, in the norm of all P parameters. */
  readonly radius: number;
  /** Called as work is done: losses finished and in all. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Aborts between blocks of work with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** The three questions, for one data set. */
export interface Engine {
  readonly info: EngineInfo;
  /** Stacks worth working on at once: threads of a CPU, 1 on a GPU. */
  readonly concurrency: number;
  /** Members worth having in one stack: 1 on a CPU, what memory allows on a GPU. */
  stackSize(options: StackOptions): number;
  /** Question 1, on the stack that it returns. Members' arrays are written by `save()` only. */
  createStack(options: StackOptions, members: readonly Member[]): Promise<Stack>;
  /** Question 2. One evaluation a model. */
  evaluate(
    sizes: LayerSizes,
    models: readonly SharedFloats[],
    options: EvaluateOptions,
  ): Promise<Evaluation[]>;
  /**
   * Question 3. Losses on the full training split at w + r u_k for every model and direction.
   *
   * @returns Mean cross-entropies in nats, shape [models][directions].
   */
  perturbedLosses(
    sizes: LayerSizes,
    models: readonly SharedFloats[],
    options: PerturbOptions,
  ): Promise<number[][]>;
  /** Frees threads and device memory; the engine is of no use afterwards. */
  close(): Promise<void>;
}

/** What an engine is made from. */
export interface EngineOptions {
  readonly dataset: Dataset;
  /** Threads of the CPU engine; default: the machine's cores. */
  readonly threads?: number;
}
