/**
 * Sharpness: the rise in training loss at random points around a minimum.
 *
 * @module
 */
import { directions, radius } from "~/lib/domain.ts";
import type { Ray } from "~/lib/engine.ts";
import { defineMeasure } from "~/lib/measure/definition.ts";
import { rayPasses } from "~/lib/measure/passes.ts";
import { drawRays, riseEstimate } from "~/lib/measure/rises.ts";

type Protocol = { readonly directions: number; readonly radius: number };

/**
 * Sample k is `s_k = L(w + r u_k) - L(w)`, u_k uniform on the unit sphere in R^P and the same for
 * every network; the estimate is their mean. A single sample may be negative; r = 0 gives exactly 0.
 *
 * Its value has `loss`, L(w) in nats, and `samples`, shape [K].
 */
export const sharpness = defineMeasure<Protocol>({
  name: "sharpness",
  summary: "mean over k of L(w + r u_k) - L(w), u_k uniform on the unit sphere",
  unit: "nats",
  label: "sharpness",
  isAtStudyRadius: true,
  parameters: {
    directions: { schema: directions, default: 49, help: "random directions K" },
    radius: { schema: radius, default: 5, help: "length r of the step in parameter space" },
  },
  passes: (p) => rayPasses(rays(p), 1),
  how: {
    kind: "rays",
    rays,
    estimate: ({ loss, losses }) => riseEstimate(loss, losses),
  },
});

function rays(p: Protocol): Ray[] {
  return drawRays({ directions: p.directions, steps: [p.radius] });
}
