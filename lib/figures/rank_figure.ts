/**
 * How measures, and baselines that need no measuring, rank networks against how they generalize.
 *
 * @module
 */
import { inTwoLines } from "~/lib/figures/cells.ts";
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Layer, Panel } from "~/lib/figures/figure.ts";
import { INK, optimizerStyles } from "~/lib/figures/theme.ts";
import { plurals } from "~/lib/files/numbers.ts";
import type { MeasureRank } from "~/lib/findings.ts";
import { intervalOf } from "~/lib/statistics.ts";
import { EFFECTS, type Study } from "~/lib/study.ts";

/**
 * Draws Kendall's tau of every measure with each target, in the order of `ranks`, baselines first: in
 * each one-factor group, with its interval, and the mean over groups where they agree.
 *
 * @param ranks From `rankMeasures`, of one or several targets.
 */
export function plotRanks(study: Study, ranks: readonly MeasureRank[]): Figure {
  const measures = [...new Map(ranks.map((rank) => [rank.measure, rank])).values()];
  const names = measures.map(({ measure, label, isBaseline }) => {
    const isShared = measures.filter((other) => other.label === label).length > 1;
    return inTwoLines((isShared ? measure : label) + (isBaseline ? " (baseline)" : ""));
  });
  const styles = optimizerStyles(study.grid.optimizers);
  const places = [...new Set(ranks.map(({ group }) => group))];
  const layerOf = (own: readonly MeasureRank[]): Layer => {
    const { effect, optimizer, group } = own[0]!;
    const place = places.indexOf(group) - (places.length - 1) / 2;
    return {
      ...{ kind: "points", name: `${effect ?? "all"}-tau`, along: "x", legend: group },
      color: styles.get(optimizer ?? "")?.color ?? INK.text,
      symbol: effect === null ? "diamond" : EFFECTS[effect].symbol,
      ...{ width: 1, radius: 2.5 },
      rows: own.map(({ measure, tau, low, high }) => ({
        x: tau!,
        // Groups one below the other.
        y: measures.findIndex((one) => one.measure === measure) + 0.17 * place,
        interval: intervalOf({ low, high }),
      })),
    };
  };
  const panels = [...Map.groupBy(ranks, ({ target }) => target)].map(([target, own]): Panel => ({
    heading: `With the ${target}`,
    x: { label: "Kendall's tau", values: [-1, -0.5, 0, 0.5, 1] },
    y: { label: "", values: names.map((_, i) => i), format: (i) => names[i]!, isFalling: true },
    layers: [
      { kind: "rules", name: "zero", along: "x", color: INK.axis, rows: [{ x: 0, y: NaN }] },
      ...[...Map.groupBy(own, ({ group }) => group).values()].map(layerOf),
    ],
    height: 32 * Math.max(names.length, 2),
  }));
  return compose({
    name: "generalisation",
    title: "Measures against generalization",
    panels,
    caption: ranks.length === 0
      ? "No measure has two cells of one factor to rank yet."
      : `At the stop ${study.stops[0]}, over ${plurals(ranks.map(({ cells }) => cells), "cell")} ` +
        `that differ in one factor; n = ${
          plurals(ranks.map((one) => one.seeds.length), "seed")
        }; ` +
        "95 % bootstrap intervals over seeds and cells; the mean over groups where all have one " +
        "sign. 1: the sharper, the larger the gap (test loss − training loss) or test error.",
  });
}
