/**
 * Rises in loss along random rays, and their mean: what most measures are made of.
 *
 * @module
 */
import type { Ray, Scaling } from "~/lib/engine.ts";
import type { MeasureValue } from "~/lib/measure/definition.ts";
import { meanInterval } from "~/lib/statistics.ts";

/** Which rays. */
export interface RayOptions {
  /** K: directions 0..K-1. */
  readonly directions: number;
  readonly steps: readonly number[];
  /** Default "global": unit vectors in R^P. */
  readonly scaling?: Scaling;
}

/** The same steps along each of the first K directions. */
export function drawRays({ directions, steps, scaling = "global" }: RayOptions): Ray[] {
  return Array.from({ length: directions }, (_, direction) => ({ direction, scaling, steps }));
}

/** A mean of samples with what it was taken from. */
export interface RiseEstimate extends MeasureValue {
  /** L(w) in nats. */
  readonly loss: number;
  /** Shape [K]. */
  readonly samples: readonly number[];
}

/**
 * The mean over directions of the mean rise over a direction's steps.
 *
 * @param loss L(w).
 * @param losses Shape [K][steps]: one step, or a pair of opposite ones.
 * @returns Nats; the standard error is null for K = 1.
 */
export function riseEstimate(
  loss: number,
  losses: readonly (readonly number[])[],
): RiseEstimate {
  const samples = losses.map((points) => meanRise(loss, points));
  const { mean, standardError } = meanInterval(samples);
  return { estimate: mean, standardError, loss, samples };
}

/** Differences first: where every loss is L(w) the mean is exactly 0. */
function meanRise(loss: number, points: readonly number[]): number {
  return points.reduce((sum, point) => sum + (point - loss), 0) / points.length;
}
