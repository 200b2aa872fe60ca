/**
 * Figures as data: panels of layers over two axes, a legend and a caption.
 *
 * @module
 */
import type { Interval } from "~/lib/results.ts";

/** What Plot's symbols can be; areas are equal. */
export type MarkSymbol = "circle" | "diamond" | "square" | "triangle";

/** One mark. A coordinate that is NaN is left to the layer. */
export interface Row {
  readonly x: number;
  readonly y: number;
  /** Along the layer's `along`. */
  readonly interval?: Interval | null;
  /** Lines: which of them. */
  readonly z?: string | number;
  /** Instead of the layer's. */
  readonly color?: string;
  /** Points: one seed, of which no interval can be had. */
  readonly isHollow?: boolean;
  /** Points: with runs that did not reach the stop. */
  readonly isPale?: boolean;
  readonly text?: string;
}

/** How the marks of a layer look. */
export interface LayerStyle {
  /**
   * Points have intervals where rows have them. Rules go through the whole panel, as bands where rows
   * have intervals. A text that would lie on an earlier one of its layer is left out.
   */
  readonly kind: "points" | "lines" | "rules" | "texts";
  readonly color?: string;
  readonly symbol?: MarkSymbol;
  /** Pixels; default 3. */
  readonly radius?: number;
  /** Pixels; default 1.5. */
  readonly width?: number;
  readonly opacity?: number;
  /** `stroke-dasharray`. */
  readonly dash?: string;
  /** Pixels to the right. */
  readonly shift?: number;
  readonly anchor?: "start" | "middle" | "end";
  /** The axis that intervals and rules' values belong to; default "y". */
  readonly along?: "x" | "y";
}

/** Marks of one kind. */
export interface Layer extends LayerStyle {
  /** Class of its SVG group. */
  readonly name: string;
  readonly rows: readonly Row[];
}

/** An axis; panels side by side with the same vertical label share it, and all with the same horizontal one. */
export interface Axis {
  /** Lines of it are parted by line feeds. */
  readonly label: string;
  /**
   * "measure": logarithmic where all values are above 0, else symmetric about 0. "ratio": logarithmic
   * with 1 in the middle. Default "linear".
   */
  readonly scale?: "linear" | "log" | "measure" | "ratio";
  /** Where ticks stand; default: round numbers. */
  readonly values?: readonly number[];
  readonly format?: (value: number) => string;
  /** From the largest value to the smallest. */
  readonly isFalling?: boolean;
  /** Pixels that stay free at the end. */
  readonly room?: number;
}

/** Two axes and what is drawn between them. */
export interface Panel {
  readonly heading?: string;
  readonly x: Axis;
  readonly y: Axis;
  /** The later over the earlier. */
  readonly layers: readonly Layer[];
  /** Of the frame, in pixels; default: the layout's. */
  readonly height?: number;
  /** A smaller panel under it with the same horizontal axis. */
  readonly below?: Pick<Panel, "y" | "layers">;
}

/** What a mark means. */
export interface LegendItem {
  readonly label: string;
  readonly mark?: LayerStyle & Pick<Row, "isHollow" | "isPale"> & {
    readonly hasInterval?: boolean;
  };
  /** Instead of a mark, between two words: the colours of an ordered list. */
  readonly ramp?: { readonly colors: readonly string[]; readonly to: string };
}

/** A figure before it is drawn. */
export interface FigureSpec {
  /** Name of its files, without extension. */
  readonly name: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly legend: readonly LegendItem[];
  /** What stands under the figure. */
  readonly caption: string;
  /** Whether two panels stand side by side in a column, too. */
  readonly isNarrow?: boolean;
}

/** The two forms of a figure. Sizes are in pixels of the SVG. */
export interface Layout {
  /** Whether title and caption stand in it; without them they stand in the text around it. */
  readonly isWhole: boolean;
  /** Of the figure, and of one that has a single panel. */
  readonly width: number;
  readonly singleWidth: number;
  /** Of a frame, and of one under it. */
  readonly height: number;
  readonly belowHeight: number;
  readonly padding: number;
  /** Width in print; undefined for a pixel a pixel. */
  readonly inches?: number;
}

/** For a screen: notebooks, README. */
export const PAGE: Layout = {
  isWhole: true,
  width: 840,
  singleWidth: 620,
  height: 220,
  belowHeight: 76,
  padding: 14,
};

/** A column of two, 3.3 inches: 366 pixels make a tick's 11 of them 7.15 points, the least there is. */
export const COLUMN: Layout = {
  isWhole: false,
  width: 366,
  singleWidth: 366,
  height: 160,
  belowHeight: 60,
  padding: 4,
  inches: 3.3,
};
