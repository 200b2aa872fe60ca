/**
 * Worst-case sharpness: the largest rise in a ball around a minimum.
 *
 * @module
 */
import { count, positiveRadius } from "~/lib/domain.ts";
import { ascend } from "~/lib/measure/ascent.ts";
import { defineMeasure, type MeasureValue } from "~/lib/measure/definition.ts";
import { GRADIENT_PASSES } from "~/lib/measure/passes.ts";

/**
 * `max L(w + d) - L(w)` over `|d| <= rho` (Keskar et al. arXiv 1609.04836), found from below by
 * projected gradient ascent; `rho |g| + rho^2 lambda_max / 2` bounds it for small rho. The default
 * radius is that of sharpness-aware minimisation on CIFAR-10 (Foret et al. arXiv 2010.01412): at ten
 * times as much a network of this study rose from 0.94 to 2.7 nats, where chance is 2.3.
 *
 * Its value has `loss`, L(w) in nats; `rises`, those of every step, the first of them SAM's;
 * `firstOrder`, the rise that the slope at w alone promises; and `alignment`, the cosine
 * between the step and the slope where it leads: 1 at a maximum on the ball's surface.
 */
export const worstCase = defineMeasure<{ radius: number; steps: number }>({
  name: "worst-case",
  summary: "largest rise of L in the ball of radius rho, by projected gradient ascent",
  unit: "nats",
  label: "worst-case sharpness",
  parameters: {
    radius: { schema: positiveRadius, default: 0.05, help: "radius rho of the ball" },
    steps: { schema: count, default: 10, help: "steps of ascent" },
  },
  passes: ({ steps }) => (steps + 1) * GRADIENT_PASSES,
  how: {
    kind: "engine",
    compute: (engine, network, options): Promise<MeasureValue> =>
      ascend(engine, network, { ...options, measure: "worst-case" }),
  },
});
