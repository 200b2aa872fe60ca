/**
 * Directions around a minimum, the same for every model: u_k = g_k / |g_k|, g_k ~ N(0, I_P), and how
 * far a step along one moves each part of a network.
 *
 * @module
 */
import type { Scaling } from "~/lib/engine/engine.ts";
import { dot, type LayerSizes, layoutLayers, norm } from "~/lib/model.ts";
import { fillNormal, openStream } from "~/lib/random.ts";

/** A number for every part of a network that a scaling moves by its own factor. */
export interface Parts {
  /** Of the rows of weights: one a unit, layer after layer. */
  readonly rows: Float64Array;
  /** Of the biases: one a layer. */
  readonly biases: readonly number[];
}

/** Euclidean norms of a vector's parts in R^P, summed in float64; a tensor's is that of all its rows. */
export type PartNorms = Readonly<Record<Exclude<Scaling, "global">, Parts>>;

/** What is known of a direction g_k before it is scaled. */
export interface Direction {
  /** 1 / |g_k|, the norm taken over all P parameters in float64. */
  readonly inverseNorm: number;
  /** Where steps are scaled by parts. */
  readonly norms: PartNorms | undefined;
}

/** Which direction is drawn, and into what. */
export interface Draw {
  readonly sizes: LayerSizes;
  /** Written with g_k, shape [P]. */
  readonly out: Float32Array;
  readonly seed: number;
  /** Integer >= 0. */
  readonly k: number;
  /** Whether its parts are measured, which takes as long as a product of 200 rows. */
  readonly parts: boolean;
}

/** Draws direction k: it depends on the seed, k and P only, never on order, chunk size or threads. */
export function drawDirection({ sizes, out, seed, k, parts }: Draw): Direction {
  fillNormal(out, openStream(seed, k));
  return { inverseNorm: 1 / norm(out), norms: parts ? measureParts(sizes, out) : undefined };
}

export function measureParts(sizes: LayerSizes, vector: Float32Array): PartNorms {
  const squares = (from: number, length: number): number => {
    const part = vector.subarray(from, from + length);
    return dot(part, part);
  };
  const layers = layoutLayers(sizes);
  const rows = layers.map(({ inputs, outputs, weight }) =>
    Array.from({ length: outputs }, (_, row) => squares(weight + row * inputs, inputs))
  );
  const tensors = rows.map((all) => {
    const whole = all.reduce((sum, each) => sum + each, 0);
    return all.map(() => whole);
  });
  const biases = layers.map(({ outputs, bias }) => Math.sqrt(squares(bias, outputs)));
  return {
    tensor: { rows: Float64Array.from(tensors.flat(), Math.sqrt), biases },
    filter: { rows: Float64Array.from(rows.flat(), Math.sqrt), biases },
  };
}

/** A point on a line through a model: how the direction is scaled, and how far it is. */
export interface RayPoint {
  readonly scaling: Scaling;
  readonly step: number;
}

/**
 * What a direction's parts are multiplied by on the way to a point.
 *
 * A part of the direction that is all 0 has the factor 0, as there is nowhere to go.
 *
 * @param model Norms of w; like the direction's they must have been measured.
 */
export function stepFactors(
  { scaling, step }: RayPoint,
  { inverseNorm, norms }: Direction,
  model: PartNorms | undefined,
): Parts {
  const [w, g] = scaling === "global"
    ? [model!.filter, undefined]
    : [model![scaling], norms![scaling]];
  const factor = (of: number, to: number | undefined): number =>
    step * (to === undefined ? inverseNorm : to === 0 ? 0 : of / to);
  return {
    rows: w.rows.map((norm, row) => factor(norm, g?.rows[row])),
    biases: w.biases.map((norm, layer) => factor(norm, g?.biases[layer])),
  };
}
