/**
 * Published values in a panel: hollow and grey, under ours.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import type { Axis } from "~/lib/figures/axis.ts";
import type { Series } from "~/lib/figures/series.ts";
import { markSymbol } from "~/lib/figures/symbols.ts";
import { INK } from "~/lib/figures/theme.ts";

/** Larger than our marks, so that it shows around one that agrees. */
export const PUBLISHED_RADIUS = 5;

/** The published means of a series' cells with their intervals. */
export function publishedMarks(
  { style, cells, published, shift, valueOf }: Omit<Series, "optimizer">,
  { bottom }: Pick<Axis, "bottom">,
): Plot.Markish[] {
  const shown = published
    .filter(({ value, mean }) => mean >= bottom && cells.some((cell) => valueOf(cell) === value))
    .map(({ value, mean, halfWidth }) => ({
      value,
      mean,
      low: Math.max(mean - halfWidth, bottom),
      high: mean + halfWidth,
    }));
  const common = { x: "value", dx: shift.mean, stroke: INK.published };
  return [
    Plot.ruleX(shown, {
      ...common,
      y1: "low",
      y2: "high",
      className: `${style.slug}-published-interval`,
      strokeWidth: 1,
      strokeOpacity: 1,
    }),
    Plot.dot(shown, {
      ...common,
      y: "mean",
      className: `${style.slug}-published`,
      symbol: markSymbol(style.symbol),
      r: PUBLISHED_RADIUS,
      fill: "#fff",
      strokeWidth: 1.25,
    }),
  ];
}
