/**
 * Measures made of the rise in loss along random rays: a factory, and an entry for each.
 *
 * @module
 */
import * as domain from "~/lib/domain.ts";
import type { Scaling } from "~/lib/engine.ts";
import {
  type MeasureDefinition,
  type MeasuredNetwork,
  type MeasureMethod,
  type MeasureValue,
  validateFinite,
} from "~/lib/measure/definition.ts";
import { balanceUnits, countParameters } from "~/lib/model.ts";
import { meanInterval } from "~/lib/statistics.ts";

type Protocol = { readonly directions: number; readonly radius: number };

interface RayMeasure extends Omit<MeasureDefinition, "unit" | "parameters" | "method"> {
  readonly unit?: string;
  /** Defaults of the parameters; without a radius there is none to set. */
  readonly directions: number;
  readonly radius?: number;
  readonly radiusDomain?: typeof domain.radius;
  /** The same along each of the first K directions. */
  readonly steps?: (radius: number) => number[];
  readonly scaling?: Scaling;
  readonly centre?: MeasureMethod["centre"];
  readonly frozen?: boolean;
  estimate?(loss: number, losses: number[][], of: MeasuredNetwork, p: Protocol): MeasureValue;
}

const single = (radius: number): number[] => [radius];
const pair = (radius: number): number[] => [radius, -radius];

/**
 * The mean over directions of the mean rise over a direction's steps; `samples`, shape [K], and
 * `loss`, L(w). Differences first: where every loss is L(w) it is exactly 0.
 */
function meanRise(loss: number, losses: number[][]): MeasureValue & { samples: number[] } {
  const samples = losses.map((points) =>
    points.reduce((sum, point) => sum + (point - loss), 0) / points.length
  );
  const { mean, standardError } = meanInterval(samples);
  return { estimate: mean, standardError, loss, samples };
}

function alongRays({
  directions,
  radius,
  radiusDomain = domain.radius,
  steps = pair,
  scaling = "global",
  centre,
  frozen = false,
  estimate = meanRise,
  ...described
}: RayMeasure): MeasureDefinition<Protocol> {
  const K = `${steps === single ? "" : "pairs of "}random directions K`;
  const r = scaling === "global" ? "length r of the step" : "step as a fraction r of the norm";
  return {
    unit: "nats",
    ...described,
    parameters: {
      directions: { schema: domain.directions, default: directions, help: K },
      ...(radius && { radius: { schema: radiusDomain, default: radius, help: r } }),
    },
    method: (p) => ({
      ...(centre && { centre }),
      frozen,
      rays: Array.from(
        { length: p.directions },
        (_, direction) => ({ direction, scaling, steps: steps(p.radius) }),
      ),
      compute(network, { rayLosses }): MeasureValue {
        const { loss, losses } = rayLosses();
        return estimate(loss, losses, network, p);
      },
    }),
  };
}

const study = { directions: 49, radius: 5, isAtStudyRadius: true };

/** u_k is uniform on the unit sphere in R^P and the same for every network; r = 0 gives exactly 0. */
export const sharpness = alongRays({
  name: "sharpness",
  summary: "mean over k of L(w + r u_k) - L(w), u_k uniform on the unit sphere",
  label: "sharpness",
  ...study,
  steps: single,
});

/** As of a network that is deployed with the mean and variance of its logits at w. */
export const frozenBatchNorm = alongRays({
  name: "frozen-batchnorm",
  summary: "sharpness with the normalisation's statistics kept at those of w",
  label: "sharpness, statistics frozen",
  isCrossCheck: true,
  ...study,
  steps: single,
  frozen: true,
});

/**
 * The pair removes what is linear in the step, r <g, u_k>: almost all of the noise between directions
 * where training has not come to rest (https://doi.org/10.1017/S0305004100031455).
 */
export const antithetic = alongRays({
  name: "antithetic",
  summary: "mean over k of (L(w + r u_k) + L(w - r u_k)) / 2 - L(w)",
  label: "antithetic sharpness",
  isAlongTraining: true,
  ...study,
});

/**
 * `s g_k,t |w_t| / |g_k,t|` of every tensor t, weights and biases apart. Scaling a layer by c and the
 * next by 1/c changes nothing (Dinh et al. arXiv 1703.04933).
 */
export const relativeTensor = relative({
  name: "relative-tensor",
  summary: "antithetic sharpness, every tensor moved by r of its own norm",
  label: "relative sharpness (tensor)",
  scaling: "tensor",
});

/** The same of every row of weights, a unit's filter (Li et al. arXiv 1712.09913). */
export const relativeFilter = relative({
  name: "relative-filter",
  summary: "antithetic sharpness, every unit's row of weights moved by r of its own norm",
  label: "relative sharpness (filter)",
  scaling: "filter",
  isLead: true,
});

/**
 * Scaling a single unit up and its outgoing weights down leaves the function as it is, but makes rows
 * of the next layer uneven: the other weights of a row then move by a share of that unit's. Only
 * balanced networks are compared whatever the scales of their units.
 */
export const relativeBalanced = relative({
  name: "relative-balanced",
  summary: "relative-filter of the same function with hidden units scaled to " +
    "incoming and outgoing weights of one norm",
  label: "relative sharpness (balanced)",
  scaling: "filter",
  centre: balanceUnits,
});

function relative(
  described: Pick<RayMeasure, "name" | "summary" | "label" | "scaling" | "isLead" | "centre">,
): MeasureDefinition<Protocol> {
  const usual = { directions: 16, radius: 0.25, radiusDomain: domain.positive };
  return alongRays({ ...usual, ...described, isCrossCheck: true });
}

/** From where a minimum looks quadratic to twice the study's radius. */
const RADII = [0.5, 1, 2, 5, 10];

/** `r^2 tr(H) / 2P` for small r. Its value has `curve`: radius, mean and standard error. */
export const radiusCurve = alongRays({
  name: "radius-curve",
  summary: "antithetic sharpness at r = 0.5 1 2 5 10; its estimate is the one at 5",
  label: "antithetic sharpness (radius curve)",
  isRepeat: true,
  directions: 16,
  steps: () => RADII.flatMap(pair),
  estimate(loss, losses): MeasureValue {
    const curve = RADII.map((radius, i) => {
      const opposite = losses.map((points) => points.slice(2 * i, 2 * i + 2));
      const { estimate, standardError } = meanRise(loss, opposite);
      return { radius, mean: estimate, standardError };
    });
    const { mean, standardError } = curve[RADII.indexOf(study.radius)]!;
    return { estimate: mean, standardError, loss, curve };
  },
});

/**
 * Hutchinson's estimator on the sphere, where `u' H u` has mean `tr(H) / P`
 * (https://doi.org/10.1080/03610919008812866); `samples` are estimates of the trace. Between w - r u
 * and w + r u ReLU units switch for some images, as many as r is long, and each bends the loss in
 * proportion to r: a term that no small r takes away and that the Hessian at w does not have.
 */
export const trace = alongRays({
  name: "trace",
  summary: "2 P m / r^2, m the antithetic mean at a small r: tr H and what ReLU's kinks add; " +
    "PyHessian's trace is hessian-trace",
  unit: "nats per unit^2",
  label: "trace of the Hessian, from losses",
  isCrossCheck: true,
  directions: 49,
  // Terms of fourth order grow with r^2, the losses' rounding with 1 / r^2.
  radius: 0.5,
  radiusDomain: domain.positive,
  estimate(loss, losses, { sizes }, { radius }): MeasureValue {
    const scale = 2 * countParameters(sizes) / radius ** 2;
    const { estimate, standardError, samples } = meanRise(loss, losses);
    return {
      estimate: validateFinite(scale * estimate, `2 P m / r^2 at radius ${radius}`),
      standardError: standardError && scale * standardError,
      loss,
      samples: samples.map((sample) => scale * sample),
    };
  },
});
