/**
 * Axes that hold what stands on them: scale, ends, ticks and their labels.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";
import type { Axis, Layer } from "~/lib/figures/figure.ts";
import { FONT_SIZE, textWidth } from "~/lib/figures/theme.ts";
import { scientific } from "~/lib/files/numbers.ts";
import type { Interval } from "~/lib/results.ts";

/** An axis with its scale. */
export interface FittedAxis extends Axis {
  readonly type: "linear" | "log" | "symlog";
  readonly domain: readonly [number, number];
  /** Of a symmetric logarithm: where its linear part ends. */
  readonly constant: number;
  readonly ticks: readonly number[];
  /** One a tick. */
  readonly labels: readonly string[];
}

/** A value on an axis. */
interface Placed {
  readonly value: number;
  readonly interval: Interval | null;
}

/** Values of positive and negative sign that span more orders than this need a symmetric logarithm. */
const LINEAR_RATIO = 100;
/** Decades that a symmetric logarithm shows on each side of 0. */
const MOST_DECADES = 6;
/** An interval may reach so many times below the lowest point of a logarithmic axis. */
const REACH = 4;
/** Pixels between the frame and the outermost values along x: marks stand beside them. */
const INSET = 14;

/** Fits an axis to all that layers put on it; an axis of nothing goes from 0.1 to 1. */
export function fitAxis(axis: Axis, along: "x" | "y", layers: readonly Layer[]): FittedAxis {
  const placed = layers.flatMap((layer) =>
    layer.rows.map((row): Placed => ({
      value: row[along],
      interval: (layer.along ?? "y") === along ? row.interval ?? null : null,
    })).filter(({ value }) => Number.isFinite(value))
  );
  const values = placed.map(({ value }) => value);
  const [low, high] = extentOf([...values, ...axis.values ?? []]);
  const ends = placed.flatMap(({ interval }) => interval ?? []);
  const scale = axis.scale ?? "linear";
  const resolved = placed.filter(({ interval }) => !interval || interval[0] * interval[1] > 0)
    .map(({ value }) => Math.abs(value)).filter((size) => size > 0);
  const largest = Math.max(Math.abs(low), Math.abs(high));
  const [smallest] = extentOf(resolved);
  if (scale === "measure" && low <= 0 && largest / smallest > LINEAR_RATIO) {
    return symlog(axis, extentOf([0, ...values, ...ends]), smallest, largest);
  }
  if (low > 0 && scale !== "linear") {
    const bottom = Math.max(Math.min(low, ...ends.filter((end) => end > 0)), low / REACH);
    const [from, to] = [bottom, Math.max(high, ...ends)];
    const most = 1.08 * Math.max(1 / from, to, 1.6);
    const pad = axis.values ? 1 : Math.max(1.12, (to / from) ** 0.05);
    const domain = scale === "ratio" ? [1 / most, most] as const : [from / pad, to * pad] as const;
    return labelled({ ...axis, type: "log", domain, constant: 1 }, logTicks(...domain));
  }
  const zero = scale === "measure" ? [0] : [];
  const [from, to] = extentOf([...values, ...axis.values ?? [], ...ends, ...zero]);
  const pad = to > from ? 0.06 * (to - from) : 0.5 * Math.abs(from) || 0.5;
  const domain = [from - (from === 0 ? 0 : pad), to + pad] as const;
  return labelled({ ...axis, type: "linear", domain, constant: 1 }, roundTicks(...domain));
}

/** Plot's scale of an axis over pixels from `start` to `end`, and where it puts a value. */
export function scaleOf(
  { type, domain, constant, isFalling, room = 0 }: FittedAxis,
  along: "x" | "y",
  [start, end]: readonly [number, number],
): { readonly options: Plot.ScaleOptions; apply(value: number): number } {
  const inset = along === "x" ? INSET : 4;
  const sign = Math.sign(end - start);
  const options = {
    type,
    domain: isFalling ? domain.toReversed() : [...domain],
    range: [start + sign * inset, end - sign * (inset + room)],
    ...(type === "symlog" ? { constant } : {}),
  };
  return { options, apply: Plot.scale({ [along]: options }).apply };
}

/** The labels that have room beside one another, the ends first, then the shortest; others empty. */
export function roomyLabels(labels: readonly string[], places: readonly number[]): string[] {
  const widths = labels.map((label) => textWidth(label, FONT_SIZE.tick));
  const last = labels.length - 1;
  const rank = (i: number): number => i === 0 || i === last ? 0 : widths[i]!;
  const kept: number[] = [];
  for (const i of labels.map((_, i) => i).sort((a, b) => rank(a) - rank(b) || a - b)) {
    const touches = kept.some((other) =>
      Math.abs(places[i]! - places[other]!) < (widths[i]! + widths[other]!) / 2 + 6
    );
    if (!touches) kept.push(i);
  }
  return labels.map((label, i) => kept.includes(i) ? label : "");
}

/** A tick of a linear axis: six letters and a sign at most. */
export function formatTick(value: number): string {
  const size = Math.abs(value);
  const decimal = String(Number(size.toPrecision(4)));
  const digits = size < 1e4 && decimal.length <= 6 ? decimal : scientific(size);
  return (value < 0 ? "−" : "") + digits;
}

/** A tick of a logarithmic axis: `10⁻³`, `0.5`, `30`, `−10⁻²`, `2×10⁻³`. */
export function formatLogTick(value: number): string {
  const size = Math.abs(value);
  const plain = size === 0 || size >= 0.2 && size < 100;
  return (value < 0 ? "−" : "") + (plain ? String(Number(size.toPrecision(3))) : scientific(size));
}

/** Smallest and largest of finite values; 0.1 and 1 for none. Not Math.min(...), of which a long list overflows the stack. */
export function extentOf(values: readonly number[]): [low: number, high: number] {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return [0.1, 1];
  return finite.reduce(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [Infinity, -Infinity],
  );
}

function labelled(
  axis: Omit<FittedAxis, "ticks" | "labels">,
  round: readonly number[],
): FittedAxis {
  const ticks = axis.values ?? round;
  const isPlain = axis.type === "linear" ||
    ticks.every((tick) => Math.abs(tick) >= 0.01 && Math.abs(tick) < 1000);
  const format = axis.format ?? (isPlain ? formatTick : formatLogTick);
  return { ...axis, ticks, labels: ticks.map((tick) => format(tick)) };
}

/** `sign(y) log(1 + |y| / c)` with c a power of ten below the smallest value that is told from 0. */
function symlog(
  axis: Axis,
  [from, to]: readonly [number, number],
  smallest: number,
  largest: number,
): FittedAxis {
  const top = Math.ceil(Math.log10(largest) - 1e-9);
  const bottom = Math.max(Math.floor(Math.log10(smallest)), top - MOST_DECADES);
  const constant = 10 ** bottom;
  const pad = (end: number): number => 1.3 * end + Math.sign(end) * 0.2 * constant;
  const domain = [Math.min(pad(from), -constant / 2), Math.max(pad(to), constant / 2)] as const;
  const step = Math.ceil((top - bottom + 1) / 5);
  const decades = Array.from({ length: top - bottom + 1 }, (_, i) => Number(`1e${bottom + i}`))
    .filter((_, i) => (top - bottom - i) % step === 0);
  return labelled(
    { ...axis, type: "symlog", domain, constant },
    [...decades.map((value) => -value).reverse(), 0, ...decades]
      .filter((value) => value >= domain[0] && value <= domain[1]),
  );
}

/** About five multiples of 1, 2 or 5 times a power of ten. */
function roundTicks(low: number, high: number): number[] {
  const decade = 10 ** Math.floor(Math.log10((high - low) / 4));
  const step = [1, 2, 5, 10].map((part) => part * decade)
    .find((each) => (high - low) / each <= 6)!;
  const first = Math.ceil(low / step);
  const count = Math.floor(high / step) - first + 1;
  return Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

/** At most six powers of ten; with 3, or 2 and 5, times them where there are fewer than three. */
function logTicks(low: number, high: number): number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const every = (parts: readonly number[]): number[] =>
    Array.from({ length: last - first + 1 }, (_, i) => first + i)
      .flatMap((decade) => parts.map((part) => Number(`${part}e${decade}`)))
      .filter((value) => value >= low && value <= high);
  const decades = every([1]);
  if (decades.length < 3) return every(decades.length === 2 ? [1, 3] : [1, 2, 5]);
  const step = Math.ceil(decades.length / 6);
  return decades.filter((_, i) => (decades.length - 1 - i) % step === 0);
}
