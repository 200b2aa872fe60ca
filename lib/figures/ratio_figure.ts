/**
 * Both effects on one axis: a measure against learning rate / batch size.
 *
 * @module
 */
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Layer, Panel } from "~/lib/figures/figure.ts";
import { INK, lighten, optimizerStyles } from "~/lib/figures/theme.ts";
import { cellRow, describeMeasure, describeSeeds, measureAxis } from "~/lib/figures/words.ts";
import { significant } from "~/lib/files/numbers.ts";
import { type RunResult, summariseCells } from "~/lib/results.ts";
import { type EffectName, EFFECTS, type Study } from "~/lib/study.ts";

/** Share of white of an effect's marks. */
const WHITE: Readonly<Record<EffectName, number>> = {
  "learning-rate": 0,
  "batch-size": 0.45,
  pairs: 0.2,
};

/**
 * Draws every cell at its learning rate / batch size, a panel an optimizer.
 *
 * @param measure Canonical text; default: the study's first measure.
 */
export function plotRatio(
  study: Study,
  runs: readonly RunResult[],
  { measure = study.measures.first[0] ?? "sharpness" }: { readonly measure?: string } = {},
): Figure {
  const { effects, optimizers } = study.grid;
  const ratioOf = EFFECTS.pairs.valueOf;
  const cells = summariseCells(study, runs, measure)
    .filter(({ value }) => value !== null)
    .sort((a, b) => ratioOf(a) - ratioOf(b));
  const panels = [...optimizerStyles(optimizers)].map(([optimizer, style]): Panel => ({
    heading: optimizer,
    x: { label: "Learning rate / batch size (1/images)", scale: "log" },
    y: measureAxis(measure),
    layers: effects.flatMap((effect): Layer[] => {
      const own = cells.filter((cell) => cell.effect === effect && cell.optimizer === optimizer);
      const points: Layer = {
        ...{ kind: "points", name: `${style.slug}-${effect}`, symbol: EFFECTS[effect].symbol },
        color: lighten(style.color, WHITE[effect]),
        rows: own.flatMap((cell) => cellRow(cell, ratioOf(cell))),
      };
      // Pairs may lie on one another: each is named by its batch size.
      const rows = effect !== "pairs" ? [] : own.map((cell) => (
        { x: ratioOf(cell), y: cell.value!.mean, text: String(cell.batchSize) }
      ));
      return [
        { ...points, kind: "lines", name: `${points.name}-line`, opacity: 0.6, width: 1.25 },
        points,
        { kind: "texts", name: `${points.name}-size`, rows, anchor: "start", shift: 7 },
      ];
    }),
  }));
  const losses = cells.flatMap(({ trainLoss }) => trainLoss ?? []);
  const range = [Math.min(...losses), Math.max(...losses)].map((loss) => significant(loss));
  return compose({
    name: "ratio",
    title: "Both effects on one axis",
    panels,
    legend: effects.map((effect) => ({
      label: `by ${EFFECTS[effect].label}`,
      mark: {
        ...{ kind: "points", symbol: EFFECTS[effect].symbol },
        color: lighten(INK.text, WHITE[effect]),
      },
    })),
    caption: `${describeMeasure(study, measure)}, at the stop ${study.stops[0]}; ` +
      `${describeSeeds(cells) || "no result yet"}, with 95 % t intervals. Were the noise of the ` +
      "gradient all that counts, cells of equal learning rate / batch size would be equally sharp." +
      (losses.length === 0
        ? ""
        : ` Their mean full-set losses differ: ${range.join(" to ")} nats.`),
  });
}
