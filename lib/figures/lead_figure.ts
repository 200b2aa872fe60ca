/**
 * The study in one figure: a replication, and sharpness against loss along training.
 *
 * @module
 */
import { compose, type Figure } from "~/lib/figures/compose.ts";
import { curvesPanel, describeCurves, rampLegend } from "~/lib/figures/curves_figure.ts";
import type { Layer, Panel, Row } from "~/lib/figures/figure.ts";
import { PUBLISHED, shiftOf } from "~/lib/figures/results_figure.ts";
import { INK, optimizerStyles } from "~/lib/figures/theme.ts";
import { measureAxis, placeOf } from "~/lib/figures/words.ts";
import { plurals } from "~/lib/files/numbers.ts";
import {
  comparePublished,
  CURVE_MEASURE,
  listCurves,
  type PublishedComparison,
} from "~/lib/findings.ts";
import { openMeasure } from "~/lib/measure.ts";
import type { TrajectoryRecord } from "~/lib/results.ts";
import { effectValue, type Study } from "~/lib/study.ts";

/**
 * Draws ours beside the published sharpness, a panel an effect, and below it the first optimizer's
 * sharpness along training: lines that fall together differ in how far training got, lines that stay
 * apart in the minimum.
 *
 * @param records In any order; panels without data are left out.
 */
export function plotLead(study: Study, records: readonly TrajectoryRecord[]): Figure {
  const compared = comparePublished(study, records)
    .filter(({ ours }) => ours !== null && ours.mean > 0);
  const measure = leadMeasure(study, records);
  const optimizer = study.grid.optimizers[0] ?? "";
  const curves = listCurves(study, records, { measure })
    .filter(({ cell, points }) => cell.optimizer === optimizer && points.length > 1);
  const effects = study.grid.effects.toReversed()
    .filter((name) => curves.some(({ cell }) => cell.effect === name));
  const styles = optimizerStyles(study.grid.optimizers);
  const isHollow = compared.some(({ n }) => n === 1);
  const { label } = openMeasure(measure);
  return compose({
    name: "lead",
    title: "At the published stop, and at equal training loss",
    panels: [
      ...replicationPanels(study, compared),
      ...effects.map((effect) => curvesPanel(study, curves, { effect, optimizer, measure })),
    ],
    legend: [
      ...[...styles].map(([name, { color, symbol }]) => (
        { label: name, mark: { kind: "points", color, symbol, hasInterval: true } as const }
      )),
      ...(isHollow
        ? [{ label: "one seed", mark: { kind: "points", color: INK.muted, isHollow } as const }]
        : []),
      ...(compared.length > 0 ? [PUBLISHED] : []),
      ...effects.map((effect) => rampLegend(study, effect)),
    ],
    caption: [
      compared.length > 0 &&
      `Above: ours (n = ${plurals(compared.map(({ n }) => n), "seed")} a cell) and published ` +
        `(n = 6) at the stop ${[...new Set(compared.map(({ stop }) => stop))].join(", ")}, means ` +
        "with 95 % t intervals over seeds.",
      curves.length > 0 && `Below: ${label}. ${describeCurves(study, curves)}`,
    ].filter((sentence) => sentence !== false).join(" "),
    isNarrow: true,
  });
}

/** The scale-free measure where as many networks along training have it as the default; else that. */
function leadMeasure(study: Study, records: readonly TrajectoryRecord[]): string {
  const count = (measure: string): number =>
    listCurves(study, records, { measure }).reduce((sum, { points }) => sum + points.length, 0);
  const lead = study.measures.first.find((text) => openMeasure(text).isLead);
  return lead !== undefined && count(lead) >= count(CURVE_MEASURE) ? lead : CURVE_MEASURE;
}

function replicationPanels(study: Study, compared: readonly PublishedComparison[]): Panel[] {
  const styles = [...optimizerStyles(study.grid.optimizers)];
  return study.grid.effects.flatMap((effect): Panel[] => {
    const own = compared.filter((row) => row.effect === effect);
    if (own.length === 0) return [];
    const layersOf = (name: string, rowOf: (one: PublishedComparison) => Omit<Row, "x">): Layer[] =>
      styles.map(([optimizer, { color, symbol, slug }], i): Layer => ({
        ...{ kind: "points", name: `${slug}-${name}`, color, symbol },
        shift: shiftOf(i, styles.length) / 1.5,
        rows: own.filter((one) => one.optimizer === optimizer)
          .map((one) => ({ x: effectValue(one), ...rowOf(one) })),
      }));
    const ours = layersOf("ours", ({ ours, n }) => (
      { y: ours!.mean, interval: ours!.interval, isHollow: n === 1 }
    ));
    const theirs = layersOf(
      "theirs",
      ({ theirs }) => ({ y: theirs.mean, interval: theirs.interval }),
    );
    const { axis, heading } = placeOf(study, effect);
    return [{
      heading: heading.split(",")[0]!,
      x: axis,
      y: measureAxis(study.measures.first[0] ?? "sharpness"),
      layers: [
        ...theirs.map((layer) => ({ ...layer, color: INK.published, radius: 4.5, width: 1 })),
        ...ours.map((layer): Layer => (
          { ...layer, kind: "lines", name: `${layer.name}-line`, opacity: 0.4, width: 1.25 }
        )),
        ...ours,
      ],
    }];
  });
}
