/**
 * The largest eigenvalue of the Hessian as an adaptive optimizer sees it.
 *
 * @module
 */
import { count, positive } from "~/lib/domain.ts";
import { largestEigenvalue } from "~/lib/measure/curvature.ts";
import {
  defineMeasure,
  type MeasuredNetwork,
  type MeasureValue,
} from "~/lib/measure/definition.ts";
import { eigenvaluePasses } from "~/lib/measure/passes.ts";
import { openOptimizer } from "~/lib/optimizer.ts";

/** The slot that holds sums of squared gradients. */
const SLOT = "accumulator";

/**
 * The largest eigenvalue of `D^-1/2 H D^-1/2`, `D = sqrt(accumulator) + epsilon`: AdaGrad's step
 * `w -= lr D^-1 g` is gradient descent in the coordinates D^1/2 w, stable below
 * `learning rate * lambda = 2` (Cohen et al. arXiv 2207.14484).
 *
 * Only optimizers that keep a sum of squared gradients have it: Adam's moving mean would need the
 * number of updates too, and its threshold another constant than 2. Parameters whose sum is 0 never
 * moved and never will by this gradient: they are left out.
 *
 * Its value is as that of `lambda-max`.
 */
export const preconditionedLambdaMax = defineMeasure<{ iterations: number; tolerance: number }>({
  name: "preconditioned-lambda-max",
  summary: "lambda-max of D^-1/2 H D^-1/2, D = sqrt(accumulator) + epsilon of AdaGrad's state",
  unit: "nats",
  label: "largest eigenvalue of the preconditioned Hessian",
  parameters: {
    iterations: { schema: count, default: 60, help: "most Hessian products" },
    tolerance: { schema: positive, default: 1e-3, help: "relative error asked for" },
  },
  passes: eigenvaluePasses,
  unavailable({ optimizer, state, parameters }): string | undefined {
    if (optimizer === undefined) return "the network's optimizer is not known";
    const { name, slots } = openOptimizer(optimizer);
    if (!slots.includes(SLOT)) return `${name} keeps no sum of squared gradients`;
    if (state === undefined) return "the optimizer's state was not kept with the network";
    const wanted = slots.length * parameters.length;
    return state.length === wanted
      ? undefined
      : `the optimizer's state must have ${wanted} numbers: current number is ${state.length}`;
  },
  how: {
    kind: "engine",
    compute: (engine, network, options): Promise<MeasureValue> =>
      largestEigenvalue(engine, network, {
        ...options,
        measure: "preconditioned-lambda-max",
        scale: inverseRoots(network),
      }),
  },
});

/** Of D, shape [P]; 0 where a parameter never moved. */
function inverseRoots({ optimizer, state, parameters }: MeasuredNetwork): Float64Array {
  const { slots, hyperparameters } = openOptimizer(optimizer!);
  const P = parameters.length;
  const accumulator = state!.subarray(slots.indexOf(SLOT) * P, (slots.indexOf(SLOT) + 1) * P);
  const epsilon = Number(hyperparameters["epsilon"]);
  return new Float64Array(accumulator).map((a) => a === 0 ? 0 : (Math.sqrt(a) + epsilon) ** -0.5);
}
