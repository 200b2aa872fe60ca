/**
 * The Engine: the arithmetic of the study behind one interface, so that the same trainer and the
 * same measures run on a laptop's cores or on a GPU.
 *
 * @module
 */
import type { Dataset } from "~/lib/dataset.ts";
import type { GemmLibraryName } from "~/lib/engine/cpu/gemm/gemm_library.ts";
import type { LayerSizes, SharedFloats } from "~/lib/model.ts";

/** What ran, as it is written into results. The number of threads is left out: it changes nothing. */
export interface EngineInfo {
  /** "cpu" or "tensorflow". */
  readonly name: string;
  /**
   * The library below, with its version: "OpenBLAS 0.3.21", "onnxruntime-node 1.30.0", "TensorFlow.js 4.22.0
   * webgpu (NVIDIA H100)".
   */
  readonly library: string;
  /** Why this one: "the fastest one here", "demanded", "the run's own"; absent where nothing was chosen. */
  readonly chosen?: string;
}

/** What the networks of a stack have in common. */
export interface StackOptions {
  readonly sizes: LayerSizes;
  /** Images a batch, >= 1; larger than the training set means the full set. */
  readonly batchSize: number;
  /** Canonical text of an optimizer: see `parseOptimizer`. */
  readonly optimizer: string;
}

/** One network of a stack. */
export interface Member {
  readonly learningRate: number;
  /** Flat parameters, shape [P]. */
  readonly parameters: SharedFloats;
  /** The optimizer's state, shape [S * P], slot after slot. */
  readonly state: SharedFloats;
  /** Epochs that it was trained before: Adam's steps depend on their number. */
  readonly epochs: number;
  /**
   * Seed of the order in which it sees the images, a new one every epoch: `permutation` of N, this
   * and the epochs before. Default: file order.
   */
  readonly shuffle?: number | undefined;
}

/** E networks that are trained in lock-step. */
export interface Stack {
  /**
   * Trains every member one epoch: all training images, in file order unless it is shuffled.
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
  /** The gradient, exactly 0 for the last layer's biases; [P] where the whole is asked for, else [0]. */
  readonly gradient: SharedFloats;
}

/** What to evaluate. */
export interface EvaluateOptions {
  readonly split: "train" | "test";
  /** Also the gradient's norm, or all of it. Default: neither. */
  readonly gradient?: "norm" | "whole";
  /** Ends the work between blocks with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * How a direction g_k ~ N(0, I_P) is scaled for a model before the step s:
 *
 * - "global": `s g_k / |g_k|`, the norm over all P parameters;
 * - "tensor": every tensor t (weights and biases apart) by `s |w_t| / |g_k,t|`;
 * - "filter": every row of weights f by `s |w_f| / |g_k,f|`, biases as with "tensor"
 *   (Li et al. arXiv 1712.09913).
 */
export type Scaling = "global" | "tensor" | "filter";

/** Points on a line through every model: the steps may be negative or 0, which is the model itself. */
export interface Ray {
  /** k of the direction g_k, an integer >= 0. */
  readonly direction: number;
  readonly scaling: Scaling;
  readonly steps: readonly number[];
}

/** Which points are asked for. Rays of one direction share its product with the images. */
export interface PerturbOptions {
  /** Seed of all directions. */
  readonly seed: number;
  readonly rays: readonly Ray[];
  /** Also the losses with the normalisation's statistics kept at those of w. Default false. */
  readonly frozen?: boolean;
  /** Called as work is done: losses finished and in all. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Aborts between blocks of work with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Losses of one model on the full training split, mean cross-entropies in nats. */
export interface PerturbedLosses {
  /** L(w), by the same products as the others: a step of 0 gives exactly this. */
  readonly loss: number;
  /** By ray and step, logits normalised with their own statistics. */
  readonly losses: readonly (readonly number[])[];
  /** By ray and step, fractions 0..1 of rows whose largest logit is the label's. */
  readonly accuracies: readonly (readonly number[])[];
  /** By ray and step, with the statistics at w; empty where not asked for. */
  readonly frozen: readonly (readonly number[])[];
}

/**
 * A network's Hessian H, known by its products; it holds what they have in common, which on the CPU
 * is a forward pass, until it is dropped.
 */
export interface Hessian {
  /**
   * Exact products H v, by forward over reverse through ReLU, the normalisation over all rows and
   * cross-entropy (Pearlmutter 1994, https://doi.org/10.1162/neco.1994.6.1.147).
   *
   * @param vectors Shape [P] each; read, never written.
   * @returns One a vector, shape [P].
   */
  multiply(vectors: readonly SharedFloats[]): Promise<SharedFloats[]>;
}

/** Training, evaluation, losses along rays and curvature, for one data set. */
export interface Engine {
  readonly info: EngineInfo;
  /** Stacks worth working on at once: threads of a CPU, 1 on a GPU. */
  readonly concurrency: number;
  /** Members worth having in one stack: 1 on a CPU, what memory allows on a GPU. */
  stackSize(options: StackOptions): number;
  /** Trains, on the stack that it returns. Members' arrays are written by `save()` only. */
  createStack(options: StackOptions, members: readonly Member[]): Promise<Stack>;
  /** One evaluation a model. */
  evaluate(
    sizes: LayerSizes,
    models: readonly SharedFloats[],
    options: EvaluateOptions,
  ): Promise<Evaluation[]>;
  /** Losses on the full training split at points around each model. */
  perturbedLosses(
    sizes: LayerSizes,
    models: readonly SharedFloats[],
    options: PerturbOptions,
  ): Promise<PerturbedLosses[]>;
  /** The Hessian of the full training loss at a model, which may not change while it is in use. */
  openHessian(sizes: LayerSizes, model: SharedFloats, signal?: AbortSignal): Promise<Hessian>;
  /** Frees threads and device memory; the engine is of no use afterwards. */
  close(): Promise<void>;
}

/** What an engine is made from: the data, and what it may use. */
export interface EngineOptions {
  readonly dataset: Dataset;
  /** Threads of the CPU engine; default: the machine's cores. */
  readonly threads?: number | undefined;
  /**
   * What a run that goes on was computed with, where nothing is demanded and if it is there: the CPU
   * engine's matrix library, see `gemmLibraryOf`, or the GPU. Default: what is fast here.
   */
  readonly prefer?: GemmLibraryName | "gpu" | undefined;
  /**
   * File that keeps which matrix library was the fastest on each machine, so that the choice is
   * made once. Default: none, and it is made each time.
   */
  readonly choices?: string | undefined;
  /** Gets one line whenever something is chosen: what, and why. Default: nobody. */
  readonly onMessage?: ((message: string) => void) | undefined;
  /**
   * Bytes that the engine may use. On a device, images included, default 4 GiB, which cards of the last
   * ten years have: WebGPU does not tell how much there is. On the CPU, for what is kept around networks
   * instead of computed again, default 1.5e9, or 2.5e8 a thread where that is more; it changes no result.
   */
  readonly memory?: number;
}
