/**
 * The marks of curves along training, and their legend.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import { valueColors } from "~/lib/figures/colors.ts";
import { legend } from "~/lib/figures/legend.ts";
import type { Piece } from "~/lib/figures/svg.ts";
import { MARK_SYMBOLS, markSymbol, outline } from "~/lib/figures/symbols.ts";
import { INK, type MarkSymbol } from "~/lib/figures/theme.ts";
import type { Curve, CurvePoint } from "~/lib/findings.ts";
import { type EffectName, EFFECTS } from "~/lib/study.ts";

/** How the curves of one value look. */
export interface ValueStyle {
  readonly color: string;
  /** Of the network at the stop: a second cue beside colour. */
  readonly symbol: MarkSymbol;
}

/** The styles of values, which ascend. */
export function valueStyles(values: readonly number[]): Map<number, ValueStyle> {
  const colors = valueColors(values);
  return new Map(values.map((value, i) => [
    value,
    { color: colors.get(value)!, symbol: MARK_SYMBOLS[i % MARK_SYMBOLS.length]! },
  ]));
}

/** Where values are compared at equal loss. */
export function levelMark(level: number): Plot.Markish {
  return Plot.ruleX([level], {
    className: "common-level",
    stroke: INK.muted,
    strokeDasharray: "3 3",
  });
}

/** A line a trajectory through its networks, that at the stop with its value's symbol. */
export function curveMarks(
  curves: readonly Curve[],
  { x, styleOf }: { x: (point: CurvePoint) => number; styleOf: (curve: Curve) => ValueStyle },
): Plot.Markish[] {
  const points = curves.flatMap((curve, line) =>
    curve.points.map((point) => (
      { x: x(point), y: point.value, line, ...styleOf(curve), atStop: point.atStop }
    ))
  );
  const place = { x: "x", y: "y" };
  return [
    Plot.line(points, {
      ...place,
      z: "line",
      className: "curve",
      stroke: "color",
      strokeWidth: 1,
      strokeOpacity: 0.7,
    }),
    Plot.dot(points.filter(({ atStop }) => !atStop), {
      ...place,
      className: "curve-network",
      r: 1.2,
      fill: "color",
    }),
    Plot.dot(points.filter(({ atStop }) => atStop), {
      ...place,
      className: "curve-stop",
      r: 3,
      symbol: ({ symbol }: ValueStyle) => markSymbol(symbol),
      fill: "color",
    }),
  ];
}

/** The values of an effect by colour and symbol. */
export function curvesLegend(
  effect: EffectName,
  { styles, format, width }: {
    styles: ReadonlyMap<number, ValueStyle>;
    format: (value: number) => string;
    width: number;
  },
): Piece {
  return legend([
    { mark: "", label: `${EFFECTS[effect].label}:`, isWord: true },
    ...[...styles].map(([value, { color, symbol }]) => ({
      mark: `<path d="M-8,0h16" stroke="${color}" stroke-width="1.5"/>` +
        outline(symbol, { stroke: color, fill: color, width: 0 }),
      label: format(value),
    })),
  ], width);
}
