/**
 * How measures rank networks against the generalisation gap.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { type Layout, PAGE } from "~/lib/figures/layout.ts";
import { legend } from "~/lib/figures/legend.ts";
import { type Figure, stack } from "~/lib/figures/stack.ts";
import { textWidth } from "~/lib/figures/svg.ts";
import { outline } from "~/lib/figures/symbols.ts";
import { FONT_SIZE, INK, optimizerStyles } from "~/lib/figures/theme.ts";
import { xyPanel } from "~/lib/figures/xy_panel.ts";
import { type MeasureRank } from "~/lib/findings.ts";
import { EFFECTS, type Study } from "~/lib/study.ts";

const LINE = 26;
const ALL_COLOR = "#1a1a1a";

/**
 * Draws Kendall's tau of every measure with the generalisation gap: the mean over one-factor groups
 * with its bootstrap interval over seeds, and each group's own around it.
 *
 * @param ranks From `rankMeasures`.
 */
export function plotRanks(
  study: Study,
  ranks: readonly MeasureRank[],
  { layout = PAGE }: { readonly layout?: Layout } = {},
): Figure {
  const measures = [...new Map(ranks.map((rank) => [rank.measure, rank])).values()];
  // Two measures may have one label: then their texts tell them apart.
  const names = measures.map(({ label, measure }) =>
    measures.filter((other) => other.label === label).length > 1 ? measure : label
  ).map((name) => layout.isWhole ? name : inTwoLines(name));
  const styles = optimizerStyles(study.grid.optimizers);
  const shown = ranks.map((rank) => ({
    ...rank,
    line: measures.findIndex(({ measure }) => measure === rank.measure),
  }));
  const groups = shown.filter(({ effect }) => effect !== null);
  const all = shown.filter(({ effect }) => effect === null);
  const lines = names.flatMap((name) => name.split("\n"));
  const tickRoom = 12 + Math.max(50, ...lines.map((line) => textWidth(line, FONT_SIZE.tick)));
  const whole = layout.width === undefined
    ? 2 * layout.frameWidth
    : layout.width - 2 * layout.padding - 8;
  const panel = xyPanel({
    heading: "",
    x: {
      scale: { type: "linear", domain: [-1.04, 1.04] },
      ticks: layout.isWhole ? [-1, -0.5, 0, 0.5, 1] : [-1, 0, 1],
      format: (tau) => String(tau).replace("-", "−"),
      label: [
        layout.isWhole ? "Kendall's tau with the generalisation gap" : "Kendall's tau with the gap",
      ],
    },
    y: {
      scale: { type: "linear", domain: [Math.max(names.length, 1) - 0.5, -0.5] },
      ticks: names.map((_, line) => line),
      format: (line) => names[line] ?? "",
      label: [],
    },
    width: whole - tickRoom,
    height: LINE * Math.max(names.length, 2),
    tickRoom,
    isLabelled: false,
    marks: [
      Plot.ruleX([0], { stroke: INK.axis }),
      Plot.ruleY(all.filter(({ low }) => low !== null), {
        x1: "low",
        x2: "high",
        y: "line",
        className: "tau-interval",
        stroke: ALL_COLOR,
        strokeWidth: 2,
      }),
      Plot.dot(all, { x: "tau", y: "line", className: "tau", r: 3.5, fill: ALL_COLOR }),
      ...study.grid.effects.map((effect) =>
        Plot.dot(groups.filter((rank) => rank.effect === effect), {
          x: "tau",
          y: "line",
          className: `${effect}-tau`,
          symbol: EFFECTS[effect].symbol,
          r: 3,
          stroke: ({ optimizer }: MeasureRank) =>
            styles.get(optimizer ?? "")?.color ?? INK.published,
        })
      ),
    ],
  });
  const items = [
    {
      mark: `<circle r="3.5" fill="${ALL_COLOR}"/><path d="M-8,0h16" stroke="${ALL_COLOR}" ` +
        'stroke-width="2"/>',
      label: "mean over groups, 95 % bootstrap interval",
    },
    ...study.grid.effects.map((effect) => ({
      mark: outline(EFFECTS[effect].symbol, { stroke: INK.muted, fill: "none" }),
      label: `by ${EFFECTS[effect].label}`,
    })),
    ...[...styles].map(([label, { color }]) => ({
      mark: `<path d="M-7,0h14" stroke="${color}" stroke-width="2"/>`,
      label,
    })),
  ];
  const seeds = Math.max(0, ...ranks.map((rank) => rank.seeds.length));
  return stack([legend(items, panel.width), panel], {
    name: "generalisation",
    title: "Measures against the generalisation gap",
    caption: ranks.length === 0
      ? "No measure has two cells of one factor to rank yet."
      : "Kendall's tau between a measure and test loss − training loss, over cells that differ in " +
        `one factor, at the stop ${study.stops[0]}; n = ${seeds} ${
          seeds === 1 ? "seed" : "seeds"
        }` +
        (seeds < 2 ? ", of which no interval can be had" : "") +
        (seeds > 1 && seeds < 5 ? "; so few seeds make the interval too narrow" : "") +
        ". 1: the sharper, the larger the gap.",
    layout,
  });
}

/** Broken at the blank that is nearest to the middle of a long name. */
function inTwoLines(name: string): string {
  if (name.length < 22) return name;
  const blanks = [...name.matchAll(/ /g)].map(({ index }) => index);
  const at =
    blanks.toSorted((a, b) => Math.abs(a - name.length / 2) - Math.abs(b - name.length / 2))[0];
  return at === undefined ? name : `${name.slice(0, at)}\n${name.slice(at + 1)}`;
}
