/**
 * Relative sharpness: steps in proportion to the weights that they move.
 *
 * @module
 */
import { directions, positiveRadius } from "~/lib/domain.ts";
import type { Ray, Scaling } from "~/lib/engine.ts";
import { defineMeasure, type MeasureDefinition } from "~/lib/measure/definition.ts";
import { rayPasses } from "~/lib/measure/passes.ts";
import { drawRays, riseEstimate } from "~/lib/measure/rises.ts";

type Protocol = { readonly directions: number; readonly radius: number };

/**
 * Antithetic sharpness whose step moves every tensor (weights and biases apart) by r of its own
 * norm: `s g_k,t |w_t| / |g_k,t|`. Scaling a layer by c and the next by 1/c, which changes no output,
 * changes no value either (Dinh et al. arXiv 1703.04933).
 *
 * Its value has `loss`, L(w) in nats, and `samples`, shape [K].
 */
export const relativeTensor = define("tensor", "tensor");

/** The same with every row of weights, a unit's filter, by r of its norm (Li et al. arXiv 1712.09913). */
export const relativeFilter = define("filter", "unit's row of weights");

function define(scaling: Scaling, what: string): MeasureDefinition<Protocol> {
  const rays = (p: Protocol): Ray[] =>
    drawRays({ directions: p.directions, steps: [p.radius, -p.radius], scaling });
  return defineMeasure<Protocol>({
    name: `relative-${scaling}`,
    summary: `antithetic sharpness, every ${what} moved by r of its own norm`,
    unit: "nats",
    label: `relative sharpness (${scaling})`,
    isScaleFree: true,
    isCrossCheck: true,
    isLead: scaling === "filter",
    parameters: {
      directions: { schema: directions, default: 16, help: "pairs of random directions K" },
      radius: { schema: positiveRadius, default: 0.25, help: "step as a fraction r of the norm" },
    },
    passes: (p) => rayPasses(rays(p), 1),
    how: {
      kind: "rays",
      rays,
      estimate: ({ loss, losses }) => riseEstimate(loss, losses),
    },
  });
}
