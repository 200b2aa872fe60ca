/**
 * What a measure is: one record of this shape, in a file of its own.
 *
 * @module
 */
import type { ParameterDomain, Parameters } from "~/lib/domain.ts";
import type { Engine, PerturbedLosses, Ray, SharedFloats } from "~/lib/engine.ts";
import type { LayerSizes } from "~/lib/model.ts";

/** A network before it is evaluated. */
export interface UnevaluatedNetwork {
  readonly sizes: LayerSizes;
  /** Flat parameters, shape [P]; read, never written. */
  readonly parameters: SharedFloats;
  /** Of the trajectory that it is on, where it is on one: the optimizer's canonical text. */
  readonly optimizer?: string;
  readonly learningRate?: number;
  /** The optimizer's state at this network, shape [S * P], where it was kept. */
  readonly state?: Float32Array;
}

/** A network that is measured, with what is known of it already. */
export interface MeasuredNetwork extends UnevaluatedNetwork {
  /** Of the full splits, in nats and fractions. */
  readonly trainLoss: number;
  readonly trainAccuracy: number;
  readonly testLoss: number;
  readonly testAccuracy: number;
}

/** An estimate with what says how far it can be trusted; plain JSON. */
export interface MeasureValue {
  readonly estimate: number;
  /** Over directions; null where the estimate is not a mean over random draws. */
  readonly standardError: number | null;
  /** Samples, curves, residuals, `converged`: what the measure's own file documents. */
  readonly [detail: string]: unknown;
}

/** Losses of the rays that a measure asked for, in the order in which it asked. */
export type RayLosses = Pick<PerturbedLosses, "loss" | "losses" | "frozen">;

/** How a measure computes on an engine by itself. */
export interface ComputeOptions<P extends Parameters> {
  readonly p: P;
  /** Seed of the study's directions. */
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** Share of the work that is done, 0..1. */
  readonly onProgress?: (done: number) => void;
}

/** What findings and options ask of a measure, so that they name none; absent: false. */
export interface MeasureTraits {
  /** Unchanged where a layer is rescaled and the function is not. */
  readonly isScaleFree?: boolean;
  /** The one that every effect is looked for in beside the study's own. */
  readonly isLead?: boolean;
  /** Asks whether an effect is more than one of scale, slope or statistics. */
  readonly isCrossCheck?: boolean;
  /** What others are ranked against. */
  readonly isOutcome?: boolean;
  /** Takes the `directions` and the `radius` that a study is set to. */
  readonly isAtStudyRadius?: boolean;
}

/** A measure before its parameters are set. */
export interface MeasureDefinition<P extends Parameters = Parameters> extends MeasureTraits {
  /** As it stands on the command line and in results: "lambda-max". */
  readonly name: string;
  /** One sentence with the formula and its source. */
  readonly summary: string;
  /** Of the estimate: "nats", "1", "nats per unit^2". */
  readonly unit: string;
  /** Of an axis that shows the estimate, without the unit. */
  readonly label: string;
  readonly parameters: { readonly [K in keyof P]: ParameterDomain };
  /** Forward passes over the training set that a network costs by itself, nothing shared. */
  passes(p: P): number;
  /**
   * How it is computed: from losses on rays (all measures' rays of a network go through the engine
   * together, so that directions and points in common are computed once), from the evaluation alone,
   * or by itself on the engine.
   */
  readonly how:
    | {
      readonly kind: "rays";
      /** Whether it reads `frozen`. */
      readonly frozen?: boolean;
      rays(p: P): readonly Ray[];
      estimate(losses: RayLosses, network: MeasuredNetwork, p: P): MeasureValue;
    }
    | { readonly kind: "evaluation"; estimate(network: MeasuredNetwork, p: P): MeasureValue }
    | {
      readonly kind: "engine";
      compute(
        engine: Engine,
        network: MeasuredNetwork,
        options: ComputeOptions<P>,
      ): Promise<MeasureValue>;
    };
  /** Why it cannot be had of this network, in words that follow "as"; undefined where it can. */
  unavailable?(network: UnevaluatedNetwork, p: P): string | undefined;
}

/** For inference of P in a measure's file. */
export function defineMeasure<P extends Parameters>(
  definition: MeasureDefinition<P>,
): MeasureDefinition<P> {
  return definition;
}
