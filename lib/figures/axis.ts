/**
 * The vertical axes of the figures: which scale, from where to where, and how ticks are labelled.
 *
 * @module
 */
import type { ScaleOptions } from "@observablehq/plot";
import { logTicks } from "~/lib/figures/ticks.ts";
import { scientific } from "~/lib/files/numbers.ts";

/** A vertical axis. */
export interface Axis {
  readonly scale: ScaleOptions;
  /** Where labelled ticks stand; how many of them, where the scale finds them itself. */
  readonly ticks: readonly number[] | number;
  readonly format: (value: number) => string;
  /** Values below are off the axis. */
  readonly bottom: number;
  readonly hasNegative: boolean;
}

/** Above this ratio of largest to smallest value the small ones lie on a linear axis' ground. */
const LOG_RATIO = 100;
/** Decades that a symmetric logarithm shows on each side of 0. */
const MOST_DECADES = 6;

/** What an axis has to show. */
export interface AxisValues {
  /** Means and single values: they decide on the scale. */
  readonly points: readonly number[];
  /** Ends of intervals, which the axis has room for where it can. */
  readonly ends?: readonly number[];
  /** Values that are told from 0: the linear part of a symmetric logarithm ends below them. */
  readonly resolved?: readonly number[];
  /** Whether ratios are what is to be seen: logarithmic wherever all are positive. Default false. */
  readonly asRatios?: boolean;
}

/**
 * An axis for values that may be negative: linear from 0 (from below it where values are negative);
 * logarithmic where all are positive and span more than two orders of magnitude; where such values
 * stand together with some at or below 0, `sign(y) log(1 + |y| / c)` with c a power of ten below the
 * smallest value that is told from 0.
 */
export function valueAxis(
  { points, ends = [], resolved = points, asRatios = false }: AxisValues,
): Axis {
  const all = [...points, ...ends];
  const [low, high] = [minimum(points), maximum(points)];
  if (low > 0 && high / low > (asRatios ? 1 : LOG_RATIO)) {
    const [bottom, top] = [low / 1.4, 1.4 * maximum(all)];
    return {
      scale: { type: "log", domain: [bottom, top] },
      ticks: logTicks(bottom, top),
      format: formatLogTick,
      bottom,
      hasNegative: false,
    };
  }
  const [from, to] = [Math.min(0, ...all), Math.max(0, ...all)];
  const largest = maximum(points.map(Math.abs));
  const smallest = minimum(resolved.map(Math.abs).filter((size) => size > 0));
  if (low <= 0 && largest / smallest > LOG_RATIO) return symlogAxis(from, to, smallest, largest);
  return {
    scale: { type: "linear", domain: from === to ? [0, 1] : [from, to], nice: true, insetTop: 5 },
    ticks: 6,
    format: formatTick,
    bottom: -Infinity,
    hasNegative: from < 0,
  };
}

/** An axis of losses, with the reference values that lie on it. */
export interface LossAxis extends Axis {
  readonly references: readonly number[];
}

/**
 * The axis of losses: no more than they take, and up to the lowest possible loss or the loss of a
 * network that has learnt nothing, ln(classes), where these lie close by.
 */
export function lossAxis(losses: readonly number[], { classes }: { classes: number }): LossAxis {
  const known = [lossFloor(classes), Math.log(classes)];
  const [low, high] = losses.length === 0
    ? [known[0]!, known[1]!]
    : [minimum(losses), maximum(losses)];
  const span = Math.max(high - low, 0.05 * Math.abs(high), 1e-3);
  const near = known.filter((value) => value >= low - 0.25 * span && value <= high + 0.25 * span);
  const [from, to] = [minimum([low, ...near]), maximum([high, ...near])];
  const pad = 0.12 * Math.max(to - from, span);
  const logarithmic = low > 0 && high / low > LOG_RATIO;
  return {
    scale: logarithmic
      ? { type: "log", domain: [from / 1.4, to * 1.4] }
      : { type: "linear", domain: [from - pad, to + pad] },
    ticks: logarithmic ? logTicks(from / 1.4, to * 1.4) : 4,
    format: logarithmic ? formatLogTick : formatTick,
    bottom: -Infinity,
    hasNegative: false,
    references: near,
  };
}

/**
 * The lowest cross-entropy in nats of balanced classes with logits of mean 0 and variance 1: the
 * right logit is sqrt(C - 1), every other -1 / sqrt(C - 1). 0.278439 for 10 classes.
 */
export function lossFloor(classes: number): number {
  const right = Math.sqrt(classes - 1);
  return Math.log1p((classes - 1) * Math.exp(-right - 1 / right));
}

/** A tick of a linear axis: six letters and a sign at most. */
export function formatTick(value: number): string {
  const size = Math.abs(value);
  const decimal = String(Number(size.toPrecision(4)));
  const digits = size < 1e4 && decimal.length <= 6 ? decimal : scientific(size);
  return (value < 0 ? "−" : "") + digits;
}

/** A tick of a logarithmic axis: `10⁻³`, `1`, `−10⁻²`, `2×10⁻³`. */
export function formatLogTick(value: number): string {
  if (value === 0) return "0";
  const size = Math.abs(value);
  const plain = size >= 1 && size < 100;
  return (value < 0 ? "−" : "") + (plain ? String(Number(size.toPrecision(3))) : scientific(size));
}

function symlogAxis(from: number, to: number, smallest: number, largest: number): Axis {
  const top = Math.ceil(Math.log10(largest) - 1e-9);
  const bottom = Math.max(Math.floor(Math.log10(smallest)), top - MOST_DECADES);
  const linear = 10 ** bottom;
  const decades = Array.from({ length: top - bottom + 1 }, (_, i) => bottom + i);
  const step = Math.ceil(decades.length / 5);
  const kept = decades.filter((decade) => (top - decade) % step === 0)
    .map((decade) => Number(`1e${decade}`));
  const pad = (end: number): number => end === 0 ? 0 : 1.3 * end + Math.sign(end) * 0.2 * linear;
  const domain = [Math.min(pad(from), -0.5 * linear), Math.max(pad(to), 0.5 * linear)];
  return {
    scale: { type: "symlog", constant: linear, domain },
    ticks: [...kept.map((value) => -value).reverse(), 0, ...kept]
      .filter((value) => value >= domain[0]! && value <= domain[1]!),
    format: formatLogTick,
    bottom: -Infinity,
    hasNegative: true,
  };
}

function minimum(values: readonly number[]): number {
  return values.reduce((least, value) => Math.min(least, value), Infinity);
}

function maximum(values: readonly number[]): number {
  return values.reduce((most, value) => Math.max(most, value), -Infinity);
}
