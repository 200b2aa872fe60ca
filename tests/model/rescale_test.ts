import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { initialise, layoutLayers, rescaleLayer } from "~/lib/model.ts";

const SIZES = [5, 4, 3, 2];

/** Logits of one input, plain float64 loops. */
function logits(parameters: Float32Array, input: readonly number[]): number[] {
  const layers = layoutLayers(SIZES);
  return layers.reduce<number[]>(
    (values, { weight, bias, inputs, outputs }, index) =>
      Array.from({ length: outputs }, (_, o) => {
        const sum = values.reduce(
          (total, value, i) => total + value * parameters[weight + o * inputs + i]!,
          parameters[bias + o]!,
        );
        return index < layers.length - 1 ? Math.max(0, sum) : sum;
      }),
    [...input],
  );
}

Deno.test("rescaleLayer() changes no logit, whatever hidden layer and c", () => {
  const parameters = initialise(SIZES, 3);
  const before = parameters.slice();
  const input = [0.1, 0.9, 0.4, 0.7, 0.2];
  const expected = logits(parameters, input);
  for (const layer of [0, 1]) {
    for (const c of [0.1, 3, 10]) {
      const found = logits(rescaleLayer(SIZES, parameters, { layer, c }), input);
      // Each of some 20 float32 parameters on a way is rounded once: 20 * 2^-24 of values below 1.
      for (const [k, value] of found.entries()) assertAlmostEquals(value, expected[k]!, 1.2e-6);
    }
  }
  assertEquals([...parameters], [...before]);
});

Deno.test("rescaleLayer() says which layers and factors there are", () => {
  const parameters = initialise(SIZES, 0);
  assertThrows(
    () => rescaleLayer(SIZES, parameters, { layer: 3, c: 1 }),
    RangeError,
    "Cannot rescale a layer as it must be in 0..2: current value is 3",
  );
  assertThrows(
    () => rescaleLayer(SIZES, parameters, { layer: 0, c: 0 }),
    RangeError,
    "Cannot rescale a layer as c must be finite and > 0: current value is 0",
  );
});
