/**
 * The measures: what is sharp about a minimum, each in one file.
 *
 * @module
 */
import { parseCall, UsageError } from "~/lib/domain.ts";
import type { Engine } from "~/lib/engine.ts";
import { adaptiveWorstCase } from "~/lib/measure/adaptive_worst_case.ts";
import { antithetic } from "~/lib/measure/antithetic.ts";
import type {
  MeasureDefinition,
  MeasuredNetwork,
  MeasureValue,
  UnevaluatedNetwork,
} from "~/lib/measure/definition.ts";
import { frozen } from "~/lib/measure/frozen.ts";
import { generalisation } from "~/lib/measure/generalisation.ts";
import { hessianTrace } from "~/lib/measure/hessian_trace.ts";
import { lambdaMax } from "~/lib/measure/lambda_max.ts";
import { type Measure, setParameters } from "~/lib/measure/measure.ts";
import {
  computeMeasures,
  type MeasureOptions,
  type MeasureTask,
  tasksPasses,
} from "~/lib/measure/measure_networks.ts";
import { preconditionedLambdaMax } from "~/lib/measure/preconditioned_lambda_max.ts";
import { radiusCurve } from "~/lib/measure/radius_curve.ts";
import { relativeFilter, relativeTensor } from "~/lib/measure/relative.ts";
import { sharpness } from "~/lib/measure/sharpness.ts";
import { trace } from "~/lib/measure/trace.ts";
import { weightNorm } from "~/lib/measure/weight_norm.ts";
import { worstCase } from "~/lib/measure/worst_case.ts";

export type {
  MeasuredNetwork,
  MeasureValue,
  UnevaluatedNetwork,
} from "~/lib/measure/definition.ts";
export type { Measure, MeasureMethod } from "~/lib/measure/measure.ts";
export type { MeasureOptions } from "~/lib/measure/measure_networks.ts";
export { NotFiniteError } from "~/lib/measure/not_finite_error.ts";

/** Every measure; a new one is a file and a line here. */
const DEFINITIONS: readonly MeasureDefinition[] = [
  sharpness,
  antithetic,
  radiusCurve,
  trace,
  hessianTrace,
  lambdaMax,
  preconditionedLambdaMax,
  relativeTensor,
  relativeFilter,
  worstCase,
  adaptiveWorstCase,
  frozen,
  generalisation,
  weightNorm,
] as never;

/** Their names. */
export const MEASURE_NAMES: readonly string[] = DEFINITIONS.map(({ name }) => name);

/** Seed of the study's directions; a number that nobody takes for initial weights' by chance. */
export const DIRECTION_SEED = 20_251_107;

/** Names that records, options and study texts still have from before. */
const FORMER_NAMES: Readonly<Record<string, string>> = {
  frozen: "frozen-batchnorm",
  generalisation: "generalization-gap",
};

/** The name of today of a measure that a record calls by this one. */
export function currentName(name: string): string {
  return FORMER_NAMES[name.toLowerCase()] ?? name;
}

const DOMAINS = Object.fromEntries(DEFINITIONS.map(({ name, parameters }) => [name, parameters]));

/**
 * Opens a measure by its text, `NAME` or `NAME(key=value,...)`.
 *
 * @throws {UsageError} If there is no such measure, or a parameter is out of its domain.
 *
 * @example
 * ```ts
 * import { openMeasure } from "~/lib/measure.ts";
 *
 * const { text, parameters } = openMeasure("Sharpness(radius=5, directions=16)");
 * if (text !== "sharpness(directions=16)") throw new Error("not canonical");
 * if (parameters.radius !== 5) throw new Error("default lost");
 * ```
 */
export function openMeasure(text: string): Measure {
  const call = parseCall(text.replace(/[\w-]+/, currentName), "measure", DOMAINS);
  return setParameters(DEFINITIONS.find(({ name }) => name === call.name)!, call);
}

/** Help of all measures: a line each with its parameters. */
export function measureHelp(): string[] {
  return DEFINITIONS.flatMap(({ name, summary, unit, parameters }) => [
    `${name}: ${summary} [${unit}]`,
    ...Object.entries(parameters).map(([key, { default: usual, help, schema }]) =>
      `  ${key}: ${help}, ${schema.description} (default ${usual})`
    ),
  ]);
}

/**
 * Checks that measures can be had of a network.
 *
 * @param of How messages name it: " of FILE".
 * @throws {UsageError} If one cannot: which, and why.
 */
export function demandAvailable(
  measures: readonly Measure[],
  network: UnevaluatedNetwork,
  of = "",
): void {
  for (const { text, unavailable } of measures) {
    const reason = unavailable(network);
    if (reason !== undefined) throw new UsageError(`Cannot measure ${text}${of} as ${reason}`);
  }
}

/**
 * Measures networks. Points that measures have in common are computed once, and the products of
 * random directions with the images once for all networks that are measured together.
 *
 * @param networks Read, never written.
 * @param measures For each network the texts of its measures.
 * @returns Shape [networks][measures], in the order in which they were asked for.
 * @throws {UsageError} If there is no such measure or it cannot be had of a network, before anything
 * is computed.
 * @throws {NotFiniteError} If a loss, gradient or curvature is NaN or infinite.
 */
export function measureNetworks(
  engine: Engine,
  networks: readonly MeasuredNetwork[],
  measures: readonly (readonly string[])[],
  options: MeasureOptions,
): Promise<MeasureValue[][]> {
  return Promise.try(() => {
    const tasks = networks.map((network, place): MeasureTask => ({
      network,
      measures: measures[place]!.map(openMeasure),
    }));
    for (const { network, measures } of tasks) demandAvailable(measures, network);
    return computeMeasures(engine, tasks, options);
  });
}

/**
 * Forward passes over the training set that measuring networks of one shape takes.
 *
 * @param measures For each network the texts of its measures.
 */
export function measurePasses(measures: readonly (readonly string[])[]): number {
  const network = { sizes: [] } as never;
  return tasksPasses(measures.map((texts) => ({ network, measures: texts.map(openMeasure) })));
}
