/**
 * Axes that hold what stands on them: scale, ends and labelled ticks.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import type { Axis, Layer } from "~/lib/figures/figure.ts";
import { scientific } from "~/lib/files/numbers.ts";

/** An axis with its scale. */
export interface FittedAxis extends Axis {
  readonly domain: readonly [number, number];
  readonly isLog: boolean;
  readonly ticks: readonly { readonly value: number; readonly label: string }[];
}

/** An interval may reach so many times below the lowest point of a logarithmic axis. */
const REACH = 10;
/** Pixels between the frame and the outermost values along x: marks stand beside them. */
export const INSET = { x: 14, y: 4 } as const;

/** Fits an axis to all that layers put on it; an axis of nothing goes from 0.1 to 1. */
export function fitAxis(axis: Axis, along: "x" | "y", layers: readonly Layer[]): FittedAxis {
  const { scale = "linear", values } = axis;
  const [low, high] = extentOf([
    ...layers.flatMap(({ rows }) => rows.map((row) => row[along])),
    ...values ?? [],
  ]);
  const ends = layers.filter((layer) => (layer.along ?? "y") === along)
    .flatMap(({ rows }) => rows.flatMap(({ interval }) => interval ?? []));
  const isLog = scale !== "linear" && low > 0;
  const reached = isLog ? ends.filter((end) => end >= low / REACH) : ends;
  const [from, to] = extentOf([low, high, ...reached, ...(scale === "log" && !isLog ? [0] : [])]);
  const pad = isLog
    ? (values ? 1 : Math.max(1.12, (to / from) ** 0.05))
    : 0.06 * (to - from) || 0.5 * Math.abs(from) || 0.5;
  const most = 1.1 * Math.max(1 / from, to, 1.5);
  const domain = !isLog
    ? [from - pad, to + pad] as const
    : scale === "ratio"
    ? [1 / most, most] as const
    : [from / pad, to * pad] as const;
  const at = values ?? (isLog ? logTicks(...domain) : roundTicks(...domain));
  const isPlain = !isLog || at.every((value) => value >= 0.01 && value < 1000);
  const format = axis.format ?? ((value) => formatTick(value, { isPlain }));
  return { ...axis, domain, isLog, ticks: at.map((value) => ({ value, label: format(value) })) };
}

/** Plot's scale of an axis over pixels from `start` to `end`, and where it puts a value. */
export function scaleOf(
  { isLog, domain, isFalling, room = 0 }: FittedAxis,
  along: "x" | "y",
  [start, end]: readonly [number, number],
): { readonly options: Plot.ScaleOptions; apply(value: number): number } {
  const sign = Math.sign(end - start);
  const options: Plot.ScaleOptions = {
    type: isLog ? "log" : "linear",
    domain: isFalling ? domain.toReversed() : [...domain],
    range: [start + sign * INSET[along], end - sign * (INSET[along] + room)],
  };
  return { options, apply: Plot.scale({ [along]: options }).apply };
}

/** Smallest and largest of finite values; 0.1 and 1 for none. */
function extentOf(values: readonly number[]): [low: number, high: number] {
  const finite = values.filter(Number.isFinite).sort((a, b) => a - b);
  return [finite[0] ?? 0.1, finite.at(-1) ?? 1];
}

/** `0.3`, `−1500`, `2×10⁵`: six letters and a sign at most; not plain, `10⁻³`, `1`, `30`. */
export function formatTick(value: number, { isPlain = true } = {}): string {
  const size = Math.abs(value);
  const decimal = String(Number(size.toPrecision(4)));
  const isShort = isPlain ? size < 1e4 && decimal.length <= 6 : size >= 1 && size < 100;
  return (value < 0 ? "−" : "") + (isShort ? decimal : scientific(size));
}

/** At most seven multiples of 1, 2 or 5 times a power of ten. */
function roundTicks(low: number, high: number): number[] {
  const decade = 10 ** Math.floor(Math.log10((high - low) / 4));
  const step = [1, 2, 5, 10].map((part) => part * decade)
    .find((each) => (high - low) / each <= 7)!;
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** At most six powers of ten; where there are few, with 3, or 2 and 5, times them, or even steps. */
function logTicks(low: number, high: number): number[] {
  if (high / low < 5) return roundTicks(low, high);
  const [first, last] = [low, high].map((end) => Math.floor(Math.log10(end))) as [number, number];
  const every = (parts: readonly number[]): number[] =>
    Array.from({ length: last - first + 1 }, (_, i) => first + i)
      .flatMap((decade) => parts.map((part) => Number(`${part}e${decade}`)))
      .filter((value) => value >= low && value <= high);
  const decades = every([1]);
  if (decades.length < 3) return every(decades.length === 2 ? [1, 3] : [1, 2, 5]);
  const step = Math.ceil(decades.length / 6);
  return decades.filter((_, i) => (decades.length - 1 - i) % step === 0);
}
