/**
 * Our cells against the published ones.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { formatLogTick } from "~/lib/figures/axis.ts";
import { lossSentence } from "~/lib/figures/caption.ts";
import { type Layout, PAGE } from "~/lib/figures/layout.ts";
import { legend, type LegendItem } from "~/lib/figures/legend.ts";
import { LETTERS } from "~/lib/figures/place.ts";
import { type Figure, rows, stack } from "~/lib/figures/stack.ts";
import { markSymbol, outline } from "~/lib/figures/symbols.ts";
import { INK, type OptimizerStyle, optimizerStyles } from "~/lib/figures/theme.ts";
import { extent, logTicks } from "~/lib/figures/ticks.ts";
import { xyPanel } from "~/lib/figures/xy_panel.ts";
import { significant } from "~/lib/files/numbers.ts";
import { PUBLISHED_PROTOCOL, type PublishedComparison, publishedOrder } from "~/lib/findings.ts";
import { EFFECTS, type Study } from "~/lib/study.ts";

/**
 * Draws our mean of every published cell against the published one, both with 95 % t intervals, on
 * logarithmic axes with the line on which they are equal; hollow where they do not agree.
 *
 * @param comparisons From `comparePublished`; cells without a result, and means at or below 0, which have no
 * logarithm, are left out and counted.
 */
export function plotPublished(
  study: Study,
  comparisons: readonly PublishedComparison[],
  { layout = PAGE }: { readonly layout?: Layout } = {},
): Figure {
  const shown = comparisons.flatMap((row) =>
    row.ours !== null && row.ours.mean > 0 ? [{ ...row, ours: row.ours }] : []
  );
  const lost = comparisons.filter(({ ours }) => ours !== null).length - shown.length;
  const styles = optimizerStyles(study.grid.optimizers);
  const [low, high] = extent(shown.flatMap(({ ours, theirs }) => [ours.mean, theirs.mean]));
  const domain: [number, number] = [low / 2, high * 2];
  const axis = {
    scale: { type: "log", domain },
    ticks: logTicks(...domain),
    format: formatLogTick,
  } as const;
  const effects = [...new Set(shown.map(({ effect }) => effect))];
  const shownEffects = effects.length === 0 ? study.grid.effects.slice(0, 1) : effects;
  const panels = shownEffects.map((effect, i) => {
    const stop = shown.find((row) => row.effect === effect)?.stop ?? study.stops[0]!;
    const letter = effects.length < 2 ? "" : `(${LETTERS[i]}) `;
    return xyPanel({
      heading: `${letter}By ${EFFECTS[effect].label}, ${stop}`,
      x: { ...axis, label: ["Published sharpness (nats)"] },
      y: { ...axis, label: ["Ours (nats)"] },
      width: layout.frameWidth,
      height: layout.isWhole ? layout.frameWidth : layout.frameWidth * 0.8,
      isLabelled: i % layout.perRow === 0,
      marks: [
        Plot.line([domain[0], domain[1]], {
          x: (value: number) => value,
          y: (value: number) => value,
          className: "identity",
          stroke: INK.axis,
          strokeDasharray: "4 3",
        }),
        ...[...styles].map(([optimizer, style]) =>
          pairMarks(
            shown.filter((row) => row.effect === effect && row.optimizer === optimizer),
            { style, bottom: domain[0] },
          )
        ),
      ],
    });
  });
  const marks = [...styles].map(([label, { symbol, color }]): LegendItem => ({
    mark: outline(symbol, { stroke: color, fill: color }),
    label,
  }));
  const hollow = shown.some(({ within }) => !within);
  const items = [
    ...marks,
    { mark: `<path d="M-8,6L8,-6" stroke="${INK.axis}" stroke-dasharray="4 3"/>`, label: "equal" },
    ...(hollow
      ? [{
        mark: outline("circle", { stroke: INK.muted, fill: "#fff" }),
        label: "not in agreement",
      }]
      : []),
  ];
  const width = Math.max(...panels.map((panel) => panel.width));
  return stack([legend(items, width), ...rows(panels, layout.perRow, 8)], {
    name: "published",
    title: "Ours against the published sharpness",
    caption: [
      `Means with 95 % t intervals over seeds: theirs of 6 seeds at ${PUBLISHED_PROTOCOL.stop}, ` +
      "ours at the stop above each panel. Agreement: within twice the published half-width or 10 % " +
      "of the published mean.",
      ...publishedOrder(comparisons).filter(({ cells }) => cells > 0).map((order) =>
        `${order.optimizer} by ${EFFECTS[order.effect].label}, at ${order.stop}: ` +
        `${order.within} of ${order.cells} agree` +
        (order.tau === null ? "." : `, Kendall's tau of the order ${significant(order.tau, 2)}.`)
      ),
      lossSentence(shown),
      shown.length === 0 ? "No cell with a result can be compared." : "",
      lost === 0 ? "" : `${lost} at or below 0 cannot be drawn.`,
    ].filter(Boolean).join(" "),
    layout,
  });
}

type Shown = PublishedComparison & { ours: NonNullable<PublishedComparison["ours"]> };

function pairMarks(
  shown: readonly Shown[],
  { style: { color, symbol, slug }, bottom }: { style: OptimizerStyle; bottom: number },
): Plot.Markish[] {
  const x = ({ theirs }: Shown): number => theirs.mean;
  const y = ({ ours }: Shown): number => ours.mean;
  const line = { stroke: color, strokeWidth: 1.25 };
  return [
    Plot.ruleX(shown.filter(({ ours }) => ours.interval !== null), {
      x,
      y1: ({ ours }: Shown) => Math.max(ours.interval![0], bottom),
      y2: ({ ours }: Shown) => ours.interval![1],
      className: `${slug}-our-interval`,
      ...line,
    }),
    Plot.ruleY(shown, {
      y,
      x1: ({ theirs }: Shown) => Math.max(theirs.interval[0], bottom),
      x2: ({ theirs }: Shown) => theirs.interval[1],
      className: `${slug}-their-interval`,
      ...line,
    }),
    Plot.dot(shown, {
      x,
      y,
      className: `${slug}-pair`,
      symbol: markSymbol(symbol),
      r: 3,
      stroke: color,
      fill: ({ within }: Shown) => within ? color : "#fff",
    }),
  ];
}
