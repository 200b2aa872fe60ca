/**
 * Our cells beside the published ones, and over them.
 *
 * @module
 */
import {
  cellLayers,
  describeSeeds,
  effectPanels,
  measureAxis,
  throughPoints,
} from "~/lib/figures/cells.ts";
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Panel, Row } from "~/lib/figures/figure.ts";
import { INK } from "~/lib/figures/theme.ts";
import { PUBLISHED_PROTOCOL, type PublishedComparison } from "~/lib/findings.ts";
import type { Study } from "~/lib/study.ts";

/**
 * Draws our mean of every published cell over the published one, with our 95 % t interval, on a
 * logarithmic axis with 1 in the middle; grey: the published interval.
 *
 * @param comparisons From `comparePublished`; cells without a result stay empty.
 */
export function plotPublished(study: Study, comparisons: readonly PublishedComparison[]): Figure {
  return compose({
    name: "published",
    title: "Our sharpness over the published",
    panels: publishedPanels(study, comparisons, { isRatio: true }),
    caption: describePublished(comparisons),
  });
}

/** Ours and the published, or both over the published mean; a panel an effect that has any of ours. */
export function publishedPanels(
  study: Study,
  comparisons: readonly PublishedComparison[],
  { isRatio }: { readonly isRatio: boolean },
): Panel[] {
  const rowOf = (
    { theirs }: PublishedComparison,
    shown: PublishedComparison["ours"],
  ): Omit<Row, "x"> => {
    const unit = isRatio ? theirs.mean : 1;
    const { mean = NaN, interval = null } = shown ?? {};
    return { y: mean / unit, interval: interval && [interval[0] / unit, interval[1] / unit] };
  };
  const y = isRatio
    ? { label: "Ours / published\nsharpness", scale: "ratio" } as const
    : measureAxis(study.measures.first[0] ?? "sharpness");
  const had = new Set(comparisons.flatMap(({ ours, effect }) => ours ? [effect] : []));
  const shown = comparisons.filter(({ effect }) => had.has(effect));
  return effectPanels(study, shown, y, (own) => {
    const ours = cellLayers(study, own, "ours", (one) => (
      { ...rowOf(one, one.ours), isHollow: one.n === 1 }
    ));
    return [
      ...cellLayers(study, own, "published", (one) => rowOf(one, one.theirs), {
        ...{ legend: "published", color: INK.published },
        ...(isRatio ? { radius: 0, width: 6 } : { radius: 5, width: 1 }),
      }),
      ...(isRatio ? [] : throughPoints(ours)),
      ...ours,
    ];
  });
}

/** Stops, n, and how many cells agree. */
export function describePublished(comparisons: readonly PublishedComparison[]): string {
  const had = comparisons.filter(({ ours }) => ours !== null);
  if (had.length === 0) return "No cell with a result can be compared.";
  const stops = [...new Set(had.map(({ stop }) => stop))].join(", ");
  return `Ours at the stop ${stops}, ${describeSeeds(had)}; published: n = ` +
    `${PUBLISHED_PROTOCOL.seeds}; means with 95 % t ` +
    `intervals over seeds. ${had.length} of ${comparisons.length} published cells compared, ` +
    `${had.filter(({ apart }) => apart! <= 2).length} lie within two published half-widths.`;
}
