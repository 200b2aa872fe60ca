/**
 * The measures: what is sharp about a minimum.
 *
 * @module
 */
export {
  isLowerBound,
  type Measure,
  type MeasuredNetwork,
  type MeasureValue,
  NotFiniteError,
} from "~/lib/measure/definition.ts";
export * from "~/lib/measure/measure_networks.ts";
export * from "~/lib/measure/parse_measure.ts";
