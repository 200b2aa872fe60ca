/**
 * Both effects on one axis: a measure against learning rate / batch size.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { formatLogTick } from "~/lib/figures/axis.ts";
import { lossSentence } from "~/lib/figures/caption.ts";
import { type Layout, PAGE } from "~/lib/figures/layout.ts";
import { legend, type LegendItem } from "~/lib/figures/legend.ts";
import { measureAxis, measureLabel } from "~/lib/figures/measure_axis.ts";
import { LETTERS } from "~/lib/figures/place.ts";
import { PUBLISHED_RADIUS } from "~/lib/figures/published_marks.ts";
import { type Figure, rows, stack } from "~/lib/figures/stack.ts";
import { outline } from "~/lib/figures/symbols.ts";
import { INK, lighten, type MarkSymbol, optimizerStyles } from "~/lib/figures/theme.ts";
import { decadeTicks, extent } from "~/lib/figures/ticks.ts";
import { xyPanel } from "~/lib/figures/xy_panel.ts";
import { PUBLISHED_PROTOCOL, publishedCells } from "~/lib/findings.ts";
import { type CellSummary, type RunResult, summariseCells } from "~/lib/results.ts";
import { type EffectName, EFFECTS, type Study } from "~/lib/study.ts";

/** What the figure shows. */
export interface RatioOptions {
  /** Canonical text; default: the study's first measure. */
  readonly measure?: string;
  readonly layout?: Layout;
}

/** Share of white in the colour of an effect's cells. */
const WHITE: Readonly<Record<EffectName, number>> = {
  "learning-rate": 0,
  "batch-size": 0.45,
  pairs: 0.2,
};

/** Draws every cell at its learning rate / batch size, a panel an optimizer. */
export function plotRatio(
  study: Study,
  runs: readonly RunResult[],
  { measure, layout = PAGE }: RatioOptions = {},
): Figure {
  const { effects, optimizers } = study.grid;
  const cells = summariseCells(study, runs, measure).filter(({ value }) => value !== null);
  const text = measure ?? study.measures.first[0] ?? "sharpness";
  const published = publishedCells(study, text).filter(({ effect }) => effects.includes(effect))
    .map(({ effect, optimizer, value, mean, halfWidth }) => {
      const { baseBatchSize, baseLearningRate } = PUBLISHED_PROTOCOL;
      const x = effect === "learning-rate" ? value / baseBatchSize : baseLearningRate / value;
      return { effect, optimizer, x, mean, halfWidth };
    });
  const y = measureAxis(cells, published);
  const [low, high] = extent([...cells.map(ratioOf), ...published.map(({ x }) => x)]);
  const domain = [low / 2, high * 2] as const;
  const styles = optimizerStyles(optimizers);
  const panels = optimizers.map((optimizer, i) => {
    const { color, slug } = styles.get(optimizer)!;
    return xyPanel({
      heading: optimizers.length === 1 ? optimizer : `(${LETTERS[i]}) ${optimizer}`,
      x: {
        scale: { type: "log", domain: [...domain] },
        ticks: decadeTicks(...domain, 5),
        format: formatLogTick,
        label: ["Learning rate / batch size (1/images)"],
      },
      y: { ...y, label: measureLabel(text) },
      width: layout.frameWidth,
      height: layout.height.other,
      isLabelled: i % layout.perRow === 0,
      marks: [
        ...effects.map((effect) =>
          Plot.dot(
            published.filter((one) => one.optimizer === optimizer && one.effect === effect),
            {
              x: "x",
              y: "mean",
              className: `${slug}-published`,
              symbol: EFFECTS[effect].symbol,
              r: PUBLISHED_RADIUS,
              stroke: INK.published,
              fill: "#fff",
            },
          )
        ),
        ...effects.flatMap((effect) =>
          ownMarks(
            cells.filter((cell) => cell.effect === effect && cell.optimizer === optimizer),
            {
              white: WHITE[effect],
              symbol: EFFECTS[effect].symbol,
              color,
              className: `${slug}-${effect}`,
              bottom: y.bottom,
            },
          )
        ),
      ],
    });
  });
  const items = [
    ...effects.map((effect): LegendItem => {
      const [white, symbol] = [WHITE[effect], EFFECTS[effect].symbol];
      const ink = lighten("#404040", white);
      return {
        mark: outline(symbol, { stroke: ink, fill: ink }),
        label: `by ${EFFECTS[effect].label}`,
      };
    }),
    ...(published.length === 0 ? [] : [{
      mark: outline("circle", { stroke: INK.published, fill: "#fff" }),
      label: "published",
    }]),
  ];
  const width = Math.max(...panels.map((panel) => panel.width));
  return stack([legend(items, width), ...rows(panels, layout.perRow, 8)], {
    name: "ratio",
    title: "Both effects on one axis",
    caption:
      `Means over seeds with their 95 % t intervals, at the stop ${study.stops[0]}. Were the ` +
      "noise of the gradient all that counts, cells of equal learning rate / batch size would be " +
      "equally sharp and both effects would fall on one line. " + lossSentence(cells) +
      (effects.includes("pairs") ? " Numbers: batch sizes of the pairs." : "") +
      (published.length === 0 ? "" : ` Hollow: published, at ${PUBLISHED_PROTOCOL.stop}.`),
    layout,
  });
}

function ratioOf({ learningRate, batchSize }: CellSummary): number {
  return learningRate / batchSize;
}

function ownMarks(
  cells: readonly CellSummary[],
  { white, symbol, color, className, bottom }: {
    white: number;
    symbol: MarkSymbol;
    color: string;
    className: string;
    bottom: number;
  },
): Plot.Markish[] {
  const stroke = lighten(color, white);
  const sorted = cells.toSorted((a, b) => ratioOf(a) - ratioOf(b));
  const y = ({ value }: CellSummary): number => value!.mean;
  const known = sorted.filter(({ value }) => value!.interval !== null);
  return [
    Plot.line(sorted, {
      x: ratioOf,
      y,
      className: `${className}-line`,
      stroke,
      strokeOpacity: 0.6,
    }),
    Plot.ruleX(known, {
      x: ratioOf,
      y1: ({ value }: CellSummary) => Math.max(value!.interval![0], bottom),
      y2: ({ value }: CellSummary) => value!.interval![1],
      className: `${className}-interval`,
      stroke,
      strokeWidth: 1.5,
    }),
    Plot.dot(sorted, { x: ratioOf, y, className, symbol, r: 3, fill: stroke, stroke }),
    // Pairs may lie above one another or on one another: which is which, on both sides in turn.
    ...(["start", "end"] as const).map((textAnchor, side) =>
      Plot.text(sorted.filter(({ effect }, i) => effect === "pairs" && i % 2 === side), {
        ...{ x: ratioOf, y, text: ({ batchSize }: CellSummary) => String(batchSize) },
        ...{ className: `${className}-name-${textAnchor}`, textAnchor, dx: side === 0 ? 7 : -7 },
        ...{ fill: INK.text, stroke: "#fff", strokeWidth: 2 },
      })
    ),
  ];
}
