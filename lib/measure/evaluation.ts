/**
 * Measures that need no more than a network's weights and its losses on both splits.
 *
 * @module
 */
import {
  demandFinite,
  type MeasureDefinition,
  type MeasureValue,
} from "~/lib/measure/definition.ts";
import { layoutLayers } from "~/lib/model.ts";

/**
 * Both losses over whole splits with their own normalisation's statistics. Its value has `testError`
 * and `trainError`, fractions of rows that are classified wrongly.
 */
export const generalizationGap: MeasureDefinition = {
  name: "generalization-gap",
  summary: "test loss - train loss, with the test error",
  unit: "nats",
  label: "generalization gap",
  isOutcome: true,
  parameters: {},
  method: () => ({
    kind: "evaluation",
    estimate({ trainLoss, trainAccuracy, testLoss, testAccuracy }): MeasureValue {
      demandFinite(trainLoss, "generalization-gap", "the training loss");
      demandFinite(testLoss, "generalization-gap", "the test loss");
      return {
        estimate: testLoss - trainLoss,
        standardError: null,
        testError: 1 - testAccuracy,
        trainError: 1 - trainAccuracy,
      };
    },
  }),
};

/**
 * Against which a fixed radius is to be seen: r moves the weights by r / |w| of themselves. Its value
 * has `layers`, the norm of each layer's weights and biases together.
 */
export const weightNorm: MeasureDefinition = {
  name: "weight-norm",
  summary: "|w| over all parameters, with the norm of each layer",
  unit: "1",
  label: "weight norm",
  parameters: {},
  method: () => ({
    kind: "evaluation",
    estimate({ sizes, parameters }): MeasureValue {
      const layers = layoutLayers(sizes).map(({ inputs, outputs, weight }) => {
        let squares = 0;
        for (let i = 0; i < outputs * (inputs + 1); i++) squares += parameters[weight + i]! ** 2;
        return Math.sqrt(squares);
      });
      const estimate = demandFinite(Math.hypot(...layers), "weight-norm", "every weight");
      return { estimate, standardError: null, layers };
    },
  }),
};
