/**
 * What measures cost, in forward passes over the training set.
 *
 * @module
 */
import type { Ray } from "~/lib/engine.ts";

/** A direction's product with the images: the first layer's share of MLP_1's weights. */
export const DIRECTION_PASSES = 0.9;

/** A point on a ray whose direction's product is there: the layers after the first. */
export const POINT_PASSES = 0.15;

/** A loss with its gradient: forward, and a product each for weights and (but layer 1) units. */
export const GRADIENT_PASSES = 2.1;

/** An exact product H v, at most 3 gradients. */
export const HESSIAN_PASSES = 5;

/**
 * Passes of rays around networks that share directions: L(w) of each, every direction once, every
 * point of every network.
 */
export function rayPasses(rays: readonly Ray[], networks: number): number {
  const directions = new Set(rays.map(({ direction }) => direction)).size;
  const points = rays.reduce((sum, { steps }) => sum + steps.length, 0);
  return directions * DIRECTION_PASSES + networks * (1 + points * POINT_PASSES);
}

/** Products that Lanczos takes until 1e-3 on networks of this study, one for the residual included. */
const PRODUCTS = 16;

/** Passes of a largest eigenvalue. */
export function eigenvaluePasses({ iterations }: { readonly iterations: number }): number {
  return Math.min(iterations + 1, PRODUCTS) * HESSIAN_PASSES;
}
