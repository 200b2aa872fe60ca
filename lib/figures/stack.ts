/**
 * A figure from its parts, one below the other: title, legend, panels, caption.
 *
 * @module
 */
import { type Layout, PAGE } from "~/lib/figures/layout.ts";
import { paragraph, type Piece, standalone, text, translate, wrap } from "~/lib/figures/svg.ts";
import { FONT_SIZE } from "~/lib/figures/theme.ts";

/** A finished figure. */
export interface Figure {
  /** Name of its files, without extension. */
  readonly name: string;
  /** The line above the figure. */
  readonly title: string;
  /** What stands under the figure, in one line. */
  readonly caption: string;
  /** A standalone SVG document. */
  readonly svg: string;
  /** Pixels of the SVG; the PNG has twice as many. */
  readonly width: number;
  /** Pixels of the SVG; the PNG has twice as many. */
  readonly height: number;
  /** Width in print; undefined for a pixel a pixel. */
  readonly inches?: number;
}

/** The words of a figure, and its form. */
export interface StackOptions extends Pick<Figure, "name" | "title" | "caption"> {
  /** Default: a page's. */
  readonly layout?: Layout;
}

/** Puts pieces below each other, all as wide as the widest, between a title and a caption. */
export function stack(
  pieces: readonly Piece[],
  { name, title, caption, layout = PAGE }: StackOptions,
): Figure {
  const { isWhole, padding, inches } = layout;
  const inner = Math.max(
    ...pieces.map((piece) => piece.width),
    (layout.width ?? 0) - 2 * padding,
  );
  const { title: size } = FONT_SIZE;
  // Bold letters are up to an eighth wider.
  const lines = wrap(title, 1.125 * size, inner);
  const heading: Piece = {
    svg: lines.map((line, i) => text(line, { x: 0, y: size + 18 * i, size, weight: "bold" }))
      .join(""),
    width: inner,
    height: 26 + 18 * (lines.length - 1),
  };
  let y = padding;
  const all = isWhole ? [heading, ...pieces, paragraph(caption, inner)] : pieces;
  const parts = all.map((piece) => {
    const part = translate(piece.svg, padding, y);
    y += piece.height;
    return part;
  });
  const [width, height] = [Math.ceil(inner + 2 * padding), Math.ceil(y + padding)];
  const print = inches === undefined ? {} : { inches };
  const svg = standalone({ svg: parts.join(""), width, height }, { title, caption, ...print });
  return { name, title, caption, svg, width, height, ...print };
}

/** Puts panels into rows of so many. */
export function rows(panels: readonly Piece[], perRow: number, gap: number): Piece[] {
  return Array.from(
    { length: Math.ceil(panels.length / perRow) },
    (_, row) => beside(panels.slice(row * perRow, (row + 1) * perRow), gap),
  );
}

/** Puts pieces of the same height beside each other. */
export function beside(pieces: readonly Piece[], gap: number): Piece {
  let x = 0;
  const parts = pieces.map((piece) => {
    const part = translate(piece.svg, x, 0);
    x += piece.width + gap;
    return part;
  });
  return {
    svg: parts.join(""),
    width: x - gap,
    height: Math.max(...pieces.map(({ height }) => height)),
  };
}
