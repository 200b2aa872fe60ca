/**
 * One panel of any two quantities: frame, grid, axes, labels.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import type { Axis } from "~/lib/figures/axis.ts";
import { renderPlot } from "~/lib/figures/plot.ts";
import { type Piece, text, translate } from "~/lib/figures/svg.ts";
import { INK } from "~/lib/figures/theme.ts";

/** An axis with its words. */
export interface PanelAxis extends Pick<Axis, "scale" | "ticks" | "format"> {
  /** One line along x, one or two along y. */
  readonly label: readonly string[];
}

/** What a panel shows. */
export interface XyPanel {
  readonly heading: string;
  readonly x: PanelAxis;
  readonly y: PanelAxis;
  readonly marks: Plot.Markish[];
  /** Of the frame in pixels. */
  readonly width: number;
  readonly height: number;
  /** Room left of the frame for tick labels; default 50. */
  readonly tickRoom?: number;
  /** Whether the vertical axis has its label and, if it is shared, its ticks; default both. */
  readonly isLabelled?: boolean;
  readonly hasTicks?: boolean;
}

/** Pixels above the frame, with a heading and without. */
const ABOVE = { heading: 24, bare: 4 } as const;
const BELOW = { ticks: 22, label: 20 } as const;
const LABEL_ROOM = 34;
const RIGHT = 8;

/** Draws a panel. */
export function xyPanel(panel: XyPanel): Piece {
  const { heading, x, y, marks, tickRoom = 50, isLabelled = true, hasTicks = true } = panel;
  const top = heading === "" ? ABOVE.bare : ABOVE.heading;
  const left = (isLabelled ? LABEL_ROOM : 0) + (hasTicks ? tickRoom : 10);
  const width = left + panel.width + RIGHT;
  const [xTicks, yTicks] = [x, y].map(({ ticks }) =>
    typeof ticks === "number" ? ticks : [...ticks]
  );
  const drawn = renderPlot({
    width,
    height: 6 + panel.height + BELOW.ticks,
    marginTop: 6,
    marginLeft: left,
    marginRight: RIGHT,
    marginBottom: BELOW.ticks,
    x: x.scale,
    y: y.scale,
    marks: [
      Plot.gridX({ ticks: xTicks!, stroke: INK.grid, strokeOpacity: 1 }),
      Plot.gridY({ ticks: yTicks!, stroke: INK.grid, strokeOpacity: 1 }),
      ...(hasTicks
        ? [Plot.axisY({ ticks: yTicks!, label: null, tickSize: 0, tickFormat: y.format })]
        : []),
      Plot.axisX({ ticks: xTicks!, label: null, tickSize: 4, tickFormat: x.format }),
      Plot.frame({ stroke: INK.axis }),
      marks,
    ],
  });
  const height = top + drawn.height + BELOW.label;
  const middle = left + panel.width / 2;
  return {
    svg: text(heading, { x: middle, y: 16, anchor: "middle", weight: "bold" }) +
      translate(drawn.svg, 0, top) +
      text(x.label[0] ?? "", { x: middle, y: height - 7, anchor: "middle" }) +
      (isLabelled ? verticalLabel(y.label, top + 6 + panel.height / 2) : ""),
    width,
    height,
  };
}

/** Lines of a label that reads upwards, about a height. */
export function verticalLabel(lines: readonly string[], middle: number): string {
  return lines.map((line, i) =>
    text(line, { x: 12 + 15 * i, y: middle, anchor: "middle", rotate: -90 })
  ).join("");
}
