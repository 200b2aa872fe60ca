/**
 * How measures rank networks against the generalization gap.
 *
 * @module
 */
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Layer } from "~/lib/figures/figure.ts";
import { INK, optimizerStyles } from "~/lib/figures/theme.ts";
import { halves } from "~/lib/figures/words.ts";
import { plurals } from "~/lib/files/numbers.ts";
import type { MeasureRank } from "~/lib/findings.ts";
import { EFFECTS, type Study } from "~/lib/study.ts";

/** Pixels a measure. */
const LINE = 28;

/**
 * Draws Kendall's tau of every measure with the gap: in each one-factor group, and the mean over
 * them with its bootstrap interval over seeds.
 *
 * @param ranks From `rankMeasures`.
 */
export function plotRanks(study: Study, ranks: readonly MeasureRank[]): Figure {
  const measures = [...new Map(ranks.map((rank) => [rank.measure, rank])).values()];
  // Two measures may have one label: then their texts tell them apart.
  const names = measures.map(({ label, measure }) =>
    measures.filter((other) => other.label === label).length > 1 ? measure : label
  ).map((name) => name.length < 22 ? name : halves(name.split(" ")).join("\n"));
  const lineOf = ({ measure }: MeasureRank): number =>
    measures.findIndex((other) => other.measure === measure);
  const styles = [...optimizerStyles(study.grid.optimizers)];
  const rowOf = (rank: MeasureRank): Layer["rows"][number] => ({
    ...{ x: rank.tau!, y: lineOf(rank) },
    interval: rank.low === null || rank.high === null ? null : [rank.low, rank.high],
  });
  const layers = [
    { kind: "rules", name: "zero", along: "x", color: INK.axis, rows: [{ x: 0, y: NaN }] },
    {
      ...{ kind: "points", name: "tau", along: "x", radius: 3.5 },
      rows: ranks.filter(({ effect }) => effect === null).map(rowOf),
    },
    ...study.grid.effects.flatMap((effect) =>
      styles.map(([optimizer, { color, slug }]): Layer => ({
        ...{ kind: "points", name: `${slug}-${effect}-tau`, along: "x", color },
        symbol: EFFECTS[effect].symbol,
        rows: ranks.filter((rank) => rank.effect === effect && rank.optimizer === optimizer)
          .map((rank) => ({ ...rowOf(rank), interval: null })),
      }))
    ),
  ] satisfies Layer[];
  const groups = ranks.filter(({ effect }) => effect !== null);
  return compose({
    name: "generalisation",
    title: "Measures against the generalization gap",
    panels: [{
      x: { label: "Kendall's tau with test loss − training loss", values: [-1, -0.5, 0, 0.5, 1] },
      y: { label: "", values: names.map((_, i) => i), format: (i) => names[i]!, isFalling: true },
      layers,
      height: LINE * Math.max(names.length, 2),
    }],
    legend: [
      { label: "mean over groups, 95 % interval", mark: { kind: "points", hasInterval: true } },
      ...study.grid.effects.flatMap((effect) =>
        styles.map(([optimizer, { color }]) => ({
          label: `${EFFECTS[effect].label}, ${optimizer}`,
          mark: { kind: "points", color, symbol: EFFECTS[effect].symbol } as const,
        }))
      ),
    ],
    caption: groups.length === 0
      ? "No measure has two cells of one factor to rank yet."
      : `At the stop ${study.stops[0]}, over ${
        plurals(groups.map(({ cells }) => cells), "cell")
      } ` +
        "that differ in one factor; n = " +
        `${plurals(groups.map(({ seeds }) => seeds.length), "seed")}, of which the interval is a ` +
        "bootstrap. 1: the sharper, the larger the gap.",
  });
}
