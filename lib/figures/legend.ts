/**
 * The legend of a sharpness figure: what each mark in it means.
 *
 * @module
 */
import type { CellSummary } from "~/lib/results.ts";
import { isLost } from "~/lib/figures/series.ts";
import { type Piece, text, textWidth, translate } from "~/lib/figures/svg.ts";
import { FONT_SIZE, INK, OPTIMIZER_COLOR, OPTIMIZER_SYMBOL } from "~/lib/figures/theme.ts";
import type { OptimizerName } from "~/lib/optimizer.ts";

/** An entry: a mark drawn about (0, 0), at most 20 pixels wide and high, and its name. */
export interface LegendItem {
  readonly mark: string;
  readonly label: string;
}

/** Entries for the marks that occur in the figure of these cells. */
export function sharpnessLegend(
  cells: readonly CellSummary[],
  optimizers: readonly OptimizerName[],
): LegendItem[] {
  const [only] = optimizers;
  const ink = optimizers.length === 1 ? OPTIMIZER_COLOR[only!] : INK.muted;
  const symbol = OPTIMIZER_SYMBOL[optimizers.length === 1 ? only! : "SGD"];
  const measured = cells.filter(({ sharpness }) => sharpness !== null);
  const hasInterval = measured.some(({ sharpness }) => sharpness?.interval);
  const hasPooled = measured.some(({ sharpness }) => sharpness?.pooledInterval);
  const series = optimizers.map((optimizer): LegendItem => ({
    mark: marker(OPTIMIZER_SYMBOL[optimizer], {
      stroke: OPTIMIZER_COLOR[optimizer],
      fill: OPTIMIZER_COLOR[optimizer],
    }),
    label: optimizer,
  }));
  return [
    ...(optimizers.length > 1 ? series : []),
    measured.length > 0 && {
      mark: (hasInterval ? whisker({ ink, width: 2, cap: 3 }) : "") +
        marker(symbol, { stroke: ink, fill: ink }),
      label: hasInterval ? "mean and 95 % t interval over seeds" : "mean (one seed)",
    },
    hasPooled && {
      mark: `<g opacity="0.6">${whisker({ ink, width: 1, cap: 1.5 })}</g>`,
      label: "original's 95 % t interval, seeds × directions pooled",
    },
    hasInterval && { mark: `<circle r="1.5" fill="${ink}"/>`, label: "one seed" },
    measured.some(({ unconverged }) => unconverged.length > 0) && {
      mark: marker(symbol, { stroke: ink, fill: "#fff" }),
      label: "with runs that did not converge (epoch limit)",
    },
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
  const parts = items.map(({ mark, label }) => {
    const taken = 36 + textWidth(label, FONT_SIZE.tick);
    if (x > 0 && x + taken - 15 > width) [x, y] = [0, y + leading];
    const entry = translate(
      translate(mark, 9, 0) + text(label, { x: 21, y: 4, size: FONT_SIZE.tick }),
      x,
      y + 10,
    );
    x += taken;
    return entry;
  });
  return { svg: parts.join(""), width, height: y + leading };
}

/** The outlines of Plot's symbols at r = 3: areas are equal, pi r^2. */
function marker(
  symbol: "circle" | "diamond",
  { stroke, fill }: { stroke: string; fill: string },
): string {
  const style = `fill="${fill}" stroke="${stroke}" stroke-width="1.5"`;
  return symbol === "circle"
    ? `<circle r="3" ${style}/>`
    : `<path d="M0,-4.95L2.86,0L0,4.95L-2.86,0Z" ${style}/>`;
}

function whisker({ ink, width, cap }: { ink: string; width: number; cap: number }): string {
  return `<path d="M0,-8V8M${-cap},-8H${cap}M${-cap},8H${cap}" stroke="${ink}" ` +
    `stroke-width="${width}"/>`;
}
