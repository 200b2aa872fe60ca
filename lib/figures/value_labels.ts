/**
 * The labels of an effect's values along the horizontal axis.
 *
 * @module
 */
import { textWidth } from "~/lib/figures/svg.ts";
import { FONT_SIZE } from "~/lib/figures/theme.ts";

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
  format: (value: number) => string,
  values: readonly number[],
  { pixels }: { pixels: number },
): ValueLabels {
  const whole = Math.log(values.at(-1)! / values[0]!);
  const labels = values.map((value) => format(value));
  const widths = labels.map((label) => textWidth(label, FONT_SIZE.tick));
  const places = values.map((value) => pixels * Math.log(value / values[0]!) / (whole || 1));
  const leaning = places.some((place, i) =>
    i > 0 && place - places[i - 1]! < (widths[i]! + widths[i - 1]!) / 2 + 2
  );
  if (!leaning) return { labels, leaning, height: 20 };
  const last = places.at(-1)!;
  let end = -Infinity;
  // Both ends of a range are read first: what stands in the last one's way gives way to it.
  const roomy = labels.map((label, i) => {
    const isLast = i === labels.length - 1;
    const place = places[i]!;
    if (!isLast && (place - end < LEANING_ROOM || last - place < LEANING_ROOM)) return "";
    end = place;
    return label;
  });
  return { labels: roomy, leaning, height: 14 + Math.max(...widths) * Math.SQRT1_2 };
}
