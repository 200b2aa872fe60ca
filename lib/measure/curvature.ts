/**
 * The largest eigenvalue of a network's Hessian, as it is or scaled.
 *
 * @module
 */
import type { Engine, SharedFloats } from "~/lib/engine.ts";
import type { ComputeOptions, MeasuredNetwork, MeasureValue } from "~/lib/measure/definition.ts";
import { lanczos } from "~/lib/measure/lanczos.ts";
import { demandFinite } from "~/lib/measure/not_finite_error.ts";
import { unitDirection } from "~/lib/measure/unit_direction.ts";
import { scaled } from "~/lib/measure/vectors.ts";

/** What is asked for. */
export interface EigenvalueOptions
  extends ComputeOptions<{ readonly iterations: number; readonly tolerance: number }> {
  /** For messages. */
  readonly measure: string;
  /** The diagonal of S in S H S, shape [P]; default: 1. Where it is 0 the parameter is left out. */
  readonly scale?: Float64Array;
}

/**
 * The largest eigenvalue of H or S H S with what the value of `lambda-max` has.
 *
 * @throws {NotFiniteError} If a product is not finite.
 */
export async function largestEigenvalue(
  engine: Engine,
  { sizes, parameters, learningRate }: MeasuredNetwork,
  { p, seed, signal, onProgress, measure, scale }: EigenvalueOptions,
): Promise<MeasureValue> {
  const hessian = await engine.openHessian(sizes, parameters, signal ? { signal } : {});
  const multiply = async (vector: SharedFloats): Promise<SharedFloats> => {
    signal?.throwIfAborted();
    const [product] = await hessian.multiply([scaled(vector, scale)]) as [SharedFloats];
    const result = scaled(product, scale);
    // A sum over all entries is NaN or infinite where one of them is.
    let sum = 0;
    for (const value of result) sum += value;
    demandFinite(sum, measure, "the Hessian's product");
    return result;
  };
  // The first direction of the study: any start would do, as nothing is averaged over starts.
  const start = unitDirection(parameters.length, { seed, k: 0 });
  scale?.forEach((s, i) => s === 0 && (start[i] = 0));
  const allowed = Math.min(p.iterations, parameters.length);
  const { values, residuals, converged, iterations } = await lanczos(
    multiply,
    start,
    { ...p, onIteration: (n) => onProgress?.(n / allowed) },
  );
  const estimate = values[0]!;
  return {
    estimate,
    standardError: null,
    residual: residuals[0]!,
    converged,
    iterations,
    timesLearningRate: learningRate === undefined ? null : learningRate * estimate,
  };
}
