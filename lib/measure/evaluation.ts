/**
 * Measures that need no more than a network's weights and its losses on both splits.
 *
 * @module
 */
import {
  type MeasureDefinition,
  type MeasureValue,
  validateFinite,
} from "~/lib/measure/definition.ts";
import { layoutLayers, norm } from "~/lib/model.ts";

/** Its value has `testError` and `trainError`, fractions of rows that are classified wrongly. */
export const generalizationGap: MeasureDefinition = {
  name: "generalization-gap",
  summary: "test loss - train loss, with the test error",
  unit: "nats",
  label: "generalization gap",
  isOutcome: true,
  parameters: {},
  method: () => ({
    compute: ({ trainLoss = NaN, trainAccuracy = NaN, testLoss = NaN, testAccuracy = NaN }) => ({
      estimate: validateFinite(testLoss, "the test loss") -
        validateFinite(trainLoss, "the training loss"),
      standardError: null,
      testError: 1 - testAccuracy,
      trainError: 1 - trainAccuracy,
    }),
  }),
};

/** Sharpness at r moves the weights by r / |w| of themselves. Its value has the norms of `layers`. */
export const weightNorm: MeasureDefinition = {
  name: "weight-norm",
  summary: "|w| over all parameters, with the norm of each layer",
  unit: "1",
  label: "weight norm",
  parameters: {},
  method: () => ({
    compute({ sizes, parameters }): MeasureValue {
      const layers = layoutLayers(sizes).map(({ inputs, outputs, weight }) =>
        norm(parameters.subarray(weight, weight + outputs * (inputs + 1)))
      );
      const estimate = validateFinite(Math.hypot(...layers), "every weight");
      return { estimate, standardError: null, layers };
    },
  }),
};
