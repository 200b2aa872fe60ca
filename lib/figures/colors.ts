/**
 * Colours of an ordered list of values.
 *
 * @module
 */
import * as Plot from "@observablehq/plot";

/** Plasma, https://bids.github.io/colormap, without the yellow end that white drowns. */
export function valueColors(values: readonly number[]): Map<number, string> {
  const scale = Plot.scale({
    color: {
      type: "linear",
      domain: [0, Math.max(values.length - 1, 1)],
      scheme: "plasma",
      range: [0, 0.8],
    },
  });
  return new Map(values.map((value, i) => [value, scale.apply(i)]));
}
