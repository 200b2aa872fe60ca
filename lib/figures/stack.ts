/**
 * A figure from its parts, one below the other: title, legend, panels, caption.
 *
 * @module
 */
import { paragraph, type Piece, standalone, text, translate } from "~/lib/figures/svg.ts";
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
}

const PADDING = 14;

/** Puts pieces below each other, all as wide as the widest, between a title and a caption. */
export function stack(
  pieces: readonly Piece[],
  { name, title, caption }: Pick<Figure, "name" | "title" | "caption">,
): Figure {
  const inner = Math.max(...pieces.map((piece) => piece.width));
  const heading: Piece = {
    svg: text(title, { x: 0, y: FONT_SIZE.title, size: FONT_SIZE.title, weight: "bold" }),
    width: inner,
    height: 26,
  };
  let y = PADDING;
  const parts = [heading, ...pieces, paragraph(caption, inner)].map((piece) => {
    const part = translate(piece.svg, PADDING, y);
    y += piece.height;
    return part;
  });
  const [width, height] = [Math.ceil(inner + 2 * PADDING), Math.ceil(y + PADDING)];
  const svg = standalone({ svg: parts.join(""), width, height }, { title, caption });
  return { name, title, caption, svg, width, height };
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
