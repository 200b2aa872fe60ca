/**
 * Adaptive worst-case sharpness: the ball has the weights' own proportions.
 *
 * @module
 */
import { count, positiveRadius } from "~/lib/domain.ts";
import { ascend } from "~/lib/measure/ascent.ts";
import { defineMeasure, type MeasureValue } from "~/lib/measure/definition.ts";
import { GRADIENT_PASSES } from "~/lib/measure/passes.ts";

/**
 * `max L(w + |w| z) - L(w)` over `|z| <= rho`, the product element by element (Kwon et al.
 * arXiv 2102.11600, biases as weights and no constant added, so that scaling a layer and
 * scaling back in the next changes nothing). The default radius is the paper's for CIFAR-10.
 *
 * Its value has `loss`, L(w) in nats; `rises`, those of every step, the first of them SAM's;
 * `firstOrder`, the rise that the slope at w alone promises; and `alignment`, the cosine
 * between the step and the slope where it leads: 1 at a maximum on the ball's surface.
 */
export const adaptiveWorstCase = defineMeasure<{ radius: number; steps: number }>({
  name: "adaptive-worst-case",
  summary: "worst-case with a step relative to each weight: L(w + |w| z), |z| <= rho (ASAM)",
  unit: "nats",
  label: "adaptive worst-case sharpness",
  isScaleFree: true,
  parameters: {
    radius: { schema: positiveRadius, default: 0.5, help: "radius rho of the ball" },
    steps: { schema: count, default: 10, help: "steps of ascent" },
  },
  passes: ({ steps }) => (steps + 1) * GRADIENT_PASSES,
  how: {
    kind: "engine",
    compute: (engine, network, options): Promise<MeasureValue> =>
      ascend(engine, network, {
        ...options,
        measure: "adaptive-worst-case",
        scale: network.parameters.map(Math.abs),
      }),
  },
});
