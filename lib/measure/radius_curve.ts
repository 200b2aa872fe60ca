/**
 * The radius curve: how the antithetic rise grows with the step.
 *
 * @module
 */
import { directions } from "~/lib/domain.ts";
import type { Ray } from "~/lib/engine.ts";
import { defineMeasure, type MeasureValue } from "~/lib/measure/definition.ts";
import { rayPasses } from "~/lib/measure/passes.ts";
import { drawRays, riseEstimate } from "~/lib/measure/rises.ts";

/** From where a minimum looks quadratic to twice the study's radius. */
const RADII = [0.5, 1, 2, 5, 10];

/** The study's own, at which the estimate is `antithetic` with as many directions. */
const RADIUS = 5;

type Protocol = { readonly directions: number };

/**
 * At each radius r of 0.5, 1, 2, 5 and 10 the mean over k of
 * `(L(w + r u_k) + L(w - r u_k)) / 2 - L(w)`, which is `r^2 tr(H) / 2P` for small r. The estimate
 * is the one at r = 5.
 *
 * Its value has `loss`, L(w) in nats, and `curve`: radius, mean and standard error by radius.
 */
export const radiusCurve = defineMeasure<Protocol>({
  name: "radius-curve",
  summary: "antithetic sharpness at r = 0.5 1 2 5 10; its estimate is the one at 5",
  unit: "nats",
  label: "antithetic sharpness (radius curve)",
  parameters: {
    directions: { schema: directions, default: 16, help: "pairs of random directions K" },
  },
  passes: (p) => rayPasses(rays(p), 1),
  how: {
    kind: "rays",
    rays,
    estimate({ loss, losses }): MeasureValue {
      const curve = RADII.map((radius, place) => {
        const pairs = losses.map((points) => points.slice(2 * place, 2 * place + 2));
        const { estimate, standardError } = riseEstimate(loss, pairs);
        return { radius, mean: estimate, standardError };
      });
      const { mean, standardError } = curve[RADII.indexOf(RADIUS)]!;
      return { estimate: mean, standardError, loss, curve };
    },
  },
});

function rays(p: Protocol): Ray[] {
  return drawRays({ ...p, steps: RADII.flatMap((radius) => [radius, -radius]) });
}
