/**
 * Pieces of SVG as strings, and the one standalone document that they make.
 *
 * @module
 */
import { FONT_FAMILY, FONT_SIZE, INK } from "~/lib/figures/theme.ts";

/** A piece of a figure with its size in pixels. */
export interface Piece {
  readonly svg: string;
  readonly width: number;
  readonly height: number;
}

/** How a line of text is set. */
export interface TextOptions {
  readonly x: number;
  /** Baseline, pixels from the top. */
  readonly y: number;
  readonly size?: number;
  readonly fill?: string;
  readonly weight?: "bold";
  readonly anchor?: "middle" | "end";
  /** Degrees, clockwise, about (x, y). */
  readonly rotate?: number;
}

/** Sets one line of text; 12 pixels, dark and left-aligned unless told. */
export function text(line: string, options: TextOptions): string {
  const { x, y, size = FONT_SIZE.label, fill = INK.text, weight, anchor, rotate } = options;
  const attributes = [
    `x="${round(x)}" y="${round(y)}" font-size="${size}" fill="${fill}"`,
    weight && `font-weight="${weight}"`,
    anchor && `text-anchor="${anchor}"`,
    rotate && `transform="rotate(${rotate} ${round(x)} ${round(y)})"`,
  ];
  return `<text ${attributes.filter(Boolean).join(" ")}>${escape(line)}</text>`;
}

/** Moves a piece. */
export function translate(svg: string, x: number, y: number): string {
  return `<g transform="translate(${round(x)} ${round(y)})">${svg}</g>`;
}

/** Advances of DejaVu Sans in em, rounded up into classes; a digit's is that of the rest. */
const ADVANCES: readonly (readonly [ems: number, letters: string])[] = [
  [0.3, "'ijlIJ"],
  [0.35, " \u00a0,.:;/|f-"],
  [0.41, "()[]t!r⁰¹²³⁴⁵⁶⁷⁸⁹"],
  [0.5, '"*_–'],
  [0.57, "szcLFk?⁻"],
  [0.62, "vxyPTYaoe"],
  [0.7, "KAVBRXZC"],
  [0.79, "UHNDG&OQ"],
  [0.86, "w#+<=>×−≥M"],
  [1, "%mW@"],
];
const OTHER_ADVANCE = 0.64;

/** Pixels that a line takes at most. */
export function textWidth(line: string, size: number): number {
  return size *
    [...line].reduce(
      (ems, letter) =>
        ems + (ADVANCES.find(([, letters]) => letters.includes(letter))?.[0] ?? OTHER_ADVANCE),
      0,
    );
}

/** Breaks text into lines of at most so many pixels, between words. */
export function wrap(paragraph: string, size: number, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of paragraph.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (line !== "" && textWidth(longer, size) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}

/** Sets text as a block of lines; a number is not parted from its unit. */
export function paragraph(content: string, width: number): Piece {
  const size = FONT_SIZE.caption;
  const glued = content.replace(/ (= |%|(?<=\d )[a-z])/g, "\u00a0$1").replaceAll("= ", "=\u00a0");
  const lines = wrap(glued, size, width);
  const leading = 1.4 * size;
  return {
    svg: lines.map((line, i) => text(line, { x: 0, y: size + i * leading, size, fill: INK.muted }))
      .join(""),
    width,
    height: Math.ceil(size + (lines.length - 1) * leading + 4),
  };
}

/**
 * Wraps a figure into a document that needs nothing else: namespace, fonts, and a white ground, so
 * that it reads on a dark page as well.
 */
export function standalone(
  { svg, width, height }: Piece,
  { title, caption, inches }: { title: string; caption: string; inches?: number },
): string {
  const size = inches === undefined
    ? `width="${width}" height="${height}"`
    : `width="${inches}in" height="${round(inches * height / width)}in"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} ` +
    `viewBox="0 0 ${width} ${height}" role="img" font-family="${FONT_FAMILY}" color="${INK.text}">` +
    `<title>${escape(title)}</title><desc>${escape(caption)}</desc>` +
    `<rect width="${width}" height="${height}" fill="#fff"/>${svg}</svg>\n`;
}

function escape(content: string): string {
  return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function round(pixels: number): number {
  return Math.round(pixels * 100) / 100;
}
