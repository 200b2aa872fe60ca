/**
 * Where cells stand along a figure's horizontal axis.
 *
 * @module
 */
import { EFFECT_LABEL } from "~/lib/figures/theme.ts";
import { formatValue, otherFactor } from "~/lib/findings.ts";
import { scientific } from "~/lib/files/numbers.ts";
import { effectValue } from "~/lib/results.ts";
import { type Cell, type Effect, listCells, type Study } from "~/lib/study.ts";

/** Panels are called (a), (b), ... */
export const LETTERS = "abcdefghijklmnopqrstuvwxyz";

/** The horizontal axis of one effect. */
export interface Place {
  readonly effect: Effect;
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
export function placeOf(study: Study, effect: Effect): Place {
  const { grid } = study;
  const other = otherFactor(study, effect);
  const name = { "learning-rate": "Learning rate", "batch-size": "Batch size", pairs: "" }[effect];
  const ratios = listCells({ grid: { ...grid, effects: [effect] } })
    .map(({ learningRate, batchSize }) => (learningRate / batchSize).toPrecision(9));
  if (effect === "pairs" && new Set(ratios).size === 1) {
    return {
      effect,
      valueOf: ({ batchSize }) => batchSize,
      format: (value) => formatValue("batch-size", value),
      label: EFFECT_LABEL["batch-size"],
      heading: `Learning rate / batch size ${scientific(Number(ratios[0]))}`,
    };
  }
  return {
    effect,
    valueOf: effectValue,
    format: (value) => formatValue(effect, value),
    label: EFFECT_LABEL[effect],
    heading: effect === "pairs" ? "Pairs of learning rate and batch size" : `${name}, at ${other}`,
  };
}
