/**
 * What measures cost, in forward passes over the training set.
 *
 * Ratios of processor time on MLP_1 and 10,000 images with the CPU engine (OpenBLAS, AMD EPYC, one
 * thread, lowest of 2 to 4 runs), where a forward pass took 0.52 s.
 *
 * @module
 */
import type { Ray } from "~/lib/engine.ts";

/** A direction: its draw, and its product with the images. */
export const DIRECTION_PASSES = 1;

/** A point on a ray whose direction's product is there: the layers after the first. */
export const POINT_PASSES = 0.1;

/** A loss with its gradient. */
export const GRADIENT_PASSES = 2.5;

/** Products that Lanczos takes until 1e-3 on networks of this study. */
const PRODUCTS = 13;

/**
 * Passes of rays around networks that share directions: L(w) of each, every direction once, every
 * point of every network.
 */
export function rayPasses(rays: readonly Ray[], networks: number): number {
  const directions = new Set(rays.map(({ direction }) => direction)).size;
  const points = rays.reduce((sum, { steps }) => sum + steps.length, 0);
  return directions * DIRECTION_PASSES + networks * (1 + points * POINT_PASSES);
}

/** Passes of exact products H v with so many vectors, of one Hessian. */
export function hessianPasses(vectors: number): number {
  return 1.5 + 2.4 * vectors;
}

/** Passes of a largest eigenvalue. */
export function eigenvaluePasses({ iterations }: { readonly iterations: number }): number {
  return hessianPasses(Math.min(iterations, PRODUCTS));
}
