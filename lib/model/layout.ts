/**
 * The network as data: layer sizes, the layout of its parameters in one flat vector, initialisation,
 * and networks of other scale that compute the same.
 *
 * Between layers ReLU, on the logits batch normalisation without scale and shift.
 *
 * @module
 */
import { z } from "zod";
import { integer, validate } from "~/lib/domain.ts";
import { fillUniform, openStream } from "~/lib/random.ts";

/** Units of each layer, inputs first, classes last. */
export type LayerSizes = readonly number[];

/** The study's network: 3072 -> 512 -> 256 -> 128 -> 10, P = 1,738,890. */
export const MLP_1: LayerSizes = [3072, 512, 256, 128, 10];

/** Added to the variance of the logits before the root (PyTorch's BatchNorm1d default). */
export const NORMALISATION_EPSILON = 1e-5;

/** Most units that a layer can have. */
export const MAX_UNITS = 2 ** 20;
const layerSizes = z.array(integer(1, MAX_UNITS)).min(2)
  .describe(`at least 2 integers in 1..${MAX_UNITS}`);

/** One linear layer: its shape and where its parameters lie in the flat vector. */
export interface Layer {
  readonly inputs: number;
  readonly outputs: number;
  /** Offset of the weights, shape [outputs, inputs], row major, as PyTorch stores them. */
  readonly weight: number;
  /** Offset of the biases, shape [outputs]. */
  readonly bias: number;
}

/**
 * Lays the parameters out: weight and bias of layer 1, of layer 2, and so on (PyTorch's
 * `parameters()` order, so that a flat vector means the same in both).
 *
 * @throws {UsageError} If there are fewer than two sizes or one is not an integer in 1..2^20.
 */
export function layoutLayers(sizes: LayerSizes): Layer[] {
  validate(layerSizes, sizes, "Cannot lay out a network as layer sizes");
  let end = 0;
  return sizes.slice(1).map((outputs, index) => {
    const inputs = sizes[index]!;
    const [weight, bias] = [end, end + outputs * inputs];
    end = bias + outputs;
    return { inputs, outputs, weight, bias };
  });
}

/** Number of parameters P, biases included. */
export function countParameters(sizes: LayerSizes): number {
  return layoutLayers(sizes).reduce((sum, layer) => sum + layer.outputs * (layer.inputs + 1), 0);
}

/**
 * Draws initial parameters as PyTorch's `Linear` does: weights and biases from
 * U(-1/sqrt(fan_in), 1/sqrt(fan_in)).
 *
 * They depend on `sizes` and `seed` only: every cell of the grid starts from the same weights.
 *
 * @param seed Integer in 0..2^32-1.
 * @returns Flat parameters, shape [P].
 * @throws {RangeError} If `seed` or `sizes` is out of its domain.
 */
export function initialise(sizes: LayerSizes, seed: number): SharedFloats {
  const parameters = share(countParameters(sizes));
  const generator = openStream(seed, 0);
  for (const { inputs, outputs, weight } of layoutLayers(sizes)) {
    const layer = parameters.subarray(weight, weight + outputs * (inputs + 1));
    fillUniform(layer, generator, 1 / Math.sqrt(inputs));
  }
  return parameters;
}

/**
 * Scales a hidden layer's weights and biases by c, the biases of the hidden layers after it by c, and
 * the last layer's weights by 1 / c: ReLU passes a factor on, so that the logits stay the same while
 * |w| does not (Dinh et al. arXiv 1703.04933). The normalisation of the logits would remove the factor
 * by itself, but only up to its eps, which counts where c makes their variance small; for the last
 * layer it has to.
 *
 * @param parameters Flat, shape [P]; read, never written.
 * @param layer Place of the layer, 0 for the first; the last one may be scaled too.
 * @param c The factor, finite and > 0.
 * @returns Flat parameters of the scaled network, shape [P].
 */
export function rescaleLayer(
  sizes: LayerSizes,
  parameters: Float32Array,
  { layer, c }: { readonly layer: number; readonly c: number },
): SharedFloats {
  const layers = layoutLayers(sizes);
  const scaled = shareCopy(parameters);
  for (const [index, { weight, bias, outputs }] of layers.entries()) {
    if (index < layer) continue;
    const isCompensating = index > layer && index === layers.length - 1;
    const from = index === layer || isCompensating ? weight : bias;
    const to = isCompensating ? bias : bias + outputs;
    for (let i = from; i < to; i++) scaled[i]! *= isCompensating ? 1 / c : c;
  }
  return scaled;
}

/**
 * Scales every hidden unit, c its incoming weights and bias and 1 / c its outgoing weights, until both
 * have one Euclidean norm: the same function, whatever scales ReLU had left to its units. Unit by unit
 * it comes to the one such network of least norm (Stock et al. arXiv 1902.10416).
 *
 * @param parameters Flat, shape [P]; read, never written.
 * @returns Flat parameters of the balanced network, shape [P]; a unit without weights on one side, or
 * with weights that are not finite, stays as it is.
 */
export function balanceUnits(sizes: LayerSizes, parameters: Float32Array): SharedFloats {
  const layers = layoutLayers(sizes);
  const balanced = Float64Array.from(parameters);
  let largest: number;
  do {
    largest = 0;
    for (const [index, { inputs, outputs, weight, bias }] of layers.slice(0, -1).entries()) {
      const next = layers[index + 1]!;
      for (let unit = 0; unit < outputs; unit++) {
        const incoming = balanced.subarray(weight + unit * inputs, weight + (unit + 1) * inputs);
        const columns = Array.from({ length: next.outputs }, (_, row) => row * outputs + unit);
        const outgoing = Float64Array.from(columns, (column) => balanced[next.weight + column]!);
        const c = Math.sqrt(norm(outgoing) / norm(incoming));
        if (!(c > 0 && c < Infinity)) continue;
        largest = Math.max(largest, Math.abs(Math.log(c)));
        for (let i = 0; i < inputs; i++) incoming[i]! *= c;
        balanced[bias + unit]! *= c;
        for (const column of columns) balanced[next.weight + column]! /= c;
      }
    }
    // A round that changes less than float32 rounds is the last.
  } while (largest > 1e-8);
  return shareCopy(balanced);
}

/** float32 as networks have it, or float64. */
export type Vector = Float32Array | Float64Array;

/** a'b, summed in float64. */
export function dot(a: Vector, b: Vector): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i]! * b[i]!;
  return sum;
}

/** |a|. */
export function norm(a: Vector): number {
  return Math.sqrt(dot(a, a));
}

/** float32 in memory that threads can share. */
export type SharedFloats = Float32Array<SharedArrayBuffer>;

/** Makes `length` float32 numbers that threads can share, each what `at` gives; default zeros. */
export function share(length: number, at?: (i: number) => number): SharedFloats {
  const out = new Float32Array(new SharedArrayBuffer(4 * length));
  if (at !== undefined) { for (let i = 0; i < length; i++) out[i] = at(i); }
  return out;
}

/** Copies numbers into memory that threads can share, rounded to float32. */
export function shareCopy(values: ArrayLike<number>): SharedFloats {
  const copy = share(values.length);
  copy.set(values);
  return copy;
}
