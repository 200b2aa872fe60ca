/**
 * Layers as marks of Observable Plot, and plots as pieces of standalone SVG.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import type { Layer, Row } from "~/lib/figures/figure.ts";
import { FONT_FAMILY, FONT_SIZE, INK, lighten, textWidth } from "~/lib/figures/theme.ts";

/** Where a value stands in a panel, and the ends of what can be drawn. */
export interface Place {
  x(value: number): number;
  y(value: number): number;
  /** Values below, on a logarithmic axis, cannot be drawn. */
  readonly bottom: { readonly x: number; readonly y: number };
}

/** The marks of a layer. */
export function toMarks(layer: Layer, place: Place): Plot.Markish[] {
  const { kind, name, rows, color = INK.text, width = 1.5, opacity, dash, shift = 0 } = layer;
  const paint = {
    strokeWidth: width,
    ...(opacity === undefined ? {} : { opacity }),
    ...(dash === undefined ? {} : { strokeDasharray: dash }),
    ...(shift === 0 ? {} : { dx: shift }),
  };
  const stroke = oneOf(rows.map((row) => row.color ?? color));
  if (rows.length === 0) return [];
  if (kind === "lines") {
    return [Plot.line(rows, { x: "x", y: "y", z: "z", className: name, stroke, ...paint })];
  }
  if (kind === "rules") return ruleMarks(layer, stroke, paint);
  if (kind === "texts") {
    return [Plot.text(roomyTexts(layer, place), {
      ...{ x: "x", y: "y", text: "text", className: name, dx: shift },
      ...{ textAnchor: layer.anchor ?? "middle", fill: (row: Row) => row.color ?? color },
    })];
  }
  return [
    ...intervalMarks(layer, place, { ...paint, stroke }),
    Plot.dot(rows, {
      ...{ x: "x", y: "y", className: name, stroke, ...paint, strokeWidth: 1.25 },
      ...{ r: layer.radius ?? 3, symbol: layer.symbol ?? "circle" },
      fill: oneOf(
        rows.map((row) =>
          row.isHollow ? "#fff" : row.isPale ? lighten(row.color ?? color, 0.6) : row.color ?? color
        ),
      ),
    }),
  ];
}

/** Strokes from end to end; an end that cannot be drawn is a wedge at the axis' end. */
function intervalMarks(
  { name, rows, along = "y" }: Layer,
  { bottom }: Place,
  paint: Record<string, unknown>,
): Plot.Markish[] {
  const known = rows.flatMap((row) => row.interval ? [{ ...row, interval: row.interval }] : []);
  type Known = typeof known[number];
  const low = ({ interval }: Known): number => Math.max(interval[0], bottom[along]);
  const high = ({ interval }: Known): number => interval[1];
  const style = { ...paint, className: `${name}-interval` };
  const cut = known.filter(({ interval }) => interval[0] < bottom[along]);
  const [across, wedge] = along === "y" ? ["x", "▾"] : ["y", "◂"];
  const end = { ...paint, [along]: low, [across]: across, fill: paint.stroke, stroke: "none" };
  if (known.length === 0) return [];
  return [
    along === "y"
      ? Plot.ruleX(known, { ...style, x: "x", y1: low, y2: high })
      : Plot.ruleY(known, { ...style, y: "y", x1: low, x2: high }),
    Plot.text(cut, { ...end, text: () => wedge, className: `${name}-cut` } as Plot.TextOptions),
  ];
}

function ruleMarks(
  { name, rows, along = "y", color = INK.text }: Layer,
  stroke: Plot.ChannelValue,
  paint: Record<string, unknown>,
): Plot.Markish[] {
  const bands = rows.filter(({ interval }) => interval);
  const lines = rows.filter(({ interval }) => !interval);
  const ends = {
    [`${along}1`]: ({ interval }: Row) => interval![0],
    [`${along}2`]: ({ interval }: Row) => interval![1],
  };
  const rule = along === "y" ? Plot.ruleY : Plot.ruleX;
  return [
    bands.length > 0 && Plot.rect(bands, { ...ends, fill: color, className: name }),
    lines.length > 0 && rule(lines, { ...paint, [along]: along, stroke, className: name }),
    Plot.text(rows.filter(({ text }) => text !== undefined), {
      ...{ [along]: along, text: "text", frameAnchor: along === "y" ? "right" : "top" },
      ...{ dx: along === "y" ? -4 : 4, dy: along === "y" ? -7 : 7, className: `${name}-text` },
      ...{ textAnchor: along === "y" ? "end" : "start", fill: INK.muted } as Plot.TextOptions,
    }),
  ].filter((mark) => mark !== false);
}

/** Texts without those that would lie on an earlier one. */
function roomyTexts({ rows, anchor }: Layer, place: Place): Row[] {
  const size = FONT_SIZE.tick;
  const boxes: { left: number; right: number; y: number }[] = [];
  return rows.filter((row) => {
    const width = textWidth(row.text ?? "", size);
    const left = place.x(row.x) - width * { start: 0, middle: 0.5, end: 1 }[anchor ?? "middle"];
    const box = { left, right: left + width, y: place.y(row.y) };
    const isFree = boxes.every((other) =>
      box.left > other.right + 3 || other.left > box.right + 3 || Math.abs(box.y - other.y) > size
    );
    if (isFree) boxes.push(box);
    return isFree;
  });
}

/** A constant where all are the same, which makes a shorter SVG; else one a mark. */
function oneOf(colors: readonly string[]): Plot.ChannelValue {
  return colors.every((color) => color === colors[0]) ? colors[0]! : [...colors];
}

/**
 * Draws a plot without axes of its own as a group.
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
    .replace(/<[^>]+>/g, (tag) => tag.replace(/-?\d+\.\d{2,}(e-?\d+)?/g, roundNumber));
  return `<g font-family="${FONT_FAMILY}" font-size="${FONT_SIZE.tick}" fill="${INK.text}" ` +
    `text-anchor="middle">${content}</g>`;
}

function roundNumber(digits: string): string {
  return String(Math.round(Number(digits) * 10) / 10);
}
