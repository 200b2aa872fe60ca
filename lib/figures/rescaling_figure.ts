/**
 * What rescaling a layer, which changes no output, does to measures.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { formatLogTick } from "~/lib/figures/axis.ts";
import { type Layout, PAGE } from "~/lib/figures/layout.ts";
import { legend } from "~/lib/figures/legend.ts";
import { type Figure, stack } from "~/lib/figures/stack.ts";
import { MARK_SYMBOLS, outline } from "~/lib/figures/symbols.ts";
import { SERIES_COLORS } from "~/lib/figures/theme.ts";
import { extent, logTicks } from "~/lib/figures/ticks.ts";
import { xyPanel } from "~/lib/figures/xy_panel.ts";

/** Radius of the last measure's marks. */
const SMALLEST = 2.5;

/** A measure of a network one of whose layers is scaled. */
export interface RescalingRow {
  /** The factor c > 0. */
  readonly scale: number;
  /** How the legend names the measure: "sharpness, r = 5". */
  readonly measure: string;
  readonly value: number;
}

/** Words around a figure of rows that a caller has made. */
export interface RowsOptions {
  /** What the rows are of; default: nothing is said. */
  readonly caption?: string;
  readonly layout?: Layout;
}

/**
 * Draws each measure against c, divided by its own value at c = 1, on logarithmic axes. A measure
 * that does not see the scale is a line at 1.
 *
 * @param given In any order. Left out: measures without a value > 0 at c = 1, and values at or below 0.
 */
export function plotRescaling(
  given: readonly RescalingRow[],
  { caption = "", layout = PAGE }: RowsOptions = {},
): Figure {
  const names = [...new Set(given.map(({ measure }) => measure))];
  const lines = names.flatMap((measure, i) => {
    const own = given.filter((row) => row.measure === measure).toSorted((a, b) =>
      a.scale - b.scale
    );
    const unit = own.find(({ scale }) => scale === 1)?.value;
    if (unit === undefined || !(unit > 0)) return [];
    const points = own.filter(({ scale, value }) => scale > 0 && value > 0)
      .map(({ scale, value }) => ({ scale, share: value / unit }));
    const style = {
      color: SERIES_COLORS[i % SERIES_COLORS.length]!,
      symbol: MARK_SYMBOLS[i % MARK_SYMBOLS.length]!,
    };
    return [{ measure, points, ...style }];
  });
  const points = lines.flatMap((line) => line.points);
  const [left, right] = extent([1, ...points.map(({ scale }) => scale)]);
  const [low, high] = extent([1, ...points.map(({ share }) => share)]);
  const [x, y]: [number, number][] = [[left / 1.2, right * 1.2], [low / 1.5, high * 1.5]] as never;
  const panel = xyPanel({
    heading: "",
    x: {
      scale: { type: "log", domain: x! },
      ticks: logTicks(...x!),
      format: formatLogTick,
      label: ["First layer × c, last layer × 1 / c"],
    },
    y: {
      scale: { type: "log", domain: y! },
      ticks: logTicks(...y!),
      format: formatLogTick,
      label: ["Measure / its value", "at c = 1"],
    },
    width: layout.isWhole ? 1.4 * layout.frameWidth : layout.frameWidth,
    height: layout.height.other,
    marks: lines.flatMap(({ points, color, symbol }, i) => [
      Plot.line(points, { x: "scale", y: "share", className: `line-${i}`, stroke: color }),
      Plot.dot(points, {
        x: "scale",
        y: "share",
        className: `measure-${i}`,
        symbol,
        stroke: color,
        // Those that lie on one another stand around one another.
        r: SMALLEST + 1.2 * (lines.length - 1 - i),
      }),
    ]),
  });
  const items = lines.map(({ measure, color, symbol }) => ({
    mark: outline(symbol, { stroke: color, fill: "none" }),
    label: measure,
  }));
  return stack([legend(items, panel.width), panel], {
    name: "rescaling",
    title: "A layer rescaled, the function unchanged",
    caption: caption +
      (lines.length < names.length
        ? ` Not drawn, without a value above 0 at c = 1: ${
          names.filter((name) => !lines.some(({ measure }) => measure === name)).join(", ")
        }.`
        : ""),
    layout,
  });
}
