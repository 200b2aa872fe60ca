/**
 * Our cells over the published ones.
 *
 * @module
 */
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Layer, Panel, Row } from "~/lib/figures/figure.ts";
import { shiftOf } from "~/lib/figures/results_figure.ts";
import { INK, optimizerStyles } from "~/lib/figures/theme.ts";
import { placeOf } from "~/lib/figures/words.ts";
import { plurals, significant } from "~/lib/files/numbers.ts";
import { PUBLISHED_PROTOCOL, type PublishedComparison, publishedOrder } from "~/lib/findings.ts";
import { EFFECTS, effectValue, type Study } from "~/lib/study.ts";

/**
 * Draws our mean of every published cell over the published one, with our 95 % t interval, on a
 * logarithmic axis with 1 in the middle; grey: the published interval.
 *
 * @param comparisons From `comparePublished`; cells without a result, and means at or below 0, which
 * have no logarithm, are left out and counted.
 */
export function plotPublished(study: Study, comparisons: readonly PublishedComparison[]): Figure {
  const had = comparisons.flatMap((row) => row.ours === null ? [] : [{ ...row, ours: row.ours }]);
  const shown = had.filter(({ ours }) => ours.mean > 0);
  const styles = optimizerStyles(study.grid.optimizers);
  const panels = study.grid.effects.flatMap((effect): Panel[] => {
    const own = shown.filter((row) => row.effect === effect);
    const { axis, heading } = placeOf(study, effect);
    const layers = [...styles].flatMap(([optimizer, { color, symbol, slug }], i): Layer[] => {
      const cells = own.filter((row) => row.optimizer === optimizer);
      const common = { kind: "points", shift: shiftOf(i, styles.size) } as const;
      return [
        {
          ...{ ...common, name: `${slug}-published`, color: INK.published, radius: 0, width: 5 },
          rows: cells.map(({ theirs, ...cell }): Row => (
            { x: effectValue(cell), y: 1, interval: over(theirs.interval, theirs.mean) }
          )),
        },
        {
          ...{ ...common, name: `${slug}-ratio`, color, symbol },
          rows: cells.map(({ ours, theirs, n, ...cell }): Row => ({
            ...{ x: effectValue(cell), y: ours.mean / theirs.mean, isHollow: n === 1 },
            interval: ours.interval && over(ours.interval, theirs.mean),
          })),
        },
      ];
    });
    const one: Layer = {
      ...{ kind: "rules", name: "equal", color: INK.muted, width: 1 },
      rows: [{ x: NaN, y: 1 }],
    };
    const y = { label: "Ours / published\nsharpness", scale: "ratio" } as const;
    const stop = own[0] === undefined ? "" : `, ${own[0].stop}`;
    return own.length === 0
      ? []
      : [{ heading: heading + stop, x: axis, y, layers: [one, ...layers] }];
  });
  return compose({
    name: "published",
    title: "Ours over the published sharpness",
    panels,
    legend: [
      ...[...styles].map(([label, { color, symbol }]) => (
        { label, mark: { kind: "points", color, symbol, hasInterval: true } as const }
      )),
      ...(shown.some(({ n }) => n === 1)
        ? [{
          label: "one seed",
          mark: { kind: "points", color: INK.muted, isHollow: true } as const,
        }]
        : []),
      {
        label: "published interval",
        mark: { kind: "points", color: INK.published, radius: 0, width: 5, hasInterval: true },
      },
    ],
    caption: [
      `Means at the stop above each panel over those published at ${PUBLISHED_PROTOCOL.stop} ` +
      "(n = 6 seeds), with our 95 % t intervals over seeds.",
      shown.length === 0
        ? "No cell with a result can be compared."
        : `Ours: n = ${plurals(shown.map(({ n }) => n), "seed")} a cell.`,
      ...publishedOrder(shown).map(({ effect, optimizer, cells, within, tau }) =>
        `${optimizer} by ${EFFECTS[effect].label}: ${within} of ${cells} agree` +
        (tau === null ? "." : `, Kendall's tau of the order ${significant(tau, 2)}.`)
      ),
      had.length > shown.length && `${had.length - shown.length} at or below 0 cannot be drawn.`,
    ].filter((sentence) => sentence !== false).join(" "),
  });
}

function over([low, high]: readonly [number, number], mean: number): [number, number] {
  return [low / mean, high / mean];
}
