/**
 * What an optimizer is: one record of this shape, in a file of its own.
 *
 * @module
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import type { Callable, ParameterDomain, Parameters } from "~/lib/domain.ts";
import type { Vector } from "~/lib/model.ts";

/** What one update depends on besides its vectors. */
interface StepOptions {
  readonly learningRate: number;
  /** Which update this is, 1 for the first. */
  readonly t: number;
}

/** One parameter tensor of E networks in an update on TensorFlow.js. */
export interface TensorUpdate {
  readonly weight: Tensor;
  readonly gradient: Tensor;
  /** One a slot, of the weight's shape. */
  readonly slots: readonly Tensor[];
  /** Broadcasts over the weight: shape [E, 1, 1]. */
  readonly learningRate: Tensor;
  /** Which update this is for each network, 1 for the first; shape [E]. */
  readonly t: readonly number[];
}

/** What an update on TensorFlow.js gives: the new weight and one tensor a slot. */
export interface TensorStep {
  readonly weight: Tensor;
  readonly slots: readonly Tensor[];
}

/** How an optimizer with its hyperparameters updates parameters. */
export interface UpdateRule {
  /** Names of the vectors of state that are kept from update to update, shape [P] each, from 0. */
  readonly slots: readonly string[];
  /** The definition that engines are tested against: writes `parameters` and `slots`. */
  step(
    vectors: { parameters: Vector; gradient: Vector; slots: readonly Vector[] },
    options: StepOptions,
  ): void;
  /** The kernel in lib/engine/cpu/kernels that does the same, and the numbers that it takes last. */
  readonly kernel: {
    readonly name: string;
    coefficients(options: StepOptions): readonly number[];
  };
  /** The same with TensorFlow.js's public operations; disposes nothing, call inside `tidy`. */
  tensorStep(tf: typeof import("@tensorflow/tfjs-core"), update: TensorUpdate): TensorStep;
}

/** An optimizer before its hyperparameters are set. */
export interface OptimizerDefinition<H extends Parameters = Parameters> extends Callable {
  readonly parameters: { readonly [K in keyof H]: ParameterDomain };
  /** Why hyperparameters, each in its domain, do not go together: completes "Cannot use ... as". */
  conflict?(hyperparameters: H): string | undefined;
  rule(hyperparameters: H): UpdateRule;
  /** Colour and symbol in figures (Okabe and Ito's palette, readable without colour vision). */
  readonly color: string;
  readonly symbol: string;
}
