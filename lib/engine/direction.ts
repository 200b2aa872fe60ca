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
  return { normal: out, inverseNorm: 1 / Math.sqrt(squaresOf(out)) };
}

function squaresOf(vector: Float32Array, from = 0, to = vector.length): number {
  let squares = 0;
  for (let i = from; i < to; i++) squares += vector[i]! * vector[i]!;
  return squares;
}

/** Euclidean norms of the parts of a vector in R^P, summed in float64. */
export interface PartNorms {
  /** Of every layer's weights, shape [L]. */
  readonly weights: readonly number[];
  /** Of every layer's biases, shape [L]. */
  readonly biases: readonly number[];
  /** Of every row of weights, layer after layer: one a unit. */
  readonly rows: Float64Array;
}

/** Norms of a vector's tensors and rows. */
export function measureParts(sizes: LayerSizes, vector: Float32Array): PartNorms {
  const layers = layoutLayers(sizes);
  const squares = layers.map(({ inputs, outputs, weight }) =>
    Array.from({ length: outputs }, (_, row) => {
      const from = weight + row * inputs;
      return squaresOf(vector, from, from + inputs);
    })
  );
  return {
    weights: squares.map((rows) => Math.sqrt(rows.reduce((sum, each) => sum + each, 0))),
    biases: layers.map(({ outputs, bias }) => Math.sqrt(squaresOf(vector, bias, bias + outputs))),
    rows: Float64Array.from(squares.flat(), Math.sqrt),
  };
}

/** A point on a line through a model: how the direction is scaled, and how far it is. */
export interface RayPoint {
  readonly scaling: Scaling;
  readonly step: number;
}

/** What a direction g is multiplied by on the way to a point: the rows of weights, and the biases. */
export interface StepFactors {
  /** One a unit, layer after layer. */
  readonly rows: Float64Array;
  /** One a layer. */
  readonly biases: readonly number[];
}

/**
 * The factors of a point.
 *
 * A part of the direction that is all 0 has the factor 0, as there is nowhere to go.
 *
 * @param direction Of g; norms are needed by every scaling but "global".
 * @param model Norms of w, where the direction's are given.
 */
export function stepFactors(
  { scaling, step }: RayPoint,
  sizes: LayerSizes,
  { inverseNorm, norms }: Pick<Direction, "inverseNorm"> & { readonly norms?: PartNorms },
  model: PartNorms | undefined,
): StepFactors {
  const outputs = sizes.slice(1);
  const ofUnits = (layers: readonly number[]): Float64Array =>
    Float64Array.from(outputs.flatMap((units, layer) => Array(units).fill(layers[layer])));
  const ratios = (part: "weights" | "biases"): number[] =>
    model![part].map((norm, layer) => step * ratio(norm, norms![part][layer]!));
  switch (scaling) {
    case "global": {
      const biases = outputs.map(() => step * inverseNorm);
      return { rows: ofUnits(biases), biases };
    }
    case "tensor":
      return { rows: ofUnits(ratios("weights")), biases: ratios("biases") };
    case "filter":
      return {
        rows: model!.rows.map((norm, row) => step * ratio(norm, norms!.rows[row]!)),
        biases: ratios("biases"),
      };
    default:
      throw new RangeError(
        `Cannot scale a direction as there is no such scaling: ${scaling satisfies never}`,
      );
  }
}

function ratio(of: number, to: number): number {
  return to === 0 ? 0 : of / to;
}
