/**
 * Draws figures: title, legend, rows of panels and caption, one below the other.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { fitAxis, type FittedAxis, scaleOf } from "~/lib/figures/axis.ts";
import type { Axis, FigureSpec, Layer, Panel } from "~/lib/figures/figure.ts";
import { renderPlot, roomyTexts, tenth, toMarks } from "~/lib/figures/layers.ts";
import { FONT_FAMILY, FONT_SIZE, INK, textWidth } from "~/lib/figures/theme.ts";

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

/** A group of SVG and the pixels that it takes. */
interface Piece {
  readonly svg: string;
  readonly height: number;
}

/** Sizes in pixels; one panel is as wide as `single`, `frame` is a frame's height. */
interface Layout extends Pick<Figure, "inches"> {
  readonly width: number;
  readonly single: number;
  readonly frame: number;
  readonly padding: number;
}

/** For a screen. */
const PAGE: Layout = { width: 840, single: 620, frame: 220, padding: 14 };
/** A column of two, 3.3 inches: 366 pixels make a tick's 11 of them 7.15 points, the least there is. */
const COLUMN: Layout = { width: 366, single: 366, frame: 150, padding: 4, inches: 3.3 };
/** Between panels, and from a line of words to the next. */
const GAP = 12;
const LINE = 15;
const LEGEND_LINE = 20;
/** Pixels above a frame without a heading, and below it. */
const ABOVE = 8;
const BELOW = 40;

/** Draws a figure for a page: notebooks, README. */
export function compose(spec: FigureSpec): Figure {
  return draw(spec, PAGE);
}

/** A figure without title and caption, which stand in the text around it, for a paper's column. */
export function forColumn({ name, title, panels, caption, isNarrow = false }: FigureSpec): Figure {
  return draw({ name: `${name}.column`, title, panels, caption, isNarrow }, COLUMN);
}

/** Pieces below each other in a document that needs nothing else, on a white ground. */
function draw(spec: FigureSpec, layout: Layout): Figure {
  const { title, caption, panels } = spec;
  const { padding, inches } = layout;
  const width = panels.length === 1 ? layout.single : layout.width;
  const inner = width - 2 * padding;
  const words = (content: string, size: number, style: Attributes): Piece[] =>
    inches === undefined ? [paragraph(content, inner, { "font-size": size, ...style })] : [];
  let y = padding;
  const parts = [
    ...words(title, FONT_SIZE.title, { "font-weight": "bold" }),
    ...legend(panels.flatMap(({ layers }) => layers), inner),
    ...drawRows(spec, inner, layout),
    ...words(caption, FONT_SIZE.caption, { fill: INK.muted }),
  ].map((piece) => {
    const part = `<g transform="translate(${padding} ${y})">${piece.svg}</g>`;
    y += piece.height;
    return part;
  });
  const height = Math.ceil(y + padding);
  const size = inches === undefined
    ? `width="${width}" height="${height}"`
    : `width="${inches}in" height="${(inches * height / width).toFixed(3)}in"`;
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" ${size} viewBox="0 0 ${width} ${height}" ` +
    `role="img" font-family="${FONT_FAMILY}" fill="${INK.text}">` +
    `<title>${escape(title)}</title><desc>${escape(caption)}</desc>` +
    `<rect width="${width}" height="${height}" fill="#fff"/>${parts.join("")}</svg>\n`;
  return { ...spec, svg, width, height, ...(inches === undefined ? {} : { inches }) };
}

/** Rows of two panels; in a column, of one, unless they are narrow. */
function drawRows(
  { panels, isNarrow = false }: FigureSpec,
  width: number,
  layout: Layout,
): Piece[] {
  const isColumn = layout.inches !== undefined;
  const perRow = isColumn && !isNarrow ? 1 : 2;
  const all = panels.map(({ heading = "", ...panel }, i) => {
    const letter = panels.length > 1 ? `(${String.fromCharCode(97 + i)}) ` : "";
    const whole = letter + heading;
    return { ...panel, heading: isColumn && isNarrow ? whole.replace(", ", ",\n") : whole };
  });
  const rows = Array.from(
    { length: Math.ceil(all.length / perRow) },
    (_, row) => all.slice(row * perRow, (row + 1) * perRow),
  );
  const fit = (along: "x" | "y", axis: Axis, some: readonly Panel[]): FittedAxis => {
    const sharing = some.filter((panel) => panel[along].label === axis.label);
    return fitAxis(axis, along, sharing.flatMap(({ layers }) => layers));
  };
  return rows.map((row): Piece => {
    const axes = row.map(({ x, y }) => ({ x: fit("x", x, all), y: fit("y", y, row) }));
    const hasY = row.map(({ y }, i) => i === 0 || y.label !== row[i - 1]!.y.label);
    const lefts = axes.map(({ y }, i) => hasY[i] ? axisRoom(y) : 0);
    const room = width - lefts.reduce((sum, left) => sum + left) - GAP * row.length;
    let right = -GAP;
    const plots = row.map((panel, i) => {
      const left = right + GAP + lefts[i]!;
      right = left + room / row.length;
      const { height = layout.frame } = panel;
      return drawPanel(panel, { ...axes[i]!, left, right, width, height, hasY: hasY[i]! });
    });
    return {
      svg: plots.map(({ svg }) => svg).join(""),
      height: Math.max(...plots.map(({ height }) => height)),
    };
  });
}

function drawPanel(
  { heading = "", layers }: Panel,
  { x, y, left, right, width, height: frame, hasY }: {
    x: FittedAxis;
    y: FittedAxis;
    left: number;
    right: number;
    width: number;
    height: number;
    hasY: boolean;
  },
): Piece {
  const lines = heading === "" ? [] : heading.split("\n");
  const top = ABOVE + LINE * lines.length;
  const height = top + frame + BELOW;
  const [across, up] = [scaleOf(x, "x", [left, right]), scaleOf(y, "y", [top + frame, top])];
  const bottomOf = ({ isLog, domain }: FittedAxis): number => isLog ? domain[0] : -Infinity;
  const place = { x: across.apply, y: up.apply, bottom: { x: bottomOf(x), y: bottomOf(y) }, right };
  const [xs, ys] = [x, y].map(({ ticks }) => ticks.map(({ value }) => value)) as [
    number[],
    number[],
  ];
  const grid = { stroke: INK.grid, strokeOpacity: 1 };
  const svg = renderPlot({
    ...{ width, height, marginTop: top, marginBottom: BELOW },
    ...{ marginLeft: left, marginRight: width - right, x: across.options, y: up.options },
    marks: [
      Plot.gridX(xs, grid),
      Plot.gridY(ys, grid),
      y.scale === "log" && !y.isLog ? Plot.ruleY([0], { stroke: INK.axis }) : [],
      layers.flatMap((layer) => layer.rows.length === 0 ? [] : toMarks(layer, place)),
      Plot.frame({ stroke: INK.axis }),
      hasY ? Plot.axisY(ys, { tickSize: 0, label: null, text: (_, i) => y.ticks[i]!.label }) : [],
      Plot.axisX(xs, { tickSize: 4, label: null, text: null }),
    ],
  });
  const labels = roomyTexts(
    x.ticks.toSorted((a, b) => urgency(x, a.label) - urgency(x, b.label))
      .map(({ value, label }) => ({ x: value, y: 0, text: label })),
    { x: across.apply, y: Number, right: Infinity },
  );
  const middle = { x: (left + right) / 2, "text-anchor": "middle" };
  const wide = (line: string): boolean => textWidth(line, FONT_SIZE.label) > right - left;
  const words = [
    ...labels.map((row) =>
      text(row.text!, {
        ...{ ...middle, x: across.apply(row.x), y: top + frame + 17 },
        "font-size": FONT_SIZE.tick,
      })
    ),
    ...lines.map((line, i) =>
      text(line, {
        ...{ ...middle, y: 17 + LINE * i, "font-weight": "bold" },
        "font-size": wide(line) ? FONT_SIZE.tick : FONT_SIZE.label,
      })
    ),
    text(x.label, { ...middle, y: height - 7 }),
    ...(hasY ? y.label.split("\n") : []).map((line, i) => {
      const across = tenth(left - axisRoom(y) + 11 + LINE * i);
      const down = tenth(top + frame / 2);
      const transform = `rotate(-90 ${across} ${down})`;
      return text(line, { ...middle, x: across, y: down, transform });
    }),
  ];
  return { svg: svg + words.join(""), height };
}

/** Which tick is labelled where there is no room for all: the ends first, then the shortest. */
function urgency({ ticks }: FittedAxis, label: string): number {
  return [ticks[0], ticks.at(-1)].some((end) => end?.label === label) ? 0 : label.length;
}

function axisRoom({ label, ticks }: FittedAxis): number {
  const lines = ticks.flatMap((tick) => tick.label.split("\n"));
  const widest = Math.max(0, ...lines.map((line) => textWidth(line, FONT_SIZE.tick)));
  return LINE * (label === "" ? 0 : label.split("\n").length) + widest + 12;
}

/** The entries of layers in rows of at most `width` pixels, each once. */
function legend(all: readonly Layer[], width: number): Piece[] {
  const named = Map.groupBy(
    all.filter((layer) => layer.legend),
    (layer) => JSON.stringify(layer.legend),
  );
  if (named.size === 0) return [];
  let [x, y] = [0, LEGEND_LINE / 2];
  const names: string[] = [];
  const samples = [...named.values()].map(([layer = all[0]!]): Layer => {
    const ramp = typeof layer.legend === "object" ? layer.legend : undefined;
    const label = ramp?.from ?? String(layer.legend);
    const size = FONT_SIZE.tick;
    const mark = ramp ? 8 * ramp.colors.length : 16;
    const first = ramp ? textWidth(label, size) : 0;
    const taken = first + mark + 8 + textWidth(ramp?.to ?? label, size);
    if (x > 0 && x + taken > width) [x, y] = [0, y + LEGEND_LINE];
    const start = x + first;
    if (ramp) names.push(text(label, { x, y: y + 4, "font-size": size }));
    names.push(text(ramp?.to ?? label, { x: start + mark + 6, y: y + 4, "font-size": size }));
    x += taken + 12;
    if (ramp) {
      const rows = ramp.colors.flatMap((color, z) =>
        [8 * z, 8 * z + 8].map((at) => ({ x: start + at, y, z, color }))
      );
      return { kind: "lines", name: "ramp", rows, width: 9 };
    }
    const hasInterval = layer.rows.some(({ interval }) => interval);
    const row = { x: start + 8, y, interval: hasInterval ? [y - 8, y + 8] as const : null };
    const { along: _, shift: __, ...style } = layer;
    return layer.kind === "points" ? { ...style, name: "legend", rows: [row] } : {
      ...style,
      kind: "lines",
      name: "legend",
      rows: [start, start + 16].map((x) => ({ x, y })),
    };
  });
  const height = y + LEGEND_LINE / 2 + 2;
  const identity = { type: "identity" } as const;
  const place = { x: Number, y: Number, bottom: { x: -Infinity, y: -Infinity }, right: 0 };
  const marks = samples.flatMap((layer) => toMarks(layer, place));
  const svg = renderPlot({ width, height, margin: 0, x: identity, y: identity, marks });
  return [{ svg: svg + names.join(""), height }];
}

/** Lines of text at the left, broken between words; a number is not parted from its unit. */
function paragraph(content: string, width: number, style: Attributes): Piece {
  const size = Number(style["font-size"]);
  const glued = content.replace(/ (= |%|(?<=\d )[a-z])/g, "\u00a0$1").replaceAll("= ", "=\u00a0");
  const lines = [""];
  for (const word of glued.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trimStart();
    if (textWidth(longer, size) > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  const y = (i: number): number => Math.ceil(size) + Math.round(1.4 * size) * i;
  return {
    svg: lines.map((line, i) => text(line, { x: 0, y: y(i), ...style })).join(""),
    height: y(lines.length - 1) + 7,
  };
}

type Attributes = Readonly<Record<string, string | number>>;

/** One line of text, 12 pixels unless told, its baseline at `y`. */
function text(line: string, attributes: Attributes): string {
  if (line === "") return "";
  const all = Object.entries({ "font-size": FONT_SIZE.label, ...attributes });
  const list = all.map(([name, value]) =>
    `${name}="${typeof value === "number" ? tenth(value) : value}"`
  );
  return `<text ${list.join(" ")}>${escape(line)}</text>`;
}

function escape(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
