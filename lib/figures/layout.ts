/**
 * The two forms of a figure: on a page with its words, and a paper's column without them.
 *
 * @module
 */

/** Sizes are in pixels of the SVG. */
export interface Layout {
  /** Whether title and caption stand in it; without them they stand in the text around it. */
  readonly isWhole: boolean;
  /** Panels side by side. */
  readonly perRow: number;
  /** Of a panel's frame from left to right: 12 batch sizes stand 27 or 21 apart. */
  readonly frameWidth: number;
  /** Of the frames of a sharpness panel, and of others. */
  readonly height: { readonly sharpness: number; readonly loss: number; readonly other: number };
  /** Between the drawing and the edge. */
  readonly padding: number;
  /** Whole width that the figure is made for; undefined for as wide as its panels. */
  readonly width?: number;
  /** Width in print; undefined for a pixel a pixel. */
  readonly inches?: number;
}

/** For a screen: notebooks, README. */
export const PAGE: Layout = {
  isWhole: true,
  perRow: 2,
  frameWidth: 324,
  height: { sharpness: 240, loss: 86, other: 240 },
  padding: 14,
};

/**
 * A column of two, 3.3 inches: 366 pixels make a tick's 11 of them 7.15 points, and nothing is set
 * smaller.
 */
export const COLUMN: Layout = {
  isWhole: false,
  perRow: 1,
  frameWidth: 268,
  height: { sharpness: 170, loss: 64, other: 180 },
  padding: 4,
  width: 366,
  inches: 3.3,
};
