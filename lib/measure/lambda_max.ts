/**
 * The largest eigenvalue of the Hessian.
 *
 * @module
 */
import { count, positive } from "~/lib/domain.ts";
import { largestEigenvalue } from "~/lib/measure/curvature.ts";
import { defineMeasure, type MeasureValue } from "~/lib/measure/definition.ts";
import { eigenvaluePasses } from "~/lib/measure/passes.ts";

/**
 * The largest eigenvalue of H, the Hessian of the full training loss, by Lanczos with exact products
 * H v. Gradient descent is stable below `learning rate * lambda max = 2` and, at full batch, trains
 * up to it: the edge of stability (Cohen et al. arXiv 2103.00065).
 *
 * Its value has `residual`, `|H y - lambda y|` of the unit vector y that was found: an eigenvalue
 * lies within it; `converged` and `iterations` of the method; and
 * `timesLearningRate`, null where the learning rate is not known.
 */
export const lambdaMax = defineMeasure<{ iterations: number; tolerance: number }>({
  name: "lambda-max",
  summary: "largest eigenvalue of the Hessian by Lanczos with exact products (edge: 2 / lr)",
  unit: "nats per unit^2",
  label: "largest eigenvalue of the Hessian",
  isCrossCheck: true,
  parameters: {
    iterations: { schema: count, default: 60, help: "most Hessian products" },
    tolerance: { schema: positive, default: 1e-3, help: "relative error asked for" },
  },
  passes: eigenvaluePasses,
  how: {
    kind: "engine",
    compute: (engine, network, options): Promise<MeasureValue> =>
      largestEigenvalue(engine, network, { ...options, measure: "lambda-max" }),
  },
});
