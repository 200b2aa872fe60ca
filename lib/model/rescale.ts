/**
 * Networks of other scale that compute the same.
 *
 * @module
 */
import { type LayerSizes, layoutLayers } from "~/lib/model/layout.ts";
import { share } from "~/lib/model/vector.ts";

/**
 * Scales a hidden layer's weights and biases by c, the biases of the hidden layers after it by c, and
 * the last layer's weights by 1 / c: ReLU passes a factor on, so that the logits stay the same while
 * |w| does not (Dinh et al. arXiv 1703.04933). The normalisation of the logits would remove the factor
 * by itself, but only up to its eps, which counts where c makes their variance small; for the last
 * layer it has to.
 *
 * @param parameters Flat, shape [P]; read, never written.
 * @param layer Place of the layer, 0 for the first; the last one may be scaled too.
 * @param c The factor, > 0.
 * @returns Flat parameters of the scaled network, shape [P].
 * @throws {RangeError} If there is no such layer, or c is not finite and > 0.
 */
export function rescaleLayer(
  sizes: LayerSizes,
  parameters: Float32Array,
  { layer, c }: { readonly layer: number; readonly c: number },
): Float32Array<SharedArrayBuffer> {
  const layers = layoutLayers(sizes);
  if (!(Number.isInteger(layer) && layer >= 0 && layer < layers.length)) {
    throw new RangeError(
      `Cannot rescale a layer as it must be in 0..${layers.length - 1}: current value is ${layer}`,
    );
  }
  if (!(c > 0 && c < Infinity)) {
    throw new RangeError(
      `Cannot rescale a layer as c must be finite and > 0: current value is ${c}`,
    );
  }
  const scaled = share(parameters.length, (i) => parameters[i]!);
  for (const [index, { weight, bias, outputs }] of layers.entries()) {
    if (index < layer) continue;
    const isCompensating = index > layer && index === layers.length - 1;
    const from = index === layer || isCompensating ? weight : bias;
    const to = isCompensating ? bias : bias + outputs;
    for (let i = from; i < to; i++) scaled[i]! *= isCompensating ? 1 / c : c;
  }
  return scaled;
}
