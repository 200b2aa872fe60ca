/**
 * Where cells stand along a figure's horizontal axis.
 *
 * @module
 */
import { scientific } from "~/lib/files/numbers.ts";
import {
  type Cell,
  type EffectName,
  EFFECTS,
  effectValue,
  listCells,
  type Study,
} from "~/lib/study.ts";

/** Panels are called (a), (b), ... */
export const LETTERS = "abcdefghijklmnopqrstuvwxyz";

/** The horizontal axis of one effect. */
export interface Place {
  readonly effect: EffectName;
  readonly valueOf: (cell: Omit<Cell, "optimizer">) => number;
  readonly format: (value: number) => string;
  readonly label: string;
  /** Over the panel: what is varied, and what stays. */
  readonly heading: string;
}

/**
 * The axis of an effect: its values, or, for pairs that all have the same learning rate / batch size,
 * their batch sizes.
 */
export function placeOf(study: Study, effect: EffectName): Place {
  const { grid } = study;
  const other = EFFECTS[effect].other(study);
  const name = { "learning-rate": "Learning rate", "batch-size": "Batch size", pairs: "" }[effect];
  const ratios = listCells({ grid: { ...grid, effects: [effect] } })
    .map(({ learningRate, batchSize }) => (learningRate / batchSize).toPrecision(9));
  if (effect === "pairs" && new Set(ratios).size === 1) {
    return {
      effect,
      valueOf: ({ batchSize }) => batchSize,
      format: (value) => EFFECTS["batch-size"].format(value),
      label: EFFECTS["batch-size"].axis,
      heading: `Learning rate / batch size ${scientific(Number(ratios[0]))}`,
    };
  }
  return {
    effect,
    valueOf: effectValue,
    format: (value) => EFFECTS[effect].format(value),
    label: EFFECTS[effect].axis,
    heading: effect === "pairs" ? "Pairs of learning rate and batch size" : `${name}, at ${other}`,
  };
}
