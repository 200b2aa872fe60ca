/**
 * Sharpness, or another measure, against the effects of a study.
 *
 * @module
 */
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Layer, LegendItem, Panel } from "~/lib/figures/figure.ts";
import { INK, type OptimizerStyle, optimizerStyles } from "~/lib/figures/theme.ts";
import {
  cellRow,
  describeMeasure,
  describeRuns,
  describeSeeds,
  measureAxis,
  type Place,
  placeOf,
  pointsLegend,
} from "~/lib/figures/words.ts";
import { capitalize } from "~/lib/files/text.ts";
import { PUBLISHED_PROTOCOL, publishedCells } from "~/lib/findings.ts";
import { openMeasure } from "~/lib/measure.ts";
import { type CellSummary, type RunResult, summariseCells } from "~/lib/results.ts";
import { type EffectName, EFFECTS, type Study } from "~/lib/study.ts";

/** Which part of a study a figure shows. */
export interface PlotResultsOptions {
  /** What stands along the axis. */
  readonly effect: EffectName;
  /** Whose cells are shown. */
  readonly optimizer: string;
  /** Canonical text of what is shown; default: the study's first measure. */
  readonly measure?: string;
}

/**
 * Sharpness against one effect for one optimizer, with single seeds and the original's intervals,
 * and, below, how far training got: the counterpart of the original's `plot_results`.
 *
 * @param runs Of one stop, in any order; cells without a result stay empty.
 * @throws {RangeError} If the effect or optimizer is not in the study's grid.
 */
export function plotResults(
  study: Study,
  runs: readonly RunResult[],
  { effect, optimizer, measure }: PlotResultsOptions,
): Figure {
  const { effects, optimizers } = study.grid;
  const asked = [["effect", effect, effects], ["optimizer", optimizer, optimizers]] as const;
  for (const [name, value, members] of asked) {
    if ((members as readonly string[]).includes(value)) continue;
    throw new RangeError(
      `Cannot plot the study as ${name} must be one of its ${name}s (${members.join(", ")}): ` +
        `current value is ${value}`,
    );
  }
  const cells = summariseCells(study, runs, measure)
    .filter((cell) => cell.effect === effect && cell.optimizer === optimizer);
  const { slug } = optimizerStyles([optimizer]).get(optimizer)!;
  return resultsFigure(study, cells, `${effect}-${slug}`, true);
}

/**
 * Sharpness against each effect of the study, panels side by side, the optimizers in each: the
 * counterpart of the original's `plot_results_2`.
 *
 * @param runs Of one stop, in any order; cells without a result stay empty.
 */
export function plotResults2(
  study: Study,
  runs: readonly RunResult[],
  { measure }: Pick<PlotResultsOptions, "measure"> = {},
): Figure {
  const name = measure === undefined ? "sharpness" : openMeasure(measure).name;
  return resultsFigure(study, summariseCells(study, runs, measure), name, false);
}

function resultsFigure(
  study: Study,
  cells: readonly CellSummary[],
  name: string,
  isDetailed: boolean,
): Figure {
  const measure = cells[0]?.measure ?? "sharpness";
  const effects = [...new Set(cells.map(({ effect }) => effect))];
  const shown = new Set(cells.map(({ optimizer }) => optimizer));
  const styles = new Map(
    [...optimizerStyles(study.grid.optimizers)].filter(([optimizer]) => shown.has(optimizer)),
  );
  const published = publishedLayers(study, cells, styles);
  const panels = effects.map((effect): Panel => {
    const own = cells.filter((cell) => cell.effect === effect);
    const place = placeOf(study, effect);
    return {
      heading: place.heading,
      x: place.axis,
      y: measureAxis(measure),
      layers: [...published(effect), ...resultLayers(own, { styles, place, isDetailed })],
      below: {
        y: { label: "Full-set\nloss (nats)" },
        layers: optimizerLayers(
          own,
          { styles, place },
          "mean-training-loss",
          (cell, x) =>
            cell.trainLoss === null
              ? []
              : [{ x, y: cell.trainLoss, isPale: cell.unconverged.length > 0 }],
        ),
      },
    };
  });
  const hasPublished = effects.some((effect) => published(effect).length > 0);
  const hasPooled = isDetailed && cells.some(({ value }) => value?.pooledInterval);
  const names = effects.map((effect) => EFFECTS[effect].label).join(" and ");
  return compose({
    name,
    title: `${capitalize(openMeasure(measure).label)} against ${names}` +
      (isDetailed ? `, ${[...shown].join(", ")}` : ""),
    panels,
    legend: [
      ...pointsLegend(cells, styles),
      ...(hasPooled ? [POOLED] : []),
      ...(hasPublished ? [PUBLISHED] : []),
    ],
    caption: [
      `${describeMeasure(study, measure)}; ${describeSeeds(cells) || "no result yet"}.`,
      hasPublished &&
      `Grey: published, n = 6 seeds, at the stop ${PUBLISHED_PROTOCOL.stop}.`,
      hasPooled && "Thin: the original's interval, over seeds × directions as if independent.",
      "Below: mean full-set training loss.",
      describeRuns(study, cells),
    ].filter((sentence) => sentence !== false).join(" "),
  });
}

const POOLED: LegendItem = {
  label: "original's interval",
  mark: { kind: "points", color: INK.muted, radius: 0, width: 1, opacity: 0.6, hasInterval: true },
};

/** Published means. */
export const PUBLISHED: LegendItem = {
  label: "published",
  mark: { kind: "points", color: INK.published, radius: 5 },
};

/** Pixels by which the place of one of several optimizers stands beside a value. */
export function shiftOf(index: number, count: number): number {
  return Math.min(9, 24 / count) * (index - (count - 1) / 2);
}

/** How an effect's cells look, and where they stand. */
export interface CellsStyle {
  readonly styles: ReadonlyMap<string, OptimizerStyle>;
  readonly place: Place;
}

/** Points of every optimizer's cells, beside one another. */
export function optimizerLayers(
  cells: readonly CellSummary[],
  { styles, place }: CellsStyle,
  name: string,
  rowsOf: (cell: CellSummary, x: number) => Layer["rows"],
): Layer[] {
  return [...styles].map(([optimizer, { color, symbol, slug }], i): Layer => ({
    ...{ kind: "points", name: `${slug}-${name}`, color, symbol, shift: shiftOf(i, styles.size) },
    rows: cells.filter((cell) => cell.optimizer === optimizer)
      .flatMap((cell) => rowsOf(cell, place.valueOf(cell))),
  }));
}

/** The means of one effect's cells with a line through them, and what could not be drawn. */
export function resultLayers(
  cells: readonly CellSummary[],
  { isDetailed = false, ...style }: CellsStyle & { readonly isDetailed?: boolean },
): Layer[] {
  const layersOf = (name: string, rowsOf: (cell: CellSummary, x: number) => Layer["rows"]) =>
    optimizerLayers(cells, style, name, rowsOf);
  const means = layersOf("mean", cellRow);
  const pooled = layersOf(
    "pooled",
    ({ value }, x) => value === null ? [] : [{ x, y: value.mean, interval: value.pooledInterval }],
  );
  const seeds = layersOf(
    "one-seed",
    ({ bySeed }, x) =>
      bySeed.length < 2
        ? []
        : bySeed.flatMap(({ value }) => value === null ? [] : [{ x, y: value }]),
  );
  const lost = layersOf(
    "diverged",
    ({ seeds, diverged }, x) =>
      seeds.length > 0 && seeds.length === diverged.length ? [{ x, y: NaN, text: "×" }] : [],
  );
  return [
    ...means.map((layer): Layer => ({
      ...{ ...layer, kind: "lines", name: `${layer.name}-line`, opacity: 0.4, width: 1.25 },
    })),
    ...(isDetailed ? pooled.map((layer) => ({ ...layer, width: 1, radius: 0, opacity: 0.6 })) : []),
    ...(isDetailed
      ? seeds.map((layer) => ({ ...layer, radius: 1.5, shift: (layer.shift ?? 0) - 7 }))
      : []),
    ...means,
    ...lost.map((layer): Layer => ({ ...layer, kind: "rules", along: "x", dash: "1 3" })),
  ];
}

/** The published means of an effect's cells, grey and under ours. */
function publishedLayers(
  study: Study,
  cells: readonly CellSummary[],
  styles: ReadonlyMap<string, OptimizerStyle>,
): (effect: EffectName) => Layer[] {
  const published = publishedCells(study, cells[0]?.measure ?? "sharpness");
  return (effect) =>
    optimizerLayers(
      cells.filter((cell) => cell.effect === effect),
      { styles, place: placeOf(study, effect) },
      "published",
      (cell, x) =>
        published.filter((one) =>
          one.effect === effect && one.optimizer === cell.optimizer && one.value === x
        ).map(({ mean, halfWidth }) => (
          { x, y: mean, interval: [mean - halfWidth, mean + halfWidth] }
        )),
    ).filter(({ rows }) => rows.length > 0).map((layer) => (
      { ...layer, color: INK.published, radius: 5, width: 1 }
    ));
}
