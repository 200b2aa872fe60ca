/**
 * How measures rank networks against the generalization gap.
 *
 * @module
 */
import { inTwoLines } from "~/lib/figures/cells.ts";
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Layer } from "~/lib/figures/figure.ts";
import { INK, optimizerStyles } from "~/lib/figures/theme.ts";
import { plurals } from "~/lib/files/numbers.ts";
import type { MeasureRank } from "~/lib/findings.ts";
import { EFFECTS, type Study } from "~/lib/study.ts";

/**
 * Draws Kendall's tau of every measure with the gap, in the order of `ranks`: in each one-factor group,
 * and the mean over them with its interval.
 *
 * @param ranks From `rankMeasures`.
 */
export function plotRanks(study: Study, ranks: readonly MeasureRank[]): Figure {
  const measures = [...new Set(ranks.map(({ measure }) => measure))];
  const styles = optimizerStyles(study.grid.optimizers);
  const groups = [...Map.groupBy(ranks, ({ group }) => group).values()];
  const names = measures.map((measure) => {
    const { label } = ranks.find((rank) => rank.measure === measure)!;
    const same = new Set(ranks.filter((rank) => rank.label === label).map((rank) => rank.measure));
    return inTwoLines(same.size > 1 ? measure : label);
  });
  const layers = groups.map((own): Layer => {
    const { effect, optimizer, group } = own[0]!;
    return {
      ...{ kind: "points", name: `${effect ?? "all"}-tau`, along: "x", legend: group },
      color: styles.get(optimizer ?? "")?.color ?? INK.text,
      ...(effect === null ? { radius: 3.5 } : { symbol: EFFECTS[effect].symbol }),
      rows: own.map(({ measure, tau, low, high }) => ({
        ...{ x: tau!, y: measures.indexOf(measure) },
        interval: effect === null && low !== null && high !== null ? [low, high] : null,
      })),
    };
  });
  return compose({
    name: "generalisation",
    title: "Measures against the generalization gap",
    panels: [{
      x: { label: "Kendall's tau with the gap", values: [-1, -0.5, 0, 0.5, 1] },
      y: { label: "", values: names.map((_, i) => i), format: (i) => names[i]!, isFalling: true },
      layers: [
        { kind: "rules", name: "zero", along: "x", color: INK.axis, rows: [{ x: 0, y: NaN }] },
        ...layers,
      ],
      height: 28 * Math.max(names.length, 2),
    }],
    caption: ranks.length === 0
      ? "No measure has two cells of one factor to rank yet."
      : `At the stop ${study.stops[0]}, over ${plurals(ranks.map(({ cells }) => cells), "cell")} ` +
        `that differ in one factor; n = ${
          plurals(ranks.map((one) => one.seeds.length), "seed")
        }, ` +
        "over which the intervals are bootstrapped. 1: the sharper, the larger the gap, test loss − training loss.",
  });
}
