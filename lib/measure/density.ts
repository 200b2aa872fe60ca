/**
 * The spectral density of the Hessian: how many of its eigenvalues lie where.
 *
 * @module
 */
import { count, directions } from "~/lib/domain.ts";
import { hessianPasses, multiplyHessian } from "~/lib/measure/curvature.ts";
import type { MeasureDefinition, MeasureValue } from "~/lib/measure/definition.ts";
import { dot, growKrylov, unitDirection } from "~/lib/measure/lanczos.ts";
import { meanInterval } from "~/lib/statistics.ts";

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
    kind: "engine",
    passes: probes * hessianPasses(steps),
    async compute({ parameters: { length: P } }, options): Promise<MeasureValue> {
      const spectra: { nodes: readonly number[]; weights: number[] }[] = [];
      for (let k = 0; k < probes; k++) {
        spectra.push(
          await growKrylov(
            async (v) => (await multiplyHessian([v], options))[0]!,
            unitDirection(P, options.seed, k),
            ({ basis, values, vectors, isExhausted }) => {
              options.onProgress((k * steps + basis.length) / (probes * steps));
              if (!isExhausted && basis.length < Math.min(steps, P)) return undefined;
              return { nodes: values, weights: vectors.map(([first]) => first! ** 2) };
            },
          ),
        );
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
