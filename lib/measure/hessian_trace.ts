/**
 * The trace of the Hessian, from its exact products.
 *
 * @module
 */
import { directions } from "~/lib/domain.ts";
import type { Engine } from "~/lib/engine.ts";
import {
  type ComputeOptions,
  defineMeasure,
  type MeasuredNetwork,
  type MeasureValue,
} from "~/lib/measure/definition.ts";
import { demandFinite } from "~/lib/measure/not_finite_error.ts";
import { hessianPasses } from "~/lib/measure/passes.ts";
import { unitDirection } from "~/lib/measure/unit_direction.ts";
import { dot } from "~/lib/measure/vectors.ts";
import { meanInterval } from "~/lib/statistics.ts";

type Protocol = { readonly directions: number };

/** Directions whose products are computed together: they share the pass at w. */
const TOGETHER = 4;

/**
 * `tr H`, sample k being `P u_k' H u_k` (Hutchinson's estimator on the sphere), u_k the directions of
 * `sharpness`. H is what autograd has: the Hessian between the kinks of ReLU. `trace` sees the loss
 * at a distance r, kinks and all, and is another number.
 *
 * On a network of this study (SGD, learning rate 0.1, 104 epochs, 10,000 images) this was 1822 +- 109,
 * `trace` at r = 0.5 1202 +- 42.
 *
 * Its value has `samples`, one estimate of the trace a direction. In many dimensions they are
 * close together: their variance is about `2 |H|_F^2`.
 */
export const hessianTrace = defineMeasure<Protocol>({
  name: "hessian-trace",
  summary: "tr H by exact products: the mean over k of P u_k' H u_k (Hutchinson, on the sphere)",
  unit: "nats per unit^2",
  label: "trace of the Hessian, exact",
  parameters: {
    directions: { schema: directions, default: 4, help: "random directions K" },
  },
  passes: (p) => p.directions * hessianPasses(TOGETHER) / TOGETHER,
  how: { kind: "engine", compute },
});

async function compute(
  engine: Engine,
  { sizes, parameters }: MeasuredNetwork,
  { p, seed, signal, onProgress }: ComputeOptions<Protocol>,
): Promise<MeasureValue> {
  const P = parameters.length;
  const samples: number[] = [];
  const hessian = await engine.openHessian(sizes, parameters, signal ? { signal } : {});
  while (samples.length < p.directions) {
    signal?.throwIfAborted();
    const vectors = Array.from(
      { length: Math.min(TOGETHER, p.directions - samples.length) },
      (_, place) => unitDirection(P, { seed, k: samples.length + place }),
    );
    for (const [place, product] of (await hessian.multiply(vectors)).entries()) {
      const form = dot(product, vectors[place]!);
      samples.push(P * demandFinite(form, "hessian-trace", "the Hessian's product"));
    }
    onProgress?.(samples.length / p.directions);
  }
  const { mean, standardError } = meanInterval(samples);
  return { estimate: mean, standardError, samples };
}
