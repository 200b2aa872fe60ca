/**
 * What fits on the device: members of a stack, rows at once, models at once.
 *
 * WebGPU does not tell how much memory a device has, so that the budget is an option.
 *
 * @module
 */
import type { StackOptions } from "~/lib/engine/engine.ts";
import { countParameters, type LayerSizes, layoutLayers } from "~/lib/model.ts";
import { openOptimizer } from "~/lib/optimizer.ts";

/** What a device offers to networks. */
export interface Budget {
  /** Bytes for everything but the images. */
  readonly bytes: number;
  /** Bytes of the largest tensor. */
  readonly tensorBytes: number;
}

/** A float32. */
const FLOAT = 4;

/** Members in lock-step at most: more fill no GPU better, and lose more when interrupted. */
const MAX_MEMBERS = 128;

/** Outputs of all layers and their gradients, bytes a row and member. */
export function rowBytes(sizes: LayerSizes): number {
  return 2 * FLOAT * sizes.slice(1).reduce((sum, units) => sum + units, 0);
}

function widest(sizes: LayerSizes): number {
  return Math.max(...sizes.slice(1));
}

function largestWeight(sizes: LayerSizes): number {
  return Math.max(...layoutLayers(sizes).map(({ inputs, outputs }) => inputs * outputs));
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(Math.floor(value), low), high);
}

/** Members of a stack that fit with whole batches of `rows` rows; at least 1. */
export function fitMembers(
  { sizes, optimizer }: StackOptions,
  rows: number,
  budget: Budget,
): number {
  // Parameters, gradients, one copy while reading or dropping members, and the optimizer's state.
  const vectors = 3 + openOptimizer(optimizer).slots.length;
  const member = vectors * FLOAT * countParameters(sizes) + rows * rowBytes(sizes);
  const tensor = FLOAT * Math.max(largestWeight(sizes), rows * widest(sizes));
  return clamp(
    Math.min((budget.bytes - rows * FLOAT * sizes[0]!) / member, budget.tensorBytes / tensor),
    1,
    MAX_MEMBERS,
  );
}

/** Rows that a stack of `members` can take at once from `bytes`; at least 1. */
export function fitRows(
  sizes: LayerSizes,
  members: number,
  { bytes, tensorBytes }: Budget,
): number {
  const row = members * rowBytes(sizes) + FLOAT * sizes[0]!;
  const tensorRow = FLOAT * Math.max(members * widest(sizes), sizes[0]!);
  return clamp(Math.min(bytes / row, tensorBytes / tensorRow), 1, Number.MAX_SAFE_INTEGER);
}

/** Rows of a batch that a stack takes at once: what its parameters leave. */
export function fitBatch(
  { sizes, optimizer }: StackOptions,
  members: number,
  { bytes, tensorBytes }: Budget,
): number {
  const vectors = 3 + openOptimizer(optimizer).slots.length;
  const parameters = vectors * FLOAT * countParameters(sizes) * members;
  return fitRows(sizes, members, { bytes: Math.max(bytes - parameters, 0), tensorBytes });
}

/**
 * How a whole split goes through models: `members` models at once, `rows` rows at once.
 *
 * Half of the memory is for what a model keeps for all rows (outputs of its first layer and logits),
 * half for the rows in work.
 */
export function planSplit(
  sizes: LayerSizes,
  models: number,
  rows: number,
  { bytes, tensorBytes }: Budget,
): { members: number; rows: number } {
  const model = FLOAT * (3 * countParameters(sizes) + rows * (sizes[1]! + 3 * sizes.at(-1)!));
  const tensor = FLOAT * Math.max(largestWeight(sizes), rows * sizes.at(-1)!);
  // A direction's part of the first layer, which all models share.
  const shared = FLOAT * rows * sizes[1]!;
  const members = clamp(Math.min((bytes / 2 - shared) / model, tensorBytes / tensor), 1, models);
  const half = { bytes: bytes / 2, tensorBytes };
  return { members, rows: Math.min(rows, fitRows(sizes, members, half)) };
}

/**
 * How products of the Hessian are made: `vectors` at once, `rows` rows at once. A vector's row holds
 * derivatives beside the model's own values, and masks and sums of both.
 */
export function planProducts(
  sizes: LayerSizes,
  vectors: number,
  rows: number,
  budget: Budget,
): { vectors: number; rows: number } {
  const { members } = planSplit(sizes, vectors, rows, budget);
  const half = { ...budget, bytes: budget.bytes / 2 };
  return { vectors: members, rows: Math.min(rows, fitRows(sizes, 3 * (members + 1), half)) };
}
