/**
 * Figures as data: panels of layers over two axes, and a caption. Lengths are in pixels.
 *
 * @module
 */
import type { SymbolName } from "@observablehq/plot";
import type { Interval } from "~/lib/statistics.ts";

/** One mark; not drawn where a coordinate that its layer needs is NaN, where lines break. */
export interface Row {
  readonly x: number;
  readonly y: number;
  /** Along the layer's `along`. */
  readonly interval?: Interval | null;
  /** Which of the layer's lines. */
  readonly z?: number | string;
  /** Instead of the layer's. */
  readonly color?: string;
  /** One seed, of which no interval can be had. */
  readonly isHollow?: boolean;
  /** With runs that did not reach the stop. */
  readonly isPale?: boolean;
  readonly text?: string;
}

/** The colours of an ordered list, between its first and last word. */
export interface Ramp {
  readonly from: string;
  readonly to: string;
  readonly colors: readonly string[];
}

/** Marks of one kind. */
export interface Layer {
  /**
   * Rules go through the whole panel; of texts those that would lie on an earlier one are left out;
   * contours are bands of equal numbers in `z`.
   */
  readonly kind: "points" | "lines" | "rules" | "texts" | "contours";
  /** Class of its SVG group. */
  readonly name: string;
  readonly rows: readonly Row[];
  /** Its entry, if any. */
  readonly legend?: string | Ramp | undefined;
  readonly color?: string;
  /** Of texts: what parts them from what is below. */
  readonly halo?: string;
  readonly symbol?: SymbolName;
  /** Of points, default 3; of strokes, default 1.5; `stroke-dasharray`. */
  readonly radius?: number;
  readonly width?: number;
  readonly dash?: string | undefined;
  readonly opacity?: number;
  /** To the right. */
  readonly shift?: number;
  /** The axis of intervals and rules; default "y". */
  readonly along?: "x" | "y";
  /** Of contours, ascending, with a colour each. */
  readonly levels?: readonly number[];
  readonly colors?: readonly string[];
}

/** An axis. Panels beside each other share one of the same label, and so do all along x. */
export interface Axis {
  /** Lines of it are parted by line feeds. */
  readonly label: string;
  /** "log" is linear where a value is not above 0, "ratio" has 1 in its middle; default "linear". */
  readonly scale?: "linear" | "log" | "ratio";
  /** Where ticks stand; default: at round numbers. */
  readonly values?: readonly number[];
  readonly format?: (value: number) => string;
  /** From the largest value to the smallest. */
  readonly isFalling?: boolean;
  /** What stays free at its end. */
  readonly room?: number;
  /** Whether it is not shared with panels of the same label. */
  readonly isOwn?: boolean;
}

/** Two axes and what is drawn between them, the later layers over the earlier. */
export interface Panel {
  readonly heading?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly layers: readonly Layer[];
  /** Of the frame; default: the layout's. */
  readonly height?: number;
}

/** A figure before it is drawn. */
export interface FigureSpec {
  /** Name of its files, without extension. */
  readonly name: string;
  readonly title: string;
  /** In rows of two. */
  readonly panels: readonly Panel[];
  /** What stands under the figure, in one line. */
  readonly caption: string;
  /** Whether two panels stand side by side in a column, too. */
  readonly isNarrow?: boolean;
}
