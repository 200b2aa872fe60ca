/**
 * Generalisation: what flatness is said to be good for.
 *
 * @module
 */
import { defineMeasure, type MeasureValue } from "~/lib/measure/definition.ts";
import { demandFinite } from "~/lib/measure/not_finite_error.ts";

/**
 * `test loss - train loss`, both over whole splits with their own normalisation's statistics.
 *
 * Its value has `testError` and `trainError`, fractions 0..1 of rows that are classified wrongly.
 */
export const generalisation = defineMeasure({
  name: "generalization-gap",
  summary: "test loss - train loss, with the test error",
  unit: "nats",
  label: "generalization gap",
  isOutcome: true,
  parameters: {},
  passes: () => 0,
  how: {
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
  },
});
