/**
 * The axes of the figures: which scale, from where to where, and how ticks are labelled.
 *
 * @module
 */
import type { ScaleOptions } from "@observablehq/plot";
import type { CellSummary } from "~/lib/results.ts";
import { textWidth } from "~/lib/figures/svg.ts";
import { FONT_SIZE, formatValue } from "~/lib/figures/theme.ts";
import type { Effect } from "~/lib/study.ts";

/** A vertical axis in nats. */
export interface Axis {
  readonly scale: ScaleOptions;
  /** Values below are off the axis. */
  readonly bottom: number;
  readonly hasNegative: boolean;
}

/** Above this ratio of largest to smallest value the small ones lie on a linear axis' ground. */
const LOG_RATIO = 100;

/**
 * The axis of sharpness: linear from 0 (from below it where values are negative), logarithmic where
 * all means and seeds are positive and span more than two orders of magnitude.
 */
export function sharpnessAxis(cells: readonly CellSummary[]): Axis {
  const points = cells.flatMap(({ sharpness, bySeed }) => [
    ...(sharpness === null ? [] : [sharpness.mean]),
    ...bySeed.flatMap((seed) => seed.sharpness ?? []),
  ]);
  const ends = cells.flatMap(({ sharpness }) => [
    ...(sharpness?.interval ?? []),
    ...(sharpness?.pooledInterval ?? []),
  ]);
  return axisOf(points, [...points, ...ends]);
}

/** The axis of losses: from 0 past the loss of a network that has learnt nothing, ln(classes). */
export function lossAxis(losses: readonly number[], { classes }: { classes: number }): Axis {
  const reference = [lossFloor(classes), 1.04 * Math.log(classes)];
  return axisOf([...losses, ...reference], [...losses, ...reference]);
}

/**
 * The lowest cross-entropy in nats of balanced classes with logits of mean 0 and variance 1: the
 * right logit is sqrt(C - 1), every other -1 / sqrt(C - 1). 0.278439 for 10 classes.
 */
export function lossFloor(classes: number): number {
  const right = Math.sqrt(classes - 1);
  return Math.log1p((classes - 1) * Math.exp(-right - 1 / right));
}

/** A tick of a vertical axis: six letters and a sign at most. */
export function formatTick(value: number): string {
  const size = Math.abs(value);
  const decimal = String(Number(size.toPrecision(4)));
  const digits = size < 1e4 && decimal.length <= 6
    ? decimal
    : size.toExponential(2).replace(/\.?0*e\+?/, "e");
  return (value < 0 ? "−" : "") + digits.replace("-", "−");
}

function axisOf(points: readonly number[], all: readonly number[]): Axis {
  const [low, high] = [Math.min(...points), Math.max(...points)];
  if (low > 0 && high / low > LOG_RATIO) {
    const bottom = low / 1.4;
    return {
      scale: { type: "log", domain: [bottom, 1.4 * Math.max(...all)] },
      bottom,
      hasNegative: false,
    };
  }
  const [from, to] = [Math.min(0, ...all), Math.max(0, ...all)];
  return {
    scale: { type: "linear", domain: from === to ? [0, 1] : [from, to], nice: true, insetTop: 5 },
    bottom: -Infinity,
    hasNegative: from < 0,
  };
}

/** The labels of an effect's values. */
export interface ValueLabels {
  /** One a value; empty where there is no room for it. */
  readonly labels: readonly string[];
  readonly leaning: boolean;
  /** Pixels below the frame that they take. */
  readonly height: number;
}

/** Pixels from one label to the next that leans: its letters' height times sqrt(2), nearly. */
const LEANING_ROOM = 14;

/**
 * Labels values on a logarithmic axis of so many pixels between the first and the last: upright,
 * or leaning where they would touch, every one that has room.
 *
 * @param values Ascending, at least one.
 */
export function labelValues(
  effect: Effect,
  values: readonly number[],
  { pixels }: { pixels: number },
): ValueLabels {
  const whole = Math.log(values.at(-1)! / values[0]!);
  const labels = values.map((value) => formatValue(effect, value));
  const widths = labels.map((label) => textWidth(label, FONT_SIZE.tick));
  const places = values.map((value) => pixels * Math.log(value / values[0]!) / (whole || 1));
  const leaning = places.some((place, i) =>
    i > 0 && place - places[i - 1]! < (widths[i]! + widths[i - 1]!) / 2 + 2
  );
  if (!leaning) return { labels, leaning, height: 20 };
  let end = -Infinity;
  const roomy = labels.map((label, i) => {
    if (places[i]! - end < LEANING_ROOM) return "";
    end = places[i]!;
    return label;
  });
  return { labels: roomy, leaning, height: 14 + Math.max(...widths) * Math.SQRT1_2 };
}
