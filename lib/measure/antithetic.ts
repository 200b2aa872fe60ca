/**
 * Antithetic sharpness: the mean over a direction and its opposite, free of the slope.
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
 * Sample k is `(L(w + r u_k) + L(w - r u_k)) / 2 - L(w)`. The pair removes what is linear in the
 * step, r <g, u_k>, which is almost all of the noise between directions where training has not come
 * to rest (Hammersley and Morton, https://doi.org/10.1017/S0305004100031455).
 *
 * Its value has `loss`, L(w) in nats, and `samples`, shape [K].
 */
export const antithetic = defineMeasure<Protocol>({
  name: "antithetic",
  summary: "mean over k of (L(w + r u_k) + L(w - r u_k)) / 2 - L(w)",
  unit: "nats",
  label: "antithetic sharpness",
  isAtStudyRadius: true,
  parameters: {
    directions: { schema: directions, default: 49, help: "pairs of random directions K" },
    radius: { schema: radius, default: 5, help: "length r of the step" },
  },
  passes: (p) => rayPasses(rays(p), 1),
  how: {
    kind: "rays",
    rays,
    estimate: ({ loss, losses }) => riseEstimate(loss, losses),
  },
});

function rays(p: Protocol): Ray[] {
  return drawRays({ directions: p.directions, steps: [p.radius, -p.radius] });
}
