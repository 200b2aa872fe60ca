/**
 * The statistics of a model as they apply to the logits of a point beside it.
 *
 * @module
 */
import type { RayDirection, RayModel, RayPoint } from "~/lib/engine/cpu/perturbed_logits.ts";
import { stepFactors } from "~/lib/engine/scaling.ts";
import { type LayerSizes, layoutLayers } from "~/lib/model.ts";

/**
 * The logits of a network with hidden layers are computed without their bias, which their own
 * statistics remove. The statistics at w do not: logits at w + s v move by s v_b against them, which
 * is the same as means that move by -s v_b.
 *
 * @param statistics At w, of logits without bias: means, then inverse deviations, [2 * classes].
 * @returns For the logits of the point without bias.
 */
export function frozenStatistics(
  sizes: LayerSizes,
  statistics: Float64Array,
  { model, direction, point }: {
    readonly model: RayModel;
    readonly direction: RayDirection;
    readonly point: RayPoint;
  },
): Float64Array {
  const layers = layoutLayers(sizes);
  // The first layer's outputs have their bias, be they logits or not.
  if (layers.length === 1) return statistics;
  const { bias, outputs } = layers.at(-1)!;
  const factor = point.scaling === "global" ? direction.inverseNorm : stepFactors(
    point.scaling,
    sizes,
    { direction: direction.norms!, model: model.norms! },
  ).biases.at(-1)!;
  const shifted = statistics.slice();
  for (let c = 0; c < outputs; c++) {
    shifted[c]! -= point.step * factor * direction.vector![bias + c]!;
  }
  return shifted;
}
