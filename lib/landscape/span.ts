/**
 * Lines and planes through networks: an origin, axes, and the coordinates of their points.
 *
 * @module
 */
import { UsageError } from "~/lib/domain.ts";
import type { PerturbOptions, Ray } from "~/lib/engine.ts";
import { dot, type LayerSizes, layoutLayers, norm, type SharedFloats } from "~/lib/model.ts";
import { fillNormal, openStream } from "~/lib/random.ts";

/** A network that a span goes through. */
export interface SpanNetwork {
  /** For labels and messages. */
  readonly name: string;
  readonly sizes: LayerSizes;
  /** Flat parameters, shape [P]; read, never written. */
  readonly parameters: SharedFloats;
}

/** Points `origin + x axes[0] + y axes[1]`. */
export interface Span {
  readonly sizes: LayerSizes;
  readonly origin: SharedFloats;
  /** One of a line, two of a plane. */
  readonly axes: readonly SpanAxis[];
  /** The ray that a line is, where engines know it: along it they share the first layer's products. */
  readonly ray?: Pick<PerturbOptions, "seed"> & Pick<Ray, "direction" | "scaling">;
  /** The networks that lie in it; y is 0 on a line. */
  readonly networks: readonly { readonly name: string; readonly x: number; readonly y: number }[];
}

/** An axis and where its points lie. */
export interface SpanAxis {
  /** What a coordinate is. */
  readonly label: string;
  /** A step of 1, shape [P]. */
  readonly step: Float64Array;
  /** Ascending. */
  readonly ticks: readonly number[];
}

/** How random directions are drawn. */
export interface RandomSpanOptions {
  /** Direction k depends on the seed and k only. */
  readonly seed: number;
  /**
   * "filter": every row of weights moves by its own norm, a layer's biases together by theirs
   * (Li et al. arXiv 1712.09913). "none": a unit vector in the space of what moves.
   */
  readonly normalise: "filter" | "none";
  /** "keep" leaves biases where they are, as the code of that paper does. */
  readonly biases: "move" | "keep";
  /** Coordinates go from -radius to radius. */
  readonly radius: number;
  /** Points along each axis, one or two. */
  readonly points: readonly number[];
}

/** The line along random direction 0, or the plane of 0 and 1, around a network. */
export function randomSpan(network: SpanNetwork, options: RandomSpanOptions): Span {
  const { seed, normalise, radius, points, biases } = options;
  const isFilter = normalise === "filter";
  const isRay = points.length === 1 && biases === "move";
  return {
    sizes: network.sizes,
    origin: network.parameters,
    axes: points.map((count, k) => ({
      label: `Random direction ${k} of seed ${seed} (${isFilter ? "filters' norms" : "distance"})`,
      step: randomStep(network, k, options),
      ticks: evenTicks(-radius, radius, count),
    })),
    networks: [{ name: network.name, x: 0, y: 0 }],
    ...(isRay ? { ray: { seed, direction: 0, scaling: isFilter ? "filter" : "global" } } : {}),
  };
}

function randomStep(
  { sizes, parameters }: SpanNetwork,
  k: number,
  { seed, normalise, biases }: RandomSpanOptions,
): Float64Array {
  const normal = new Float32Array(parameters.length);
  fillNormal(normal, openStream(seed, k));
  const step = new Float64Array(normal);
  /** Of a part: by its network's norm over its own. */
  const scale = (from: number, to: number): void => {
    const length = norm(step.subarray(from, to));
    const factor = length > 0 ? norm(parameters.subarray(from, to)) / length : 0;
    for (let i = from; i < to; i++) step[i]! *= factor;
  };
  for (const { inputs, outputs, weight, bias } of layoutLayers(sizes)) {
    if (normalise === "filter") {
      for (let row = weight; row < bias; row += inputs) scale(row, row + inputs);
      scale(bias, bias + outputs);
    }
    if (biases === "keep") step.fill(0, bias, bias + outputs);
  }
  if (normalise === "filter") return step;
  const length = norm(step);
  return step.map((value) => value / length);
}

/**
 * The line from the first network (0) to the second (1), and half as far again at both ends: so many
 * even points, and both networks.
 */
export function lineBetween(from: SpanNetwork, to: SpanNetwork, points: number): Span {
  const step = difference(from, to);
  return {
    sizes: from.sizes,
    origin: from.parameters,
    axes: [{
      label: `Share of the way from ${from.name} to ${to.name}`,
      step,
      ticks: [...new Set([0, 1, ...evenTicks(-0.5, 1.5, points)])].sort((a, b) => a - b),
    }],
    networks: [{ name: from.name, x: 0, y: 0 }, { name: to.name, x: 1, y: 0 }],
  };
}

/**
 * The plane through three networks, in distances (Garipov et al. arXiv 1802.10026): x goes from the
 * first to the second, y at a right angle towards the third; a fifth more than they take on each side.
 */
export function planeThrough(
  networks: readonly [SpanNetwork, SpanNetwork, SpanNetwork],
  [width, height]: readonly [number, number],
): Span {
  const [first, second, third] = networks;
  const along = difference(first, second);
  const a = norm(along);
  const x = along.map((value) => value / a);
  const aside = difference(first, third);
  const b = dot(aside, x);
  for (let i = 0; i < aside.length; i++) aside[i]! -= b * x[i]!;
  const c = norm(aside);
  if (!(c > 1e-6 * a)) {
    throw new UsageError(
      `Cannot draw a plane as ${third.name} must not lie on the line of the other two networks`,
    );
  }
  const axis = (towards: string, step: Float64Array, ends: readonly number[], count: number) => {
    const [low, high] = [Math.min(...ends), Math.max(...ends)];
    const spare = (high - low) / 5;
    return {
      label: `Distance ${towards}`,
      step,
      ticks: evenTicks(low - spare, high + spare, count),
    };
  };
  return {
    sizes: first.sizes,
    origin: first.parameters,
    axes: [
      axis(`from ${first.name} towards ${second.name}`, x, [0, a, b], width),
      axis(`towards ${third.name}`, aside.map((value) => value / c), [0, c], height),
    ],
    networks: [
      { name: first.name, x: 0, y: 0 },
      { name: second.name, x: a, y: 0 },
      { name: third.name, x: b, y: c },
    ],
  };
}

/** @throws {UsageError} If there is none, as they are alike or of other sizes. */
function difference(from: SpanNetwork, to: SpanNetwork): Float64Array {
  if (String(from.sizes) !== String(to.sizes)) {
    throw new UsageError(
      `Cannot go from ${from.name} to ${to.name} as networks must have the same layers: sizes are ` +
        `${from.sizes.join(", ")} and ${to.sizes.join(", ")}`,
    );
  }
  const step = new Float64Array(to.parameters);
  for (let i = 0; i < step.length; i++) step[i]! -= from.parameters[i]!;
  if (!(norm(step) > 0)) {
    throw new UsageError(`Cannot go from ${from.name} to ${to.name} as they are the same network`);
  }
  return step;
}

/** Writes the point with these coordinates, shape [P]. */
export function fillPoint(out: SharedFloats, { origin, axes }: Span, at: readonly number[]): void {
  for (let i = 0; i < out.length; i++) {
    let value = origin[i]!;
    for (let a = 0; a < axes.length; a++) value += at[a]! * axes[a]!.step[i]!;
    out[i] = value;
  }
}

function evenTicks(low: number, high: number, count: number): number[] {
  // From both ends alike, so that the middle of an odd number is exactly 0, as one alone is.
  const last = count - 1;
  return Array.from({ length: count }, (_, i) => (low * (last - i) + high * i) / (last || 1));
}
