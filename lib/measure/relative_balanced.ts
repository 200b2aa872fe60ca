/**
 * Relative sharpness of a network whose hidden units are balanced.
 *
 * @module
 */
import { relativeFilter } from "~/lib/measure/along_rays.ts";
import { type MeasureMethod, type MeasureValue, validateFinite } from "~/lib/measure/definition.ts";
import { balanceUnits } from "~/lib/model.ts";

/**
 * `relative-filter` of the same function with every hidden unit's incoming and outgoing weights of one
 * norm. Scaling a single unit up and its outgoing weights down leaves the function as it is, but makes
 * rows of the next layer uneven: the other weights of a row then move by a share of that unit's. Only
 * balanced networks are compared whatever the scales of their units.
 */
export const relativeBalanced: typeof relativeFilter = {
  ...relativeFilter,
  name: "relative-balanced",
  summary: "relative-filter of the same function with hidden units scaled to " +
    "incoming and outgoing weights of one norm",
  label: "relative sharpness (balanced)",
  isLead: false,
  method(protocol): MeasureMethod {
    const { rays = [], compute } = relativeFilter.method(protocol);
    return {
      // As of one network by itself: see `rayPasses`.
      passes: 1 + 1.2 * rays.length,
      async compute(network, options): Promise<MeasureValue> {
        const models = [balanceUnits(network.sizes, network.parameters)];
        const [found] = await options.engine.perturbedLosses(network.sizes, models, {
          ...{ seed: options.seed, signal: options.signal, rays },
          onProgress: (done, total) => options.onProgress(done / total),
        });
        const loss = validateFinite(found!.loss, "the loss");
        const losses = found!.losses.map((points) =>
          points.map((point) => validateFinite(point, "the loss at a step"))
        );
        return compute(network, { ...options, rayLosses: () => ({ loss, losses }) });
      },
    };
  },
};
