/**
 * The legend of a sharpness figure: what each mark in it means.
 *
 * @module
 */
import type { CellSummary } from "~/lib/results.ts";
import { isLost } from "~/lib/figures/series.ts";
import { type Piece, text, textWidth, translate } from "~/lib/figures/svg.ts";
import { outline } from "~/lib/figures/symbols.ts";
import { FONT_SIZE, INK, type OptimizerStyle } from "~/lib/figures/theme.ts";

/** An entry: a mark drawn about (0, 0), at most 20 pixels wide and high, and its name. */
export interface LegendItem {
  readonly mark: string;
  readonly label: string;
  /** A word without a mark, such as the name of what follows. */
  readonly isWord?: boolean;
}

/** The edge of stability, a dashed line. */
export const EDGE_ITEM: LegendItem = {
  mark: `<path d="M-8,0h16" stroke="${INK.muted}" stroke-dasharray="5 3"/>`,
  label: "2 / learning rate",
};

/** Entries for the marks that occur in the figure of these cells. */
export function sharpnessLegend(
  cells: readonly CellSummary[],
  { styles, isPooledShown, isPublishedShown, isEdgeShown }: {
    styles: ReadonlyMap<string, OptimizerStyle>;
    isPooledShown: boolean;
    isPublishedShown: boolean;
    isEdgeShown: boolean;
  },
): LegendItem[] {
  const [only] = styles.values();
  const ink = styles.size === 1 ? only!.color : INK.muted;
  const symbol = styles.size === 1 ? only!.symbol : "circle";
  const measured = cells.filter(({ value }) => value !== null);
  const hasInterval = measured.some(({ value }) => value?.interval);
  const hasPooled = measured.some(({ value }) => value?.pooledInterval);
  const series = [...styles].map(([optimizer, style]): LegendItem => ({
    mark: outline(style.symbol, { stroke: style.color, fill: style.color }),
    label: optimizer,
  }));
  return [
    ...(styles.size > 1 ? series : []),
    measured.length > 0 && {
      mark: (hasInterval ? whisker({ ink, width: 2, cap: 3 }) : "") +
        outline(symbol, { stroke: ink, fill: ink }),
      label: hasInterval ? "mean and 95 % t interval over seeds" : "mean (one seed)",
    },
    isPooledShown && hasPooled && {
      mark: `<g opacity="0.6">${whisker({ ink, width: 1, cap: 1.5 })}</g>`,
      label: "original's interval, seeds × directions pooled",
    },
    hasInterval && { mark: `<circle r="1.5" fill="${ink}"/>`, label: "one seed" },
    measured.some(({ unconverged }) => unconverged.length > 0) && {
      mark: outline(symbol, { stroke: ink, fill: "#fff" }),
      label: "with runs that did not reach the stop",
    },
    isPublishedShown && {
      mark: `<g transform="scale(1.6)">${
        outline(symbol, { stroke: INK.published, fill: "#fff", width: 0.8 })
      }</g>`,
      label: "published",
    },
    isEdgeShown && EDGE_ITEM,
    cells.some(isLost) && {
      mark: text("×", { x: 0, y: 4, size: FONT_SIZE.label, fill: ink, anchor: "middle" }),
      label: "all runs diverged",
    },
  ].filter((item) => item !== false);
}

/** Sets entries in rows of at most `width` pixels. */
export function legend(items: readonly LegendItem[], width: number): Piece {
  const leading = 20;
  let [x, y] = [0, 0];
  const parts = items.map(({ mark, label, isWord = false }) => {
    const at = isWord ? 0 : 21;
    const taken = 15 + at + textWidth(label, FONT_SIZE.tick);
    if (x > 0 && x + taken - 15 > width) [x, y] = [0, y + leading];
    const entry = translate(
      translate(mark, 9, 0) + text(label, { x: at, y: 4, size: FONT_SIZE.tick }),
      x,
      y + 10,
    );
    x += taken;
    return entry;
  });
  return { svg: parts.join(""), width, height: y + leading };
}

function whisker({ ink, width, cap }: { ink: string; width: number; cap: number }): string {
  return `<path d="M0,-8V8M${-cap},-8H${cap}M${-cap},8H${cap}" stroke="${ink}" ` +
    `stroke-width="${width}"/>`;
}
