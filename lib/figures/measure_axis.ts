/**
 * The axis of a measure over cells, and its words.
 *
 * @module
 */
import { type Axis, type LossAxis, lossAxis, valueAxis } from "~/lib/figures/axis.ts";
import { edgeLine } from "~/lib/figures/edge_marks.ts";
import { capitalize } from "~/lib/files/text.ts";
import type { PublishedCell } from "~/lib/findings.ts";
import { openMeasure } from "~/lib/measure.ts";
import type { CellSummary } from "~/lib/results.ts";

/**
 * The axis that shows the measure of all these cells, published ones with their intervals, and the
 * edge of stability, which is read as a ratio.
 */
export function measureAxis(
  cells: readonly CellSummary[],
  published: readonly Pick<PublishedCell, "mean" | "halfWidth">[] = [],
): Axis {
  const measured = cells.flatMap(({ value, bySeed }) =>
    value === null ? [] : [{ ...value, bySeed }]
  );
  const further = published.map(({ mean }) => mean);
  const edge = edgeLine(cells).map((point) => point.edge);
  return valueAxis({
    points: [
      ...measured.map(({ mean }) => mean),
      ...measured.flatMap(({ bySeed }) => bySeed.flatMap((seed) => seed.value ?? [])),
      ...further,
      ...edge,
    ],
    asRatios: edge.length > 0,
    ends: [
      ...measured.flatMap(({ interval, pooledInterval }) => [
        ...(interval ?? []),
        ...(pooledInterval ?? []),
      ]),
      ...published.map(({ mean, halfWidth }) => mean + halfWidth),
    ],
    resolved: [
      ...measured.filter(({ interval }) => interval === null || interval[0] * interval[1] > 0)
        .map(({ mean }) => mean),
      ...further,
    ],
  });
}

/** The axis of the cells' full-set losses. */
export function cellsLossAxis(
  cells: readonly CellSummary[],
  options: { classes: number },
): LossAxis {
  return lossAxis(cells.flatMap(({ trainLoss }) => trainLoss ?? []), options);
}

/** Two lines that label a measure's axis. */
export function measureLabel(text: string): [string, string] {
  const { name, label, unit, parameters } = openMeasure(text);
  const units = unit === "1" ? "" : ` (${unit.replace(" per unit^2", "/unit²")})`;
  const at = "radius" in parameters ? `r = ${parameters.radius}` : "";
  if (name === "sharpness") {
    return ["Sharpness: mean rise in", `training loss at ${at}${units}`];
  }
  const first = capitalize(label);
  return at === "" ? halves(first.split(" "), units) : [first, `at ${at}${units}`];
}

/** Words in two lines as even as can be, the unit in the second. */
function halves(words: readonly string[], units: string): [string, string] {
  const splits = words.map((_, i): [string, string] => [
    words.slice(0, i + 1).join(" "),
    `${words.slice(i + 1).join(" ")}${units}`.trim(),
  ]);
  const longer = (lines: readonly string[]): number => Math.max(...lines.map((l) => l.length));
  return splits.toSorted((a, b) => longer(a) - longer(b))[0]!;
}
