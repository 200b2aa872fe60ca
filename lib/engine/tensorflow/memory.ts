/**
 * What fits on the device: members of a stack, rows at once, models at once.
 *
 * WebGPU does not tell how much memory a device has, so that the budget is an option.
 *
 * @module
 */
import type { StackOptions } from "~/lib/engine/engine.ts";
import { countParameters, type LayerSizes, layoutLayers } from "~/lib/model.ts";
import { parseOptimizer } from "~/lib/optimizer.ts";

/** Bytes that a device offers for everything but the images, and those of its largest tensor. */
export interface Budget {
  readonly bytes: number;
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

const widest = (sizes: LayerSizes): number => Math.max(...sizes.slice(1));

const largestWeight = (sizes: LayerSizes): number =>
  Math.max(...layoutLayers(sizes).map(({ inputs, outputs }) => inputs * outputs));

/** The whole part of a number, 1 at least and `high` at most. */
const atMost = (high: number, value: number): number =>
  Math.min(Math.max(Math.floor(value), 1), high);

/** Members of a stack that fit with whole batches of `rows` rows; at least 1. */
export function fitMembers(
  { sizes, optimizer }: StackOptions,
  rows: number,
  budget: Budget,
): number {
  // Parameters, gradients, a copy while members are dropped, and the optimizer's state.
  const vectors = 3 + parseOptimizer(optimizer).slots.length;
  const member = FLOAT * vectors * countParameters(sizes) + rows * rowBytes(sizes);
  const tensor = FLOAT * Math.max(largestWeight(sizes), rows * widest(sizes));
  const bytes = budget.bytes - rows * FLOAT * sizes[0]!;
  return atMost(MAX_MEMBERS, Math.min(bytes / member, budget.tensorBytes / tensor));
}

/**
 * How a whole split goes through networks: `members` at once, `rows` rows at once.
 *
 * Half of the memory is for what a network keeps for all rows (outputs of its first layer and
 * logits), half for the rows in work.
 *
 * @param tangents Whether they are vectors that one network's Hessian is multiplied by: the network's
 * own logits lie beside theirs, and a row of theirs holds derivatives beside the network's own values,
 * and masks and sums of both.
 */
export function planSplit(
  sizes: LayerSizes,
  { models, rows, tangents = false }: { models: number; rows: number; tangents?: boolean },
  { bytes, tensorBytes }: Budget,
): { members: number; rows: number } {
  const own = tangents ? 1 : 0;
  const model = FLOAT * (3 * countParameters(sizes) + rows * (sizes[1]! + 3 * sizes.at(-1)!));
  const tensor = FLOAT * Math.max(largestWeight(sizes), rows * sizes.at(-1)!);
  // A direction's part of the first layer, which all models share.
  const shared = FLOAT * rows * sizes[1]!;
  const half = bytes / 2;
  const members = atMost(models, Math.min((half - shared) / model, tensorBytes / tensor - own));
  const inWork = tangents ? 3 * (members + own) : members;
  const row = inWork * rowBytes(sizes) + FLOAT * sizes[0]!;
  const tensorRow = FLOAT * Math.max(inWork * widest(sizes), sizes[0]!);
  return { members, rows: atMost(rows, Math.min(half / row, tensorBytes / tensorRow)) };
}
