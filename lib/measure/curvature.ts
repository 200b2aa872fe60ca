/**
 * Measures made of the Hessian's exact products: its trace, the density of its eigenvalues, and the
 * largest one as it is and as an adaptive optimizer sees it.
 *
 * @module
 */
import { count, directions, positive } from "~/lib/domain.ts";
import {
  type ComputeOptions,
  type MeasureDefinition,
  type MeasuredNetwork,
  type MeasureValue,
  validateFinite,
} from "~/lib/measure/definition.ts";
import { growKrylov, largestPair, unitDirection } from "~/lib/measure/lanczos.ts";
import { dot, share, type SharedFloats } from "~/lib/model.ts";
import { parseOptimizer } from "~/lib/optimizer.ts";
import { meanInterval } from "~/lib/statistics.ts";

/** Vectors whose products are computed together: they share the pass at w. */
const TOGETHER = 4;

/** Products that Lanczos takes until 1e-2 on networks of this study: 9 to 13. */
const PRODUCTS = 12;

/** Forward passes of products with so many vectors: see `rayPasses`. */
function hessianPasses(vectors: number): number {
  return 1.5 + 2.4 * vectors;
}

/** Products H v, one a vector, all finite. @throws {NotFiniteError} */
async function multiplyHessian(
  vectors: readonly SharedFloats[],
  { signal, hessian }: ComputeOptions,
): Promise<SharedFloats[]> {
  signal.throwIfAborted();
  const products = await (await hessian()).multiply(vectors);
  for (const product of products) {
    // A sum over all entries is NaN or infinite where one of them is.
    validateFinite(product.reduce((sum, value) => sum + value, 0), "the Hessian's product");
  }
  return products;
}

/**
 * Samples are `P u_k' H u_k`, u_k those of `sharpness`, H what autograd has: the Hessian between the
 * kinks of ReLU. On a network of this study (SGD, learning rate 0.1, 104 epochs, 10,000 images) it was
 * 1822 +- 109, `trace` at r = 0.5 1202 +- 42. The samples' variance is about `2 |H|_F^2`.
 */
export const hessianTrace: MeasureDefinition<{ readonly directions: number }> = {
  name: "hessian-trace",
  summary: "tr H by exact products: mean over k of P u_k' H u_k (Hutchinson, on the sphere), the " +
    "trace of PyHessian and hessian-eigenthings",
  unit: "nats per unit^2",
  label: "trace of the Hessian, exact",
  parameters: { directions: { schema: directions, default: 4, help: "random directions K" } },
  method: ({ directions }) => ({
    passes: directions * hessianPasses(TOGETHER) / TOGETHER,
    async compute({ parameters: { length: P } }, options): Promise<MeasureValue> {
      const samples: number[] = [];
      while (samples.length < directions) {
        const vectors = Array.from(
          { length: Math.min(TOGETHER, directions - samples.length) },
          (_, i) => unitDirection(P, options.seed, samples.length + i),
        );
        const products = await multiplyHessian(vectors, options);
        samples.push(...products.map((product, i) => P * dot(product, vectors[i]!)));
        options.onProgress(samples.length / directions);
      }
      const { mean, standardError } = meanInterval(samples);
      return { estimate: mean, standardError, samples };
    },
  }),
};

/**
 * Stochastic Lanczos quadrature (Ghorbani et al. arXiv 1901.10159, Yao et al. arXiv 1912.07145): probe
 * k, the direction u_k of `sharpness`, gives nodes theta_i and weights w_i of sum 1 with
 * `sum w_i theta_i^j = u_k' H^j u_k` for all j below twice the steps; the mean of the right side over
 * directions is `tr(H^j) / P`, a moment of the density.
 *
 * Its value has `probes`, their nodes (descending) and weights; `samples`, their mean eigenvalues, which
 * are those of `hessian-trace` over P; and `smallest` and `largest`, the outermost nodes. A node is no
 * eigenvalue unless it stands out of the bulk.
 */
export const density: MeasureDefinition<{ readonly probes: number; readonly steps: number }> = {
  name: "density",
  summary: "spectral density of the Hessian by stochastic Lanczos quadrature, nodes and weights; " +
    "its estimate is the mean eigenvalue, tr H / P",
  unit: "nats per unit^2",
  label: "mean eigenvalue of the Hessian",
  parameters: {
    probes: { schema: directions, default: 4, help: "random directions" },
    steps: { schema: count, default: 40, help: "Hessian products a probe" },
  },
  method: ({ probes, steps }) => ({
    passes: probes * hessianPasses(steps),
    async compute({ parameters: { length: P } }, options): Promise<MeasureValue> {
      const spectra: { nodes: readonly number[]; weights: number[] }[] = [];
      for (let k = 0; k < probes; k++) {
        const spectrum = await growKrylov(
          async (v) => (await multiplyHessian([v], options))[0]!,
          unitDirection(P, options.seed, k),
          ({ basis, values, vectors, isExhausted }) => {
            options.onProgress((k * steps + basis.length) / (probes * steps));
            if (!isExhausted && basis.length < Math.min(steps, P)) return undefined;
            return { nodes: values, weights: vectors.map(([first]) => first! ** 2) };
          },
        );
        spectra.push(spectrum);
      }
      const samples = spectra.map(({ nodes, weights }) =>
        dot(Float64Array.from(nodes), Float64Array.from(weights))
      );
      const { mean, standardError } = meanInterval(samples);
      const nodes = spectra.flatMap((probe) => probe.nodes);
      const ends = { smallest: Math.min(...nodes), largest: Math.max(...nodes) };
      return { estimate: mean, standardError, samples, ...ends, probes: spectra };
    },
  }),
};

/**
 * Gradient descent is stable below `learning rate * lambda max = 2` and, at full batch, trains up to
 * it: the edge of stability (Cohen et al. arXiv 2103.00065).
 *
 * Its value has `residual`, `|H y - lambda y|` of the unit vector y that was found: an eigenvalue
 * lies within it; `converged` and `iterations`; and `timesLearningRate`, null where that is not known.
 * The residual decides when to end. The usual estimate of the error, residual^2 / gap, takes the gap to
 * the next eigenvalue that was found: on a network of this study (SGD, batch 16384, epoch 1,568) it was
 * below 1 % after 5 products, where the largest one lay 20 % higher.
 */
export const lambdaMax = largestEigenvalue({
  name: "lambda-max",
  summary: "largest eigenvalue of the Hessian by Lanczos with exact products (edge: 2 / lr)",
  unit: "nats per unit^2",
  label: "largest eigenvalue of the Hessian",
  isCrossCheck: true,
  edgeOf: "SGD",
});

/** The slot that holds sums of squared gradients. */
const SLOT = "accumulator";

/**
 * AdaGrad's step `w -= lr D^-1 g` is gradient descent in the coordinates D^1/2 w, stable below
 * `learning rate * lambda = 2` (Cohen et al. arXiv 2207.14484). Adam's moving mean would need the
 * number of updates too, and its threshold another constant than 2.
 */
export const preconditionedLambdaMax = largestEigenvalue({
  name: "preconditioned-lambda-max",
  summary: "lambda-max of D^-1/2 H D^-1/2, D = sqrt(accumulator) + epsilon of AdaGrad's state",
  unit: "nats",
  label: "largest eigenvalue of the preconditioned Hessian",
  slot: SLOT,
  edgeOf: "AdaGrad",
}, ({ optimizer, state, parameters: { length: P } }) => {
  const { slots, hyperparameters } = parseOptimizer(optimizer!);
  const accumulator = state!.subarray(slots.indexOf(SLOT) * P, (slots.indexOf(SLOT) + 1) * P);
  const epsilon = Number(hyperparameters["epsilon"]);
  // Where it is 0 the parameter never moved, and never will by this gradient: it is left out.
  return new Float64Array(accumulator).map((a) => a === 0 ? 0 : (Math.sqrt(a) + epsilon) ** -0.5);
});

/** @param scaleOf The diagonal of S in S H S, shape [P]; default 1. */
function largestEigenvalue(
  described: Omit<MeasureDefinition, "parameters" | "method">,
  scaleOf?: (network: MeasuredNetwork) => Float64Array,
): MeasureDefinition<{ readonly iterations: number; readonly tolerance: number }> {
  return {
    ...described,
    parameters: {
      iterations: { schema: count, default: 60, help: "most Hessian products" },
      tolerance: {
        schema: positive,
        default: 1e-3,
        help: "residual / eigenvalue at which to end",
      },
    },
    method: ({ iterations, tolerance }) => ({
      passes: hessianPasses(Math.min(iterations, PRODUCTS)),
      async compute(network, options): Promise<MeasureValue> {
        const { parameters: { length: P }, learningRate } = network;
        const scale = scaleOf?.(network);
        const scaled = (v: SharedFloats) => scale ? share(P, (i) => v[i]! * scale[i]!) : v;
        // The first direction of the study: any start would do, as nothing is averaged over starts.
        const start = unitDirection(P, options.seed, 0);
        scale?.forEach((s, i) => s === 0 && (start[i] = 0));
        const products: SharedFloats[] = [];
        const { value, ...quality } = await growKrylov(
          async (v) => {
            const [product] = await multiplyHessian([scaled(v)], options);
            products.push(scaled(product!));
            return products.at(-1)!;
          },
          start,
          (space) => {
            const taken = space.basis.length;
            options.onProgress(taken / Math.min(iterations, P));
            const { value, residual } = largestPair(space, products);
            const converged = space.isExhausted || residual <= tolerance * Math.abs(value);
            if (!converged && taken < iterations) return undefined;
            return { value, residual, converged, iterations: taken };
          },
        );
        const timesLearningRate = learningRate === undefined ? null : learningRate * value;
        return { estimate: value, standardError: null, ...quality, timesLearningRate };
      },
    }),
  };
}
