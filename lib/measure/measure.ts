/**
 * A measure whose parameters are set.
 *
 * @module
 */
import { type Call, formatCall, type Parameters } from "~/lib/domain.ts";
import type { Engine, Ray } from "~/lib/engine.ts";
import type {
  ComputeOptions,
  MeasureDefinition,
  MeasuredNetwork,
  MeasureTraits,
  MeasureValue,
  RayLosses,
  UnevaluatedNetwork,
} from "~/lib/measure/definition.ts";

/** How it is computed: see `MeasureDefinition.how`. */
export type MeasureMethod =
  | {
    readonly kind: "rays";
    readonly frozen: boolean;
    readonly rays: readonly Ray[];
    estimate(losses: RayLosses, network: MeasuredNetwork): MeasureValue;
  }
  | { readonly kind: "evaluation"; estimate(network: MeasuredNetwork): MeasureValue }
  | {
    readonly kind: "engine";
    compute(
      engine: Engine,
      network: MeasuredNetwork,
      options: Omit<ComputeOptions<Parameters>, "p">,
    ): Promise<MeasureValue>;
  };

/** A measure whose parameters are set; a value is kept under its text. */
export interface Measure extends MeasureTraits {
  /** Canonical: "sharpness", "antithetic(directions=16)". The same text is the same measure. */
  readonly text: string;
  readonly name: string;
  /** One sentence with the formula and its source. */
  readonly summary: string;
  /** Of the estimate: "nats", "1". */
  readonly unit: string;
  /** Of an axis that shows the estimate, without the unit. */
  readonly label: string;
  /** All of them, defaults filled in. */
  readonly parameters: Parameters;
  /** Forward passes over the training set that a network costs by itself, nothing shared. */
  readonly passes: number;
  readonly method: MeasureMethod;
  /** Why it cannot be had of this network, in words that follow "as"; undefined where it can. */
  unavailable(network: UnevaluatedNetwork): string | undefined;
}

/** Sets a definition's parameters. */
export function setParameters(definition: MeasureDefinition, call: Call): Measure {
  const p = call.parameters;
  const { parameters, how: _how, ...described } = definition;
  return {
    text: formatCall(call, parameters),
    ...described,
    parameters: p,
    passes: definition.passes(p),
    method: setMethod(definition, p),
    unavailable: (network) => definition.unavailable?.(network, p),
  };
}

function setMethod({ how }: MeasureDefinition, p: Parameters): MeasureMethod {
  switch (how.kind) {
    case "rays":
      return {
        kind: "rays",
        frozen: how.frozen ?? false,
        rays: how.rays(p),
        estimate: (losses, network) => how.estimate(losses, network, p),
      };
    case "evaluation":
      return { kind: "evaluation", estimate: (network) => how.estimate(network, p) };
    case "engine":
      return {
        kind: "engine",
        compute: (engine, network, options) => how.compute(engine, network, { ...options, p }),
      };
  }
}
