/**
 * What a measure is: one record of this shape.
 *
 * @module
 */
import type { Callable, Parameters } from "~/lib/domain.ts";
import type { Engine, Evaluation, Hessian, Ray } from "~/lib/engine.ts";
import type { LayerSizes, SharedFloats } from "~/lib/model.ts";

/** A network that is measured. */
export interface MeasuredNetwork {
  readonly sizes: LayerSizes;
  /** Flat parameters, shape [P]; read, never written. */
  readonly parameters: SharedFloats;
  /** Canonical text, where the network is on a known trajectory. */
  readonly optimizer?: string;
  readonly learningRate?: number;
  /** The optimizer's, shape [S * P]; empty, too, where it was not kept. */
  readonly state?: Float32Array | undefined;
  /** Losses in nats and accuracies as fractions, where it was evaluated. */
  readonly trainLoss?: number | undefined;
  readonly trainAccuracy?: number | undefined;
  readonly testLoss?: number | undefined;
  readonly testAccuracy?: number | undefined;
}

/** An estimate with what says how far it can be trusted; plain JSON. */
export interface MeasureValue {
  readonly estimate: number;
  /** Over directions; null where the estimate is not a mean over random draws. */
  readonly standardError: number | null;
  /** Samples, curves, residuals, `converged`: what the measure's own comment says. */
  readonly [detail: string]: unknown;
}

/**
 * The largest residual of an eigenvalue, relative to it. With more, Lanczos's method may not have met the
 * largest one yet, and has a lower bound: of 107 values of this study with residuals of 7 % or more, 40 had
 * a larger eigenvalue beyond value + residual, and of 67 with 1 to 7 %, 7.
 */
const LARGEST_RESIDUAL = 0.01;

/** Whether its residual is above 1 %: the largest eigenvalue may lie above it. */
export function isLowerBound(
  { estimate, residual }: Pick<MeasureValue, "estimate"> & { readonly residual?: unknown },
): boolean {
  return Number(residual ?? 0) > LARGEST_RESIDUAL * Math.abs(estimate);
}

/** What a measure is computed from, besides the network. */
export interface ComputeOptions {
  readonly engine: Engine;
  /** Of the study's directions. */
  readonly seed: number;
  readonly signal: AbortSignal;
  /** Share of its passes that is done, 0..1. */
  readonly onProgress: (done: number) => void;
  /** The loss where its rays leave and on them, shape [rays][steps], in nats, all finite. */
  readonly rayLosses: () => { readonly loss: number; readonly losses: number[][] };
  /** At the network itself on the training images, computed once for all measures. */
  readonly gradient: () => Promise<Evaluation>;
  readonly hessian: () => Promise<Hessian>;
}

/** How a value comes about; one without rays and passes needs the evaluation only. */
export interface MeasureMethod {
  /** Along which the losses are computed with those of other measures and networks. */
  readonly rays?: readonly Ray[];
  /** Makes the weights that they leave from, shape [P], of the network's own; else they are those. */
  readonly centre?: (sizes: LayerSizes, parameters: SharedFloats) => SharedFloats;
  /** Whether they are those with the normalisation's statistics kept. */
  readonly frozen?: boolean;
  /** Forward passes over the training set that it takes by itself. */
  readonly passes?: number;
  compute(network: MeasuredNetwork, options: ComputeOptions): MeasureValue | Promise<MeasureValue>;
}

/** A measure before its parameters are set. Others ask its `is...`, and rarely its name. */
export interface MeasureDefinition<P = Parameters> extends Callable {
  /** Of the estimate: "nats", "1", "nats per unit^2". */
  readonly unit: string;
  /** Of an axis, without the unit. */
  readonly label: string;
  /** The one that every effect is looked for in beside the study's own. */
  readonly isLead?: boolean;
  /** The study's own without the noise of the slope: what is shown along training. */
  readonly isAlongTraining?: boolean;
  /** The optimizer that is stable at full batch while learning rate x this stays below 2. */
  readonly edgeOf?: string;
  /** Asks whether an effect is more than one of scale, slope or statistics. */
  readonly isCrossCheck?: boolean;
  /** What others are ranked against. */
  readonly isOutcome?: boolean;
  /** Its estimate is another measure's, of fewer directions. */
  readonly isRepeat?: boolean;
  /** Takes the `directions` and the `radius` that a study is set to. */
  readonly isAtStudyRadius?: boolean;
  method(p: P): MeasureMethod;
  /** The slot of the optimizer's state that it needs, where it needs one. */
  readonly slot?: string;
}

/** A measure whose parameters are set; a value is kept under its text. */
export interface Measure extends Omit<MeasureDefinition, "parameters" | "method"> {
  /** Canonical: "sharpness", "antithetic(directions=16)". The same text is the same measure. */
  readonly text: string;
  /** All of them, defaults filled in. */
  readonly parameters: Parameters;
  readonly method: MeasureMethod;
}

/** A loss, gradient or curvature that a measure needs is NaN or infinite. */
export class NotFiniteError extends Error {
  override readonly name = "NotFiniteError";
}

/** @throws {NotFiniteError} Whoever measures puts "Cannot measure <measure> as" in front. */
export function validateFinite(value: number, what: string): number {
  if (Number.isFinite(value)) return value;
  throw new NotFiniteError(`${what} must be finite: current value is ${value}`);
}
