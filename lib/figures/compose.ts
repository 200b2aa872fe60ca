/**
 * Draws figures: title, legend, rows of panels and caption, one below the other.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { fitAxis, type FittedAxis, INSET, scaleOf } from "~/lib/figures/axis.ts";
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
  readonly inches?: number | undefined;
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
/** Between panels at least, and from a line of words to the next. */
const GAP = 12;
const LINE = 15;
const LINE_OF_LEGEND = 20;
/** Pixels above a frame without a heading, and below it. */
const ABOVE = 8;
const BELOW = 38;

/** Draws a figure for a page: notebooks, README. */
export function compose(spec: FigureSpec): Figure {
  return draw(spec, PAGE);
}

/** A figure without title and caption, which stand in the text around it, for a paper's column. */
export function forColumn(spec: FigureSpec): Figure {
  return draw({ ...spec, name: `${spec.name}.column` }, COLUMN);
}

/** Pieces below each other in a document that needs nothing else, on a white ground. */
function draw(spec: FigureSpec, layout: Layout): Figure {
  const { title, panels } = spec;
  const { padding, inches } = layout;
  const width = panels.length === 1 ? layout.single : layout.width;
  const inner = width - 2 * padding;
  const words = (text: string, size: number, style: string): Piece[] =>
    inches === undefined ? [paragraph(text, inner, size, style)] : [];
  const rows = drawRows(spec, inner, layout);
  const [cut] = rows.flatMap(({ svg }) => svg.match(/[▾◂]/) ?? []);
  const caption = spec.caption + (cut ? ` ${cut}: the interval goes on beyond the axis.` : "");
  let y = padding;
  const parts = [
    ...words(title, FONT_SIZE.title, 'font-weight="bold"'),
    ...legend(panels.flatMap(({ layers }) => layers), inner),
    ...rows,
    ...words(caption, FONT_SIZE.caption, `fill="${INK.muted}"`),
  ].map((piece) => {
    const part = `<g transform="translate(${padding} ${tenth(y)})">${piece.svg}</g>`;
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
  return { ...spec, caption, svg, width, height, inches };
}

/**
 * Rows of two panels; in a column, of one, unless they are narrow. Panels share the x axes of one label,
 * in a row the y axes of one label, and any axis that is the same object.
 */
function drawRows(
  { panels, isNarrow = false }: FigureSpec,
  width: number,
  { inches, frame }: Layout,
): Piece[] {
  const isColumn = inches !== undefined;
  const perRow = isColumn && !isNarrow ? 1 : 2;
  const all = panels.map(({ heading = "", ...panel }, i) => {
    const whole = (panels.length > 1 ? `(${String.fromCharCode(97 + i)}) ` : "") + heading;
    return { ...panel, heading: isColumn && isNarrow ? whole.replace(", ", ",\n") : whole };
  });
  const fit = (along: "x" | "y", axis: Axis, some: readonly Panel[]): FittedAxis => {
    const sharing = all.filter((panel) => {
      const { [along]: other } = panel;
      return other === axis || (!axis.isOwn && other.label === axis.label && some.includes(panel));
    });
    return fitAxis(axis, along, sharing.flatMap(({ layers }) => layers));
  };
  const rows = all.flatMap((_, i) => i % perRow === 0 ? [all.slice(i, i + perRow)] : [])
    .map((row) => {
      const axes = row.map(({ x, y }) => ({ x: fit("x", x, all), y: fit("y", y, row) }));
      const rooms = axes.map(({ y }, i) =>
        i === 0 || y.label !== axes[i - 1]!.y.label ? axisRoom(y) : 0
      );
      return { row, axes, rooms };
    });
  // Frames stand below each other, whatever their own axes take.
  const roomOf = (column: number): number =>
    Math.max(...rows.map(({ rooms }) => rooms[column] ?? 0));
  // Labels at the ends of neighbouring axes do not meet; round numbers stand further inside.
  const reach = ({ x: { values, ticks } }: { x: FittedAxis }): number => {
    const ends = values ? [...ticks.slice(0, 1), ...ticks.slice(-1)] : [];
    return Math.max(...ends.map(({ label }) => textWidth(label, FONT_SIZE.tick))) / 2 - INSET.x;
  };
  const gaps = rows.flatMap(({ axes: [left, right] }) =>
    left && right ? [reach(left) + reach(right) + 6 - roomOf(1)] : []
  );
  const gap = Math.max(GAP, ...gaps);
  return rows.map(({ row, axes, rooms }): Piece => {
    const free = width - row.reduce((sum, _, i) => sum + roomOf(i) + gap, 0);
    let right = -gap;
    const plots = row.map((panel, i) => {
      const left = right + gap + roomOf(i);
      right = left + free / row.length;
      const { height = frame } = panel;
      return drawPanel(panel, { ...axes[i]!, left, right, width, height, room: rooms[i]! });
    });
    return {
      svg: plots.map(({ svg }) => svg).join(""),
      height: Math.max(...plots.map(({ height }) => height)),
    };
  });
}

/** A frame from `left` to `right` with its axes; the vertical one has labels where there is room. */
function drawPanel({ heading = "", layers }: Panel, frame: {
  x: FittedAxis;
  y: FittedAxis;
  left: number;
  right: number;
  width: number;
  height: number;
  room: number;
}): Piece {
  const { x, y, left, right, width, room } = frame;
  const top = ABOVE + (heading === "" ? 0 : LINE * heading.split("\n").length);
  const bottom = top + frame.height;
  const [across, up] = [scaleOf(x, "x", [left, right]), scaleOf(y, "y", [bottom, top])];
  const lowest = ({ isLog, domain }: FittedAxis): number => isLog ? domain[0] : -Infinity;
  const scales = { x: across.apply, y: up.apply, bottom: { x: lowest(x), y: lowest(y) }, right };
  const xs = x.ticks.map(({ value }) => value);
  const ys = y.ticks.map(({ value }) => value);
  // Where there is no room for all labels: the ends first, then the shortest.
  const ends = [x.ticks[0]?.label, x.ticks.at(-1)?.label];
  const urgency = ({ label }: { label: string }): number => ends.includes(label) ? 0 : label.length;
  const labelled = roomyTexts(
    x.ticks.toSorted((a, b) => urgency(a) - urgency(b))
      .map(({ value, label }) => ({ x: value, y: 0, text: label })),
    { x: across.apply, y: Number, right: Infinity },
  );
  const grid = { stroke: INK.grid, strokeOpacity: 1 };
  const words = { labelAnchor: "center", labelArrow: "none", tickSize: 0 } as const;
  const isWide = heading.split("\n").some((line) => textWidth(line, 1.1 * 12) > right - left);
  const svg = renderPlot({
    ...{ width, height: bottom + BELOW, marginTop: top, marginBottom: BELOW },
    ...{ marginLeft: left, marginRight: width - right, x: across.options, y: up.options },
    marks: [
      Plot.gridX(xs, grid),
      Plot.gridY(ys, grid),
      y.scale === "log" && !y.isLog ? Plot.ruleY([0], { stroke: INK.axis }) : [],
      layers.flatMap((layer) => layer.rows.length === 0 ? [] : toMarks(layer, scales)),
      Plot.frame({ stroke: INK.axis }),
      Plot.axisX(xs, { tickSize: 4, label: null, text: null }),
      Plot.axisX(labelled.map((row) => row.x), {
        ...{ ...words, tickPadding: 7, label: x.label, labelOffset: BELOW - 6 },
        text: (_, i) => labelled[i]!.text,
      }),
      room === 0 ? [] : [
        Plot.axisY(ys, { ...words, label: null, text: (_, i) => y.ticks[i]!.label }),
        // Not the axis' own label: its lines stand at 1 em whatever `lineHeight` says.
        Plot.text([y.label], {
          ...{ frameAnchor: "left", textAnchor: "middle", lineAnchor: "top", rotate: -90 },
          ...{ dx: 2 - room, lineHeight: LINE / FONT_SIZE.label },
        }),
      ],
      Plot.text([heading], {
        ...{ frameAnchor: "top", lineAnchor: "bottom", dy: -8, fontWeight: "bold" },
        fontSize: isWide ? FONT_SIZE.tick : FONT_SIZE.label,
      }),
    ],
  });
  return { svg, height: bottom + BELOW };
}

/** Pixels that a vertical axis takes: the lines of its words, and its longest label. */
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
  let [x, y] = [0, LINE_OF_LEGEND / 2];
  const samples = [...named.values()].flatMap(([layer = all[0]!]): Layer[] => {
    const { legend, along: _, shift: __, ...style } = layer;
    const { from = "", to, colors = [] } = typeof legend === "object"
      ? legend
      : { to: String(legend) };
    const [before, after] = [from, to].map((word) => textWidth(word, FONT_SIZE.tick));
    const mark = 8 * Math.max(2, colors.length);
    const taken = before! + mark + 18 + after!;
    if (x > 0 && x + taken > width) [x, y] = [0, y + LINE_OF_LEGEND];
    const start = x + before!;
    x += taken;
    const words = [{ x: start - before!, text: from }, { x: start + mark + 6, text: to }]
      .map((row) => ({ ...row, x: row.x - 5, y: y - 9 }));
    const segments = colors.flatMap((color, z) =>
      [8 * z, 8 * z + 8].map((at) => ({ x: start + at, y, z, color }))
    );
    const hasInterval = layer.rows.some(({ interval }) => interval);
    const point = { x: start + 8, y, interval: hasInterval ? [y - 8, y + 8] as const : null };
    const line = [start, start + 16].map((at) => ({ x: at, y }));
    return [
      { kind: "texts", name: "legend-word", rows: words },
      colors.length > 0
        ? { kind: "lines", name: "ramp", rows: segments, width: 9 }
        : layer.kind === "points"
        ? { ...style, name: "legend", rows: [point] }
        : { ...style, kind: "lines", name: "legend", rows: line },
    ];
  });
  const height = y + LINE_OF_LEGEND / 2 + 2;
  const identity = { type: "identity" } as const;
  const bottom = { x: -Infinity, y: -Infinity };
  const scales = { x: Number, y: Number, bottom, right: Infinity };
  const marks = samples.flatMap((layer) => toMarks(layer, scales));
  return [{
    svg: renderPlot({ width, height, margin: 0, x: identity, y: identity, marks }),
    height,
  }];
}

/** Lines of text at the left, broken between words; a number is not parted from its unit. */
function paragraph(content: string, width: number, size: number, style: string): Piece {
  const glued = content.replace(/ (= |%|(?<=\d )[a-z])/g, "\u00a0$1").replaceAll("= ", "=\u00a0");
  const lines = [""];
  for (const word of glued.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trimStart();
    if (textWidth(longer, size) > width) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  const y = (i: number): number => Math.ceil(size) + Math.round(1.4 * size) * i;
  const svg = lines.map((line, i) =>
    `<text y="${y(i)}" font-size="${size}" ${style}>${escape(line)}</text>`
  );
  return { svg: svg.join(""), height: y(lines.length - 1) + 7 };
}

function escape(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
