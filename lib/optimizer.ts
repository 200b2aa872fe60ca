/**
 * The optimizers: update rules with their hyperparameters, each in one file.
 *
 * @module
 */
import { callHelp, type Parameters, parseCall, UsageError } from "~/lib/domain.ts";
import { share, type SharedFloats } from "~/lib/model.ts";
import type { OptimizerDefinition, UpdateRule } from "~/lib/optimizer/definition.ts";
import * as definitions from "~/lib/optimizer/definitions.ts";

export type { TensorStep, TensorUpdate } from "~/lib/optimizer/definition.ts";

const DEFINITIONS: readonly OptimizerDefinition[] = Object.values(definitions) as never;

/** Names of all optimizers. */
export const OPTIMIZER_NAMES: readonly string[] = DEFINITIONS.map(({ name }) => name);

/** An optimizer whose hyperparameters are set. */
export interface Optimizer
  extends UpdateRule, Pick<OptimizerDefinition, "name" | "color" | "symbol"> {
  /** Canonical: "SGD", "SGD(momentum=0.9)". The same text is the same optimizer. */
  readonly text: string;
  readonly hyperparameters: Parameters;
}

/**
 * Opens an optimizer by its text, `NAME` or `NAME(key=value,...)`.
 *
 * @throws {UsageError} If there is no such optimizer, a hyperparameter is out of its domain,
 * or some do not go together.
 *
 * @example
 * ```ts
 * import { parseOptimizer } from "~/lib/optimizer.ts";
 *
 * if (parseOptimizer("sgd(momentum=0)").text !== "SGD") throw new Error("not canonical");
 * if (parseOptimizer("SGD(momentum=0.9)").slots.length !== 1) throw new Error("no buffer");
 * ```
 */
export function parseOptimizer(text: string): Optimizer {
  const { definition, parameters, text: canonical } = parseCall(text, "optimizer", DEFINITIONS);
  const { name, color, symbol, conflict, rule } = definition;
  const fault = conflict?.(parameters);
  if (fault !== undefined) throw new UsageError(`Cannot use optimizer ${name} as ${fault}`);
  return { ...rule(parameters), name, text: canonical, color, symbol, hyperparameters: parameters };
}

/** Help of all optimizers. */
export const optimizerHelp = (): string[] => callHelp(DEFINITIONS);

/** Zeros for an optimizer's state, shape [S * P], in memory that threads can share. */
export function allocateState(text: string, parameterCount: number): SharedFloats {
  const { slots } = parseOptimizer(text);
  return share(slots.length * parameterCount);
}
