/**
 * Our cells beside the published ones, and over them.
 *
 * @module
 */
import { cellLayers, measureAxis, placeOf, throughPoints } from "~/lib/figures/cells.ts";
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Panel } from "~/lib/figures/figure.ts";
import { PUBLISHED } from "~/lib/figures/results_figure.ts";
import { INK } from "~/lib/figures/theme.ts";
import { plurals } from "~/lib/files/numbers.ts";
import type { PublishedComparison } from "~/lib/findings.ts";
import type { Interval } from "~/lib/results.ts";
import { EFFECTS, type Study } from "~/lib/study.ts";

/**
 * Draws our mean of every published cell over the published one, with our 95 % t interval, on a
 * logarithmic axis with 1 in the middle; grey: the published interval.
 *
 * @param comparisons From `comparePublished`; cells without a result stay empty.
 */
export function plotPublished(study: Study, comparisons: readonly PublishedComparison[]): Figure {
  const over = (interval: Interval | null | undefined, { mean }: { mean: number }) =>
    interval ? [interval[0] / mean, interval[1] / mean] as const : null;
  const groups = [...Map.groupBy(comparisons, ({ effect }) => effect)];
  return compose({
    name: "published",
    title: "Our sharpness over the published",
    panels: groups.map(([effect, own]): Panel => ({
      heading: placeOf(study, effect).heading,
      x: placeOf(study, effect).axis,
      y: { label: "Ours / published", scale: "ratio" },
      layers: [
        { kind: "rules", name: "equal", color: INK.axis, width: 1, rows: [{ x: NaN, y: 1 }] },
        ...cellLayers(study, own, "published", ({ theirs }) => (
          { y: 1, interval: over(theirs.interval, theirs) }
        ), { ...PUBLISHED, radius: 0, width: 6, legend: "published interval" }),
        ...cellLayers(study, own, "ratio", ({ ours, theirs, n }) => ({
          ...{ y: (ours?.mean ?? NaN) / theirs.mean, interval: over(ours?.interval, theirs) },
          isHollow: n === 1,
        })),
      ],
    })),
    caption: describeReplication(comparisons),
  });
}

/** Ours beside the published, a panel an effect that has any of ours. */
export function replicationPanels(
  study: Study,
  comparisons: readonly PublishedComparison[],
): Panel[] {
  const measured = comparisons.filter(({ ours }) => ours !== null);
  const effects = new Set(measured.map(({ effect }) => effect));
  return [...effects].map((effect): Panel => {
    const own = comparisons.filter((one) => one.effect === effect);
    const ours = cellLayers(study, own, "ours", ({ ours, n }) => (
      { y: ours?.mean ?? NaN, interval: ours?.interval ?? null, isHollow: n === 1 }
    ));
    const theirs = cellLayers(study, own, "theirs", ({ theirs }) => (
      { y: theirs.mean, interval: theirs.interval }
    ), PUBLISHED);
    return {
      heading: `By ${EFFECTS[effect].label}`,
      x: placeOf(study, effect).axis,
      y: measureAxis(study.measures.first[0] ?? "sharpness"),
      layers: [...theirs, ...throughPoints(ours), ...ours],
    };
  });
}

/** Stops, n, and how many cells agree. */
export function describeReplication(comparisons: readonly PublishedComparison[]): string {
  const had = comparisons.filter(({ ours }) => ours !== null);
  if (had.length === 0) return "No cell with a result can be compared.";
  const counts = had.map(({ n }) => n);
  return `Ours at the stop ${[...new Set(had.map(({ stop }) => stop))].join(", ")}, ` +
    `n = ${plurals(counts, "seed")} a cell${
      counts.includes(1) ? " (hollow: 1)" : ""
    }; published: ` +
    `n = 6; means with 95 % t intervals over seeds. ${had.length} of ${comparisons.length} ` +
    `published cells compared, ${had.filter(({ within }) => within).length} agree.`;
}
