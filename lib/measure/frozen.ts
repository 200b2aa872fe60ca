/**
 * Frozen sharpness: what the normalisation's statistics hide.
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
 * Sharpness, of the same directions, with the logits normalised by the mean and variance at w
 * instead of those at w + r u_k: as a network that is deployed with fixed statistics.
 *
 * Its value has `loss`, L(w) in nats, and `samples`, shape [K].
 */
export const frozen = defineMeasure<Protocol>({
  name: "frozen-batchnorm",
  summary: "sharpness with the normalisation's statistics kept at those of w",
  unit: "nats",
  label: "sharpness, statistics frozen",
  isAtStudyRadius: true,
  isCrossCheck: true,
  parameters: {
    directions: { schema: directions, default: 49, help: "random directions K" },
    radius: { schema: radius, default: 5, help: "length r of the step in parameter space" },
  },
  passes: (p) => rayPasses(rays(p), 1),
  how: {
    kind: "rays",
    frozen: true,
    rays,
    estimate: ({ loss, frozen }) => riseEstimate(loss, frozen),
  },
});

function rays(p: Protocol): Ray[] {
  return drawRays({ directions: p.directions, steps: [p.radius] });
}
