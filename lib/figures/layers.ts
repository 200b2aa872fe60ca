/**
 * Layers as marks of Observable Plot, and plots as groups of standalone SVG.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { Layer, Row } from "~/lib/figures/figure.ts";
import { FONT_FAMILY, FONT_SIZE, INK, lighten, textWidth } from "~/lib/figures/theme.ts";

/** Where values stand in a panel. */
export interface PanelScales {
  x(value: number): number;
  y(value: number): number;
  /** Values below cannot be drawn. */
  readonly bottom: { readonly x: number; readonly y: number };
  /** Texts end before it, in pixels. */
  readonly right: number;
}

/** Of a text to the right of its point, in pixels. */
const TEXT_SHIFT = 5;

/** The marks of a layer. */
export function toMarks(layer: Layer, scales: PanelScales): Plot.Markish[] {
  const { kind, name, rows, color = INK.text, width = 1.5, along = "y", opacity = 1 } = layer;
  const colors = rows.map((row) => row.color ?? color);
  const dx = layer.shift ?? 0;
  const stroke = { stroke: oneOf(colors), strokeWidth: width, dx, opacity };
  const dash = layer.dash === undefined ? {} : { strokeDasharray: layer.dash };
  const at = { x: "x", y: "y", className: name };
  if (kind === "lines") {
    return [Plot.line(rows, { ...at, z: "z", strokeLinecap: "butt", ...stroke, ...dash })];
  }
  if (kind === "contours") return contourMarks(layer);
  if (kind === "texts") {
    const fill = (row: Row): string => row.color ?? color;
    const style = { ...at, text: "text", dx: TEXT_SHIFT, dy: 9, textAnchor: "start" } as const;
    const shown = roomyTexts(rows, scales);
    const { halo } = layer;
    return [
      // A mark of its own: in a PDF it would lie over the letters.
      ...(halo === undefined ? [] : [Plot.text(shown, { ...style, fill: halo, stroke: halo })]),
      Plot.text(shown, { ...style, fill }),
    ];
  }
  if (kind === "rules") {
    const rule = along === "y" ? Plot.ruleY : Plot.ruleX;
    const frameAnchor = along === "y" ? "right" : "top";
    // Before the frame, or upon the rule: others stand beside it.
    const before = along === "y" ? 9 : 0;
    const words = { frameAnchor, dx: dx - before, dy: 8, fill: INK.muted, text: "text" } as const;
    return [
      rule(rows, { [along]: along, className: name, ...stroke, ...dash }),
      Plot.text(rows.filter(({ text }) => text), { [along]: along, ...words }),
    ];
  }
  const shades = rows.map(({ isPale }, i) => isPale ? lighten(colors[i]!, 0.6) : colors[i]!);
  const fills = rows.map(({ isHollow }, i) => isHollow ? "#fff" : shades[i]!);
  const outlines = rows.map(({ isHollow }, i) => isHollow ? shades[i]! : colors[i]!);
  const { radius: r = 3, symbol = "circle" } = layer;
  const ink = { fill: oneOf(fills), ...stroke, stroke: oneOf(outlines), strokeWidth: 1.25 };
  return [
    ...intervalMarks(layer, scales, { ...stroke, className: `${name}-interval` }),
    ...(r > 0 ? [Plot.dot(rows, { ...at, r, symbol, ...ink })] : []),
  ];
}

/** Bands from each level up, over a grid of rows with x fastest. */
function contourMarks({ name, rows, levels = [], colors = [] }: Layer): Plot.Markish[] {
  const [xs, ys] = [rows.map(({ x }) => x), rows.map(({ y }) => y)].map((all) => [...new Set(all)]);
  // A row's cell is around its point.
  const ends = (values: number[]): [number, number] => {
    const half = (values.at(-1)! - values[0]!) / (values.length - 1) / 2;
    return [values[0]! - half, values.at(-1)! + half];
  };
  const [[x1, x2], [y1, y2]] = [ends(xs!), ends(ys!)];
  const grid = { width: xs!.length, height: ys!.length, x1, x2, y1, y2 };
  // Beyond the outermost points the bands are none that were measured.
  const corners = [[0, 0], [0, -1], [-1, -1], [-1, 0], [0, 0]]
    .map(([i, j]) => [xs!.at(i!)!, ys!.at(j!)!]);
  const clip = { type: "Polygon" as const, coordinates: [corners] };
  return levels.map((level, i) =>
    Plot.contour(rows, {
      ...{ ...grid, value: "z", thresholds: [level], clip, className: name },
      ...{ fill: colors[i] ?? INK.text, stroke: "none" },
    })
  );
}

/** Strokes from end to end; an end that cannot be drawn is a wedge at the axis' end. */
function intervalMarks(
  { name, rows, along = "y", color = INK.text, shift = 0 }: Layer,
  { bottom }: PanelScales,
  style: Plot.RuleXOptions & Plot.RuleYOptions,
): Plot.Markish[] {
  const known = rows.filter(({ interval, y }) => interval && !Number.isNaN(y));
  const low = ({ interval }: Row): number => Math.max(interval![0], bottom[along]);
  const high = ({ interval }: Row): number => interval![1];
  const cut = known.filter((row) => row.interval![0] < bottom[along]);
  const wedge = { text: () => along === "y" ? "▾" : "◂", fill: color, dx: shift };
  return [
    along === "y"
      ? Plot.ruleX(known, { ...style, x: "x", y1: low, y2: high })
      : Plot.ruleY(known, { ...style, y: "y", x1: low, x2: high }),
    Plot.text(cut, { x: "x", y: "y", [along]: low, className: `${name}-cut`, ...wedge }),
  ];
}

/** Rows without those whose text would lie on an earlier one's or beyond the frame. */
export function roomyTexts(rows: readonly Row[], scales: Omit<PanelScales, "bottom">): Row[] {
  const boxes: { left: number; right: number; y: number }[] = [];
  return rows.filter(({ x, y, text = "" }) => {
    const left = scales.x(x) + TEXT_SHIFT;
    const box = { left, right: left + textWidth(text, FONT_SIZE.tick), y: scales.y(y) };
    const isFree = box.right < scales.right &&
      boxes.every((other) =>
        box.left > other.right + 6 || other.left > box.right + 6 || Math.abs(box.y - other.y) > 11
      );
    if (isFree) boxes.push(box);
    return isFree;
  });
}

/** A constant where all are the same, which makes a shorter SVG; else one a mark. */
function oneOf(colors: readonly string[]): Plot.ChannelValue {
  return colors.every((color) => color === colors[0]) ? colors[0] ?? null : [...colors];
}

/**
 * Draws a plot without axes of its own.
 *
 * Its style sheet goes, which standalone viewers understand in part only, and coordinates are
 * rounded to 1/10 pixel, so that the last bits of a logarithm do not show in the file.
 */
export function renderPlot(options: Plot.PlotOptions): string {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const content = Plot.plot({ axis: null, ...options, document }).innerHTML
    .replace(/<style>.*?<\/style>/s, "")
    .replace(/ (aria-hidden|aria-label|font-variant)="[^"]*"/g, "")
    .replaceAll("currentColor", INK.text)
    .replace(
      /<[^>]+>/g,
      (tag) => tag.replace(/-?\d+\.\d{2,}(e-?\d+)?/g, (digits) => String(tenth(Number(digits)))),
    );
  return `<g font-family="${FONT_FAMILY}" font-size="${FONT_SIZE.tick}" fill="${INK.text}" ` +
    `text-anchor="middle">${content}</g>`;
}

/** Rounded to 1/10. */
export function tenth(pixels: number): number {
  return Math.round(10 * pixels) / 10;
}
