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

/** Parameters, gradients, a copy while members are dropped, and the optimizer's state. */
function memberBytes({ sizes, optimizer }: StackOptions): number {
  return (3 + parseOptimizer(optimizer).slots.length) * FLOAT * countParameters(sizes);
}

/** Members of a stack that fit with whole batches of `rows` rows; at least 1. */
export function fitMembers(options: StackOptions, rows: number, budget: Budget): number {
  const { sizes } = options;
  const tensor = FLOAT * Math.max(largestWeight(sizes), rows * widest(sizes));
  const member = memberBytes(options) + rows * rowBytes(sizes);
  const bytes = budget.bytes - rows * FLOAT * sizes[0]!;
  return atMost(MAX_MEMBERS, Math.min(bytes / member, budget.tensorBytes / tensor));
}

/** Rows that `members` networks can take at once; at least 1. */
function fitRows(sizes: LayerSizes, members: number, { bytes, tensorBytes }: Budget): number {
  const row = members * rowBytes(sizes) + FLOAT * sizes[0]!;
  const tensorRow = FLOAT * Math.max(members * widest(sizes), sizes[0]!);
  return atMost(Infinity, Math.min(bytes / row, tensorBytes / tensorRow));
}

/**
 * How a whole split goes through networks: `members` at once, `rows` rows at once.
 *
 * Half of the memory is for what a network keeps for all rows (outputs of its first layer and
 * logits), half for the rows in work.
 *
 * @param tangents Whether they are vectors that one network's Hessian is multiplied by: a row of
 * theirs holds derivatives beside the network's own values, and masks and sums of both.
 */
export function planSplit(
  sizes: LayerSizes,
  { models, rows, tangents = false }: { models: number; rows: number; tangents?: boolean },
  { bytes, tensorBytes }: Budget,
): { members: number; rows: number } {
  const model = FLOAT * (3 * countParameters(sizes) + rows * (sizes[1]! + 3 * sizes.at(-1)!));
  const tensor = FLOAT * Math.max(largestWeight(sizes), rows * sizes.at(-1)!);
  // A direction's part of the first layer, which all models share.
  const shared = FLOAT * rows * sizes[1]!;
  const members = atMost(models, Math.min((bytes / 2 - shared) / model, tensorBytes / tensor));
  const inWork = tangents ? 3 * (members + 1) : members;
  return {
    members,
    rows: Math.min(rows, fitRows(sizes, inWork, { bytes: bytes / 2, tensorBytes })),
  };
}
