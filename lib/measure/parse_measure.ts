/**
 * From a measure's text to the measure, and whether a network can have it.
 *
 * @module
 */
import { callHelp, parseCall, UsageError } from "~/lib/domain.ts";
import type { Measure, MeasureDefinition, MeasuredNetwork } from "~/lib/measure/definition.ts";
import * as definitions from "~/lib/measure/definitions.ts";
import { parseOptimizer } from "~/lib/optimizer.ts";

const DEFINITIONS: readonly MeasureDefinition<never>[] = Object.values(definitions);

/** Names that records, options and study texts still have from before. */
const FORMER_NAMES: ReadonlyMap<string, string> = new Map([
  ["frozen", "frozen-batchnorm"],
  ["generalisation", "generalization-gap"],
]);

/** Names of all measures. */
export const MEASURE_NAMES: readonly string[] = DEFINITIONS.map(({ name }) => name);

/** The present name of a measure, given that or a former one. */
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

/** The name of the first measure whose definition meets a condition. */
export function measureThat(
  is: (measure: MeasureDefinition<never>) => boolean | undefined,
): string {
  return DEFINITIONS.find(is)!.name;
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
  network: MeasuredNetwork,
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
  { optimizer, state, parameters }: MeasuredNetwork,
): string | undefined {
  if (optimizer === undefined) return "the network's optimizer is not known";
  const { name, slots } = parseOptimizer(optimizer);
  if (!slots.includes(slot)) return `${name} keeps no ${slot}`;
  if (!state?.length) {
    return "the optimizer's state was not kept with the network (models/*.latest.safetensors has it)";
  }
  const wanted = slots.length * parameters.length;
  if (state.length === wanted) return undefined;
  return `the optimizer's state must have ${wanted} numbers: current number is ${state.length}`;
}
