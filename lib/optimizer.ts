/**
 * SGD and AdaGrad as update rules: the definition that every engine's own kernels must reproduce.
 *
 * @module
 */

/** The optimizers' names, as they stand in file names and results. */
export const OPTIMIZERS = ["SGD", "AdaGrad"] as const;
export type OptimizerName = typeof OPTIMIZERS[number];

/** Added to the root of the accumulator in AdaGrad (PyTorch's default). */
export const ADAGRAD_EPSILON = 1e-10;

/** Any vector of numbers that an update rule can write: float32 in engines, float64 in tests. */
export type Vector = Float32Array | Float64Array;

/** An update rule on flat vectors of the same length P. */
export interface Optimizer {
  /** Numbers of state a parameter, kept in checkpoints: 0 or 1. */
  readonly stateSlots: 0 | 1;
  /** Moves `parameters` against `gradient`; `accumulator` is empty where `stateSlots` is 0. */
  step(parameters: Vector, gradient: Vector, accumulator: Vector, learningRate: number): void;
}

/**
 * The update rules.
 *
 * - SGD, no momentum, no decay: `w -= lr g`.
 * - AdaGrad, accumulator from 0: `a += g^2; w -= lr g / (sqrt(a) + 1e-10)`
 *   (Duchi, Hazan and Singer, https://jmlr.org/papers/v12/duchi11a.html).
 */
export const optimizers: Readonly<Record<OptimizerName, Optimizer>> = {
  SGD: {
    stateSlots: 0,
    step(parameters, gradient, _accumulator, learningRate): void {
      for (let i = 0; i < parameters.length; i++) parameters[i]! -= learningRate * gradient[i]!;
    },
  },
  AdaGrad: {
    stateSlots: 1,
    step(parameters, gradient, accumulator, learningRate): void {
      for (let i = 0; i < parameters.length; i++) {
        const g = gradient[i]!;
        accumulator[i]! += g * g;
        parameters[i]! -= learningRate * g / (Math.sqrt(accumulator[i]!) + ADAGRAD_EPSILON);
      }
    },
  },
};

/**
 * Zeros for the optimizer's state, shape [stateSlots * P], in memory that threads can share.
 */
export function allocateState(
  name: OptimizerName,
  parameterCount: number,
): Float32Array<SharedArrayBuffer> {
  return new Float32Array(
    new SharedArrayBuffer(4 * optimizers[name].stateSlots * parameterCount),
  );
}
