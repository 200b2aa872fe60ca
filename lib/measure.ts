/**
 * The measures: what is sharp about a minimum.
 *
 * @module
 */
import { callHelp, parseCall, UsageError } from "~/lib/domain.ts";
import type { Engine } from "~/lib/engine.ts";
import {
  computeMeasures,
  type MeasureOptions,
  passesTogether,
} from "~/lib/measure/compute_measures.ts";
import type {
  Measure,
  MeasureDefinition,
  MeasuredNetwork,
  MeasureValue,
  UnevaluatedNetwork,
} from "~/lib/measure/definition.ts";
import * as definitions from "~/lib/measure/definitions.ts";
import { parseOptimizer } from "~/lib/optimizer.ts";
import { meanInterval } from "~/lib/statistics.ts";

export { NotFiniteError } from "~/lib/measure/definition.ts";
export type { Measure, MeasuredNetwork, MeasureValue, UnevaluatedNetwork };
export type { MeasureOptions };

/** By name. */
const DEFINITIONS: readonly MeasureDefinition<never>[] = Object.values(definitions);

/** Names that records, options and study texts still have from before. */
const FORMER_NAMES: ReadonlyMap<string, string> = new Map([
  ["frozen", "frozen-batchnorm"],
  ["generalisation", "generalization-gap"],
]);

/** Their names. */
export const MEASURE_NAMES: readonly string[] = DEFINITIONS.map(({ name }) => name);

/** Seed of the study's directions; a number that nobody takes for initial weights' by chance. */
export const DIRECTION_SEED = 20_251_107;

/** The name of today of a measure that a record calls by this one. */
export function currentName(name: string): string {
  return FORMER_NAMES.get(name.toLowerCase()) ?? name;
}

/**
 * Opens a measure by its text, `NAME` or `NAME(key=value,...)`.
 *
 * @throws {UsageError} If there is no such measure, or a parameter is out of its domain.
 */
export function parseMeasure(text: string): Measure {
  const { definition, parameters, text: canonical } = parseCall(
    text.replace(/[\w-]+/, currentName),
    "measure",
    DEFINITIONS,
  );
  const method = definition.method(parameters as never);
  return { ...definition, text: canonical, parameters, method };
}

/** Help of all measures. */
export const measureHelp = (): string[] => callHelp(DEFINITIONS);

/**
 * Checks that measures can be had of a network.
 *
 * @param of How messages name it: " of FILE".
 * @throws {UsageError} If one cannot: which, and why.
 */
export function validateAvailable(
  measures: readonly Measure[],
  network: UnevaluatedNetwork,
  of = "",
): void {
  for (const { text, slot } of measures) {
    const reason = slot && whyWithout(slot, network);
    if (reason !== undefined) throw new UsageError(`Cannot measure ${text}${of} as ${reason}`);
  }
}

/** Why a network does not have a slot of its optimizer's state. */
function whyWithout(
  slot: string,
  { optimizer, state, parameters }: UnevaluatedNetwork,
): string | undefined {
  if (optimizer === undefined) return "the network's optimizer is not known";
  const { name, slots } = parseOptimizer(optimizer);
  if (!slots.includes(slot)) return `${name} keeps no ${slot}`;
  if (state === undefined) return "the optimizer's state was not kept with the network";
  const wanted = slots.length * parameters.length;
  if (state.length === wanted) return undefined;
  return `the optimizer's state must have ${wanted} numbers: current number is ${state.length}`;
}

/**
 * Measures networks. Points that measures have in common are computed once, and the products of
 * random directions with the images once for all networks that are asked for the same.
 *
 * @param networks Read, never written.
 * @param measures For each network the texts of its measures.
 * @returns Shape [networks][measures], in the order in which they were asked for.
 * @throws {UsageError} If there is no such measure or it cannot be had of a network, before anything
 * is computed.
 * @throws {NotFiniteError} If a loss, gradient or curvature is NaN or infinite, unless
 * `onNotFinite` is told.
 */
export function measureNetworks(
  engine: Engine,
  networks: readonly MeasuredNetwork[],
  measures: readonly (readonly string[])[],
  options: MeasureOptions,
): Promise<MeasureValue[][]> {
  return Promise.try(() => {
    const tasks = networks.map((network, place) => ({
      network,
      measures: measures[place]!.map(parseMeasure),
    }));
    for (const { network, measures } of tasks) validateAvailable(measures, network);
    return computeMeasures(engine, tasks, options);
  });
}

/** Forward passes over the training set that measuring so many networks together takes. */
export function measurePasses(texts: readonly string[], networks: number): number {
  return passesTogether(texts.map(parseMeasure), networks);
}

/**
 * A value with its unit, its error and the 95 % t interval of its samples, or its residual and whether
 * it converged: what must stand wherever a value does.
 */
export function formatMeasurement(value: MeasureValue, unit: string): string {
  const { estimate, standardError, samples, converged, iterations, residual } = value;
  const drawn = Array.isArray(samples) && samples.length > 1 ? meanInterval(samples) : undefined;
  const short = (number: number, digits: number): string =>
    String(Number(number.toPrecision(digits)));
  return [
    `${short(estimate, 6)}${unit === "1" ? "" : ` ${unit}`}`,
    standardError !== null && `standard error ${short(standardError, 2)}`,
    drawn && `95 % ${short(drawn.low!, 4)} to ${short(drawn.high!, 4)} (t over ${drawn.n} samples)`,
    converged === false && `not converged after ${iterations} products`,
    typeof residual === "number" && `residual ${residual.toPrecision(2)}`,
  ].filter(Boolean).join(", ");
}

/** How sharpness is sampled. */
export interface SampleOptions {
  /** K. Default 49. */
  readonly directions?: number;
  /** r. Default 5. */
  readonly radius?: number;
  /** Of the directions. Default: the study's. */
  readonly seed?: number;
}

/**
 * Samples the rise in loss at random points around a network: L(w + r u_k) - L(w), u_k uniform on the
 * unit sphere in R^P, L over all training images of the engine.
 *
 * @returns `samples` in nats, shape [K], their `mean` and its `standardError`, and `loss`, L(w).
 * @throws {UsageError} If an option is out of its domain.
 * @throws {NotFiniteError} If a loss is NaN or infinite.
 */
export async function sampleSharpness(
  engine: Engine,
  { sizes, parameters }: Pick<UnevaluatedNetwork, "sizes" | "parameters">,
  { directions = 49, radius = 5, seed = DIRECTION_SEED }: SampleOptions = {},
): Promise<{ loss: number; samples: number[]; mean: number; standardError: number | null }> {
  const text = `sharpness(directions=${directions},radius=${radius})`;
  // It needs the losses on its rays only, none of the evaluation.
  const network = { sizes, parameters } as MeasuredNetwork;
  const [[value]] = await measureNetworks(engine, [network], [[text]], { seed }) as [
    [MeasureValue & { loss: number; samples: number[] }],
  ];
  const { estimate: mean, standardError, loss, samples } = value;
  return { loss, samples, mean, standardError };
}
