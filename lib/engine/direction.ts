/**
 * Directions around a minimum, the same for every model: u_k = g_k / |g_k|, g_k ~ N(0, I_P), and how
 * far a step along one moves each part of a network.
 *
 * @module
 */
import type { Scaling } from "~/lib/engine/engine.ts";
import { type LayerSizes, layoutLayers } from "~/lib/model.ts";
import { fillNormal, openStream } from "~/lib/random.ts";

/** A direction before it is scaled: u_k = `normal` * `inverseNorm`. */
export interface Direction {
  /** g_k, shape [P]. */
  readonly normal: Float32Array;
  /** 1 / |g_k|, the norm taken over all P parameters in float64. */
  readonly inverseNorm: number;
}

/**
 * Draws direction `k`: it depends on `seed`, `k` and P only, never on order, chunk size or threads.
 *
 * @param out Written with g_k, shape [P].
 * @param k Integer >= 0.
 */
export function drawDirection(out: Float32Array, seed: number, k: number): Direction {
  fillNormal(out, openStream(seed, k));
  let squares = 0;
  for (let i = 0; i < out.length; i++) squares += out[i]! * out[i]!;
  return { normal: out, inverseNorm: 1 / Math.sqrt(squares) };
}

/** Euclidean norms of the parts of a vector in R^P. */
export interface PartNorms {
  /** Of every layer's weights, shape [L]. */
  readonly weights: readonly number[];
  /** Of every layer's biases, shape [L]. */
  readonly biases: readonly number[];
  /** Of every row of weights, layer after layer: one a unit. */
  readonly rows: Float64Array;
}

/** What a direction g is multiplied by for a step of 1: the rows of weights and the biases apart. */
export interface StepFactors {
  /** One a unit, layer after layer. */
  readonly rows: Float64Array;
  /** One a layer. */
  readonly biases: readonly number[];
}

/** Norms of a vector's tensors and rows, summed in float64. */
export function measureParts(sizes: LayerSizes, vector: Float32Array): PartNorms {
  const squaresOf = (from: number, to: number): number => {
    let squares = 0;
    for (let i = from; i < to; i++) squares += vector[i]! * vector[i]!;
    return squares;
  };
  const layers = layoutLayers(sizes);
  const squares = layers.map(({ inputs, outputs, weight }) =>
    Array.from(
      { length: outputs },
      (_, row) => squaresOf(weight + row * inputs, weight + (row + 1) * inputs),
    )
  );
  return {
    weights: squares.map((rows) => Math.sqrt(rows.reduce((sum, each) => sum + each, 0))),
    biases: layers.map(({ outputs, bias }) => Math.sqrt(squaresOf(bias, bias + outputs))),
    rows: Float64Array.from(squares.flat(), Math.sqrt),
  };
}

/**
 * The factors of a scaling other than "global", where there is but one: 1 / |g|.
 *
 * A part of the direction that is all 0 has the factor 0, as there is nowhere to go.
 *
 * @param direction Norms of g.
 * @param model Norms of w.
 */
export function stepFactors(
  scaling: Exclude<Scaling, "global">,
  sizes: LayerSizes,
  { direction, model }: { readonly direction: PartNorms; readonly model: PartNorms },
): StepFactors {
  const biases = model.biases.map((norm, layer) => ratio(norm, direction.biases[layer]!));
  switch (scaling) {
    case "tensor": {
      const weights = model.weights.map((norm, layer) => ratio(norm, direction.weights[layer]!));
      const units = sizes.slice(1).flatMap((outputs, layer) => Array(outputs).fill(weights[layer]));
      return { rows: Float64Array.from(units), biases };
    }
    case "filter":
      return { rows: model.rows.map((norm, row) => ratio(norm, direction.rows[row]!)), biases };
    default:
      throw new RangeError(
        `Cannot scale a direction as there is no such scaling: ${scaling satisfies never}`,
      );
  }
}

function ratio(of: number, to: number): number {
  return to === 0 ? 0 : of / to;
}
