/**
 * The weights' norm, against which a fixed radius is to be seen.
 *
 * @module
 */
import { defineMeasure, type MeasureValue } from "~/lib/measure/definition.ts";
import { demandFinite } from "~/lib/measure/not_finite_error.ts";
import { layoutLayers } from "~/lib/model.ts";

/**
 * `|w|` over all P parameters: sharpness at radius r moves the weights by r / |w| of themselves.
 *
 * Its value has `layers`, the norm of each layer's weights and biases together.
 */
export const weightNorm = defineMeasure({
  name: "weight-norm",
  summary: "|w| over all parameters, with the norm of each layer",
  unit: "1",
  label: "weight norm",
  parameters: {},
  passes: () => 0,
  how: {
    kind: "evaluation",
    estimate({ sizes, parameters }): MeasureValue {
      const layers = layoutLayers(sizes).map(({ inputs, outputs, weight }) => {
        const end = weight + outputs * (inputs + 1);
        let squares = 0;
        for (let i = weight; i < end; i++) squares += parameters[i]! ** 2;
        return Math.sqrt(squares);
      });
      const estimate = demandFinite(Math.hypot(...layers), "weight-norm", "every weight");
      return { estimate, standardError: null, layers };
    },
  },
});
