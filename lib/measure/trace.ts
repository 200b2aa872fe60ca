/**
 * The trace of the Hessian, from losses alone.
 *
 * @module
 */
import { directions, positiveRadius } from "~/lib/domain.ts";
import type { Ray } from "~/lib/engine.ts";
import { demandFinite } from "~/lib/measure/not_finite_error.ts";
import { defineMeasure, type MeasureValue } from "~/lib/measure/definition.ts";
import { rayPasses } from "~/lib/measure/passes.ts";
import { drawRays, riseEstimate } from "~/lib/measure/rises.ts";
import { countParameters } from "~/lib/model.ts";

type Protocol = { readonly directions: number; readonly radius: number };

/**
 * `tr H = 2 P m / r^2` with m the antithetic mean at a small r: Hutchinson's estimator on the sphere,
 * where `u' H u` has mean `tr(H) / P` (https://doi.org/10.1080/03610919008812866).
 *
 * The radius trades two errors: terms of fourth order, which grow with r^2, and the rounding of the
 * losses, which grows with 1 / r^2.
 *
 * Where units are ReLU it is not the trace of `hessian-trace`: between w - r u and w + r u units
 * switch for some images, as many as r is long, each of which bends the loss in proportion to r. So
 * the kinks add a term that no small r takes away, on average over directions, and that the Hessian
 * at w does not have. Networks of the quick preset have 0.3 to 1.2 times their `hessian-trace`; one
 * without hidden layers has it whole.
 *
 * Its value has `loss`, L(w) in nats, and `samples`, one estimate of the trace a direction.
 */
export const trace = defineMeasure<Protocol>({
  name: "trace",
  summary: "tr H = 2 P m / r^2, m the antithetic mean at a small r (Hutchinson, on the sphere)",
  unit: "nats per unit^2",
  label: "trace of the Hessian, from losses",
  isCrossCheck: true,
  parameters: {
    directions: { schema: directions, default: 49, help: "pairs of random directions K" },
    radius: { schema: positiveRadius, default: 0.5, help: "length r of the step" },
  },
  passes: (p) => rayPasses(rays(p), 1),
  how: {
    kind: "rays",
    rays,
    estimate({ loss, losses }, { sizes }, { radius }): MeasureValue {
      const scale = 2 * countParameters(sizes) / radius ** 2;
      const { estimate, standardError, samples } = riseEstimate(loss, losses);
      return {
        estimate: demandFinite(scale * estimate, "trace", `2 P m / r^2 at radius ${radius}`),
        standardError: standardError === null ? null : scale * standardError,
        loss,
        samples: samples.map((sample) => scale * sample),
      };
    },
  },
});

function rays(p: Protocol): Ray[] {
  return drawRays({ ...p, steps: [p.radius, -p.radius] });
}
