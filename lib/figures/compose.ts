/**
 * Draws figures: title, legend, rows of panels and caption, one below the other.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { fitAxis, type FittedAxis, roomyLabels, scaleOf } from "~/lib/figures/axis.ts";
import {
  COLUMN,
  type FigureSpec,
  type Layer,
  type Layout,
  type LegendItem,
  PAGE,
  type Panel,
} from "~/lib/figures/figure.ts";
import { renderPlot, toMarks } from "~/lib/figures/layers.ts";
import { FONT_FAMILY, FONT_SIZE, INK, textWidth, wrap } from "~/lib/figures/theme.ts";

/** A finished figure. */
export interface Figure extends FigureSpec {
  /** A standalone SVG document. */
  readonly svg: string;
  /** Pixels of the SVG; the PNG has twice as many. */
  readonly width: number;
  readonly height: number;
  /** Width in print; undefined for a pixel a pixel. */
  readonly inches?: number;
}

interface Piece {
  readonly svg: string;
  readonly height: number;
}

/** A frame with its axes, which may be its neighbours' too. */
interface Frame {
  readonly panel: Panel;
  readonly x: FittedAxis;
  readonly y: FittedAxis;
  /** Pixels of the figure. */
  readonly left: number;
  readonly right: number;
  readonly height: number;
  /** Whether it has its vertical axis' words and labels, and its horizontal one's. */
  readonly hasY: boolean;
  readonly hasX: boolean;
}

const LINE = 15;
const LEGEND_LINE = 20;
const GAP = 10;
/** Pixels above a frame with a heading and without, and below one that has labels. */
const ABOVE = { heading: 26, bare: 6 } as const;
const BELOW = { labels: 40, bare: 6 } as const;

/** Draws a figure for a page, or as `layout` says. */
export function compose(spec: FigureSpec, layout: Layout = PAGE): Figure {
  const { padding, isWhole, inches } = layout;
  const { panels, title, caption } = spec;
  const outer = panels.length === 1 ? layout.singleWidth : layout.width;
  const width = outer - 2 * padding;
  const perRow = isWhole || spec.isNarrow ? 2 : 1;
  const rows = Array.from(
    { length: Math.ceil(panels.length / perRow) },
    (_, row) => panels.slice(row * perRow, (row + 1) * perRow),
  );
  const drawn = rows.flatMap((row, i) =>
    drawRow(row, { width, layout, all: panels, letters: i * perRow })
  );
  const pieces = [
    ...(isWhole ? [words(title, { width, size: FONT_SIZE.title, weight: "bold" })] : []),
    ...(spec.legend.length > 0 ? [drawLegend(spec.legend, width)] : []),
    ...drawn,
    ...(isWhole ? [words(caption, { width, size: FONT_SIZE.caption, fill: INK.muted })] : []),
  ];
  let y = padding;
  const parts = pieces.map((piece) => {
    const part = `<g transform="translate(${padding} ${y})">${piece.svg}</g>`;
    y += piece.height;
    return part;
  });
  const height = Math.ceil(y + padding);
  const print = inches === undefined ? {} : { inches };
  const size = inches === undefined
    ? `width="${outer}" height="${height}"`
    : `width="${inches}in" height="${(inches * height / outer).toFixed(3)}in"`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" ${size} viewBox="0 0 ${outer} ${height}" ` +
    `role="img" font-family="${FONT_FAMILY}" color="${INK.text}"><title>${escape(title)}</title>` +
    `<desc>${escape(caption)}</desc><rect width="${outer}" height="${height}" fill="#fff"/>` +
    `${parts.join("")}</svg>\n`;
  return { ...spec, svg, width: outer, height, ...print };
}

/** The same figure at the width of a paper's column, without title and caption. */
export function forColumn(figure: FigureSpec): Figure {
  const { name, title, panels, legend, caption, isNarrow = false } = figure;
  return compose({ name: `${name}.column`, title, panels, legend, caption, isNarrow }, COLUMN);
}

function drawRow(
  panels: readonly Panel[],
  { width, layout, all, letters }: {
    width: number;
    layout: Layout;
    all: readonly Panel[];
    letters: number;
  },
): Piece[] {
  const layersOf = (some: readonly Pick<Panel, "layers" | "below">[]): Layer[] =>
    some.flatMap(({ layers, below }) => [...layers, ...below?.layers ?? []]);
  const fit = (panel: Pick<Panel, "y">, some: readonly Pick<Panel, "y" | "layers">[]): FittedAxis =>
    fitAxis(
      panel.y,
      "y",
      some.filter(({ y }) => y.label === panel.y.label)
        .flatMap(({ layers }) => layers),
    );
  const below = panels.flatMap((panel) => panel.below ?? []);
  const axes = panels.map((panel) => ({
    x: fitAxis(panel.x, "x", layersOf(all.filter(({ x }) => x.label === panel.x.label))),
    y: fit(panel, panels),
    below: panel.below && fit(panel.below, below),
  }));
  const isShared = panels.map(({ y }, i) => i > 0 && y.label === panels[i - 1]!.y.label);
  const lefts = axes.map(({ y, below }, i) => isShared[i] ? GAP : axisRoom(y, below));
  const frameWidth = (width - lefts.reduce((sum, left) => sum + left, 0) - GAP * panels.length) /
    panels.length;
  let x = 0;
  const frames = panels.map((panel, i): Frame[] => {
    const left = x + lefts[i]!;
    x = left + frameWidth + GAP;
    const { x: horizontal, y: vertical, below } = axes[i]!;
    const heading = all.length > 1
      ? `(${String.fromCharCode(97 + letters + i)}) ${panel.heading ?? ""}`.trim()
      : panel.heading ?? "";
    const place = { x: horizontal, left, right: left + frameWidth, hasY: !isShared[i] };
    const upper = { ...place, panel: { ...panel, heading }, y: vertical, hasX: !below };
    const height = panel.height ?? layout.height;
    if (panel.below === undefined || below === undefined) return [{ ...upper, height }];
    return [
      { ...upper, height },
      {
        ...{ ...place, y: below, height: layout.belowHeight, hasX: true },
        panel: { x: panel.x, ...panel.below, heading: "" },
      },
    ];
  });
  return frames[0]!.map((_, level) => beside(frames.map((column) => column[level]!), width));
}

/** Draws frames of one height beside each other. */
function beside(frames: readonly Frame[], width: number): Piece {
  const plots = frames.map((frame) => drawFrame(frame, width));
  return {
    svg: plots.map(({ svg }) => svg).join(""),
    height: Math.max(...plots.map(({ height }) => height)),
  };
}

function drawFrame(frame: Frame, width: number): Piece {
  const { panel, x, y, left, right, hasX, hasY } = frame;
  const top = panel.heading ? ABOVE.heading : ABOVE.bare;
  const bottom = hasX ? BELOW.labels : BELOW.bare;
  const height = top + frame.height + bottom;
  const horizontal = scaleOf(x, "x", [left, right]);
  const vertical = scaleOf(y, "y", [top + frame.height, top]);
  const place = {
    x: horizontal.apply,
    y: vertical.apply,
    bottom: { x: lowest(x), y: lowest(y) },
  };
  const labels = roomyLabels(x.labels, x.ticks.map(horizontal.apply));
  const grid = { stroke: INK.grid, strokeOpacity: 1 };
  const svg = renderPlot({
    width,
    height,
    marginTop: top,
    marginBottom: bottom,
    marginLeft: left,
    marginRight: width - right,
    x: horizontal.options,
    y: vertical.options,
    marks: [
      Plot.gridX(x.ticks, grid),
      Plot.gridY(y.ticks, grid),
      y.type === "log" ? [] : Plot.ruleY([0].filter(() => y.domain[0] < 0), { stroke: INK.axis }),
      ...panel.layers.flatMap((layer) => toMarks(layer, place)),
      Plot.frame({ stroke: INK.axis }),
      hasY ? Plot.axisY(y.ticks, { tickSize: 0, text: (_, i) => y.labels[i], label: null }) : [],
      Plot.axisX(x.ticks, { tickSize: 4, text: hasX ? (_, i) => labels[i] : null, label: null }),
    ],
  });
  const middle = (left + right) / 2;
  const labelled = [
    text(panel.heading ?? "", { x: middle, y: 17, weight: "bold", anchor: "middle" }),
    hasX ? text(x.label, { x: middle, y: height - 7, anchor: "middle" }) : "",
    ...(hasY ? y.label.split("\n") : []).map((line, i) =>
      text(line, { x: 11 + LINE * i, y: top + frame.height / 2, anchor: "middle", rotate: -90 })
    ),
  ];
  return { svg: svg + labelled.join(""), height };
}

function axisRoom(y: FittedAxis, below: FittedAxis | undefined): number {
  const labels = [...y.labels, ...below?.labels ?? []].flatMap((label) => label.split("\n"));
  const lines = y.label === "" ? 0 : y.label.split("\n").length;
  const widest = Math.max(0, ...labels.map((label) => textWidth(label, FONT_SIZE.tick)));
  return LINE * lines + 4 + widest + 8;
}

function lowest({ type, domain }: FittedAxis): number {
  return type === "log" ? domain[0] : -Infinity;
}

/** Lines of text at the left. */
function words(
  content: string,
  { width, size, ...style }: { width: number; size: number; weight?: "bold"; fill?: string },
): Piece {
  // Bold letters are up to an eighth wider.
  const lines = wrap(content, style.weight === "bold" ? 1.125 * size : size, width);
  const leading = Math.round(1.4 * size);
  const y = (i: number): number => Math.ceil(size) + leading * i;
  return {
    svg: lines.map((line, i) => text(line, { x: 0, y: y(i), size, ...style })).join(""),
    height: y(lines.length - 1) + 7,
  };
}

/** Sets entries in rows of at most `width` pixels, by layers over pixels. */
function drawLegend(items: readonly LegendItem[], width: number): Piece {
  let [x, y] = [0, LEGEND_LINE / 2];
  const names: string[] = [];
  const layers = items.flatMap((item): Layer[] => {
    const { label, mark, ramp } = item;
    const taken = textWidth(label, FONT_SIZE.tick) + (mark ? 22 : 0) +
      (ramp ? 18 + 8 * ramp.colors.length + textWidth(ramp.to, FONT_SIZE.tick) : 0);
    if (x > 0 && x + taken > width) [x, y] = [0, y + LEGEND_LINE];
    const start = x;
    x += taken + 16;
    const write = (line: string, at: number): number =>
      names.push(text(line, { x: at, y: y + 4, size: FONT_SIZE.tick }));
    write(label, start + (mark ? 22 : 0));
    if (ramp) {
      write(ramp.to, start + taken - textWidth(ramp.to, FONT_SIZE.tick));
      const from = start + textWidth(label, FONT_SIZE.tick) + 8;
      const rows = ramp.colors.flatMap((color, z) =>
        [8 * z, 8 * z + 8].map((at) => ({ x: from + at, y, z, color }))
      );
      return [{ kind: "lines", name: "ramp", rows, width: 9 }];
    }
    if (!mark) return [];
    const { isHollow = false, isPale = false, hasInterval = false, ...style } = mark;
    const center = { x: start + 9, y, isHollow, isPale };
    const interval = hasInterval ? [y - 8, y + 8] as const : null;
    const across = [start + 1, start + 17].map((at) => ({ x: at, y }));
    if (style.kind === "lines") return [{ ...style, name: "legend", rows: across }];
    if (style.kind === "points") {
      return [{ ...style, name: "legend", rows: [{ ...center, interval }], shift: 0 }];
    }
    return [{ ...style, kind: "lines", name: "legend", rows: across, width: 9 }];
  });
  const height = y + LEGEND_LINE / 2 + 2;
  const identity = { type: "identity" } as const;
  const place = { x: Number, y: Number, bottom: { x: -Infinity, y: -Infinity } };
  const marks = layers.flatMap((layer) => toMarks(layer, place));
  const svg = renderPlot({ width, height, margin: 0, x: identity, y: identity, marks });
  return { svg: svg + names.join(""), height };
}

/** One line of text; 12 pixels, dark and left-aligned unless told. */
function text(line: string, { x, y, size = FONT_SIZE.label, fill = INK.text, ...more }: {
  x: number;
  /** Baseline, pixels from the top. */
  y: number;
  size?: number;
  fill?: string;
  weight?: "bold";
  anchor?: "middle";
  /** Degrees, clockwise, about (x, y). */
  rotate?: number;
}): string {
  if (line === "") return "";
  const [left, top] = [x, y].map((pixels) => Math.round(10 * pixels) / 10);
  return `<text x="${left}" y="${top}" font-size="${size}" fill="${fill}"` +
    (more.weight ? ` font-weight="${more.weight}"` : "") +
    (more.anchor ? ` text-anchor="${more.anchor}"` : "") +
    (more.rotate ? ` transform="rotate(${more.rotate} ${left} ${top})"` : "") +
    `>${escape(line)}</text>`;
}

function escape(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
