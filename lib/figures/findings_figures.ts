/**
 * What the findings say: ours beside the published, effects at equal loss, measures against
 * generalization.
 *
 * @module
 */
import {
  cellLayers,
  describeLosses,
  describeSeeds,
  effectPanels,
  inTwoLines,
  measureAxis,
  throughPoints,
} from "~/lib/figures/cells.ts";
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Layer, Panel, Row } from "~/lib/figures/figure.ts";
import { INK, optimizerStyles, SERIES_COLORS, SYMBOLS } from "~/lib/figures/theme.ts";
import { plurals } from "~/lib/files/numbers.ts";
import { capitalize } from "~/lib/files/text.ts";
import {
  type Finding,
  isWhole,
  LOSS_LEVELS,
  type MeasureRank,
  NEGLIGIBLE_RATIO,
  PUBLISHED_PROTOCOL,
  type PublishedComparison,
  type Verdict,
} from "~/lib/findings.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { EFFECTS, mainMeasure, type Study } from "~/lib/study.ts";

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
  const rowOf = (one: PublishedComparison, whose: "ours" | "theirs"): Omit<Row, "x"> => {
    const unit = isRatio ? one.theirs.mean : 1;
    const { mean = NaN, interval = null } = one[whose] ?? {};
    return { y: mean / unit, interval: interval && [interval[0] / unit, interval[1] / unit] };
  };
  const y = isRatio
    ? { label: "Ours / published\nsharpness", scale: "ratio" } as const
    : measureAxis(mainMeasure(study));
  const had = new Set(comparisons.flatMap(({ ours, effect }) => ours ? [effect] : []));
  const shown = comparisons.filter(({ effect }) => had.has(effect));
  return effectPanels(study, shown, y, (own) => {
    const ours = cellLayers(study, own, "ours", (one) => (
      { ...rowOf(one, "ours"), isHollow: one.bySeed.size === 1 }
    ));
    return [
      ...cellLayers(study, own, "published", (one) => rowOf(one, "theirs"), {
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
  const seeds = describeSeeds(had.map(({ bySeed }) => bySeed.size));
  const near = had.filter(({ apart }) => apart! <= 2).length;
  return `Ours at the stop ${stops}, ${seeds}; published: n = ${PUBLISHED_PROTOCOL.seeds}. Means ` +
    `with 95 % t intervals over seeds.${describeLosses(had)} ${had.length} of ` +
    `${comparisons.length} published cells compared, ${near} ${near === 1 ? "lies" : "lie"} ` +
    "within two published half-widths.";
}

const [SURVIVES, REVERSES, NEGLIGIBLE, OF_NONE] = SERIES_COLORS;
const COLORS: Readonly<Record<Verdict, string>> = {
  ...{ survives: SURVIVES!, reverses: REVERSES!, negligible: NEGLIGIBLE!, inconclusive: INK.axis },
  ...{ falls: OF_NONE!, rises: OF_NONE! },
};

/**
 * Draws the ratio of a series' two ends at every level of the full-set loss, with its 95 % interval and
 * its verdict; dashed: the band within which it is negligible.
 *
 * @param findings From `listFindings`.
 */
export function plotLevels(study: Study, findings: readonly Finding[]): Figure {
  const shown = findings.flatMap((finding) => {
    const { where, isAgainst, comparisons: [found] } = finding;
    const isRatio = found?.scale === "ratio" && found.interval !== null;
    return where === "loss" && !isAgainst && isRatio ? [{ ...finding, found }] : [];
  });
  const measures = [...new Set(shown.map(({ measure }) => measure))];
  const verdicts = new Set(shown.map(({ verdict }) => verdict));
  const colors = Object.entries(COLORS).filter(([verdict]) => verdicts.has(verdict as Verdict));
  const seeds = plurals(shown.map(({ found }) => found.n), "seed");
  const [stop] = study.stops;
  const band = [1 / NEGLIGIBLE_RATIO, NEGLIGIBLE_RATIO].map((y) => ({ x: NaN, y }));
  return compose({
    name: "levels",
    title: "The effects on sharpness at equal training loss",
    panels: [...Map.groupBy(shown, ({ subject }) => subject).values()].map((own): Panel => {
      const rows = own.map(({ found: { estimate: y, interval }, ...finding }) => (
        { ...finding, x: finding.level!, y, interval, isHollow: !isWhole(finding) }
      ));
      return {
        heading: `${capitalize(EFFECTS[own[0]!.effect].label)}, ${own[0]!.optimizer}`,
        x: { label: "Full-set loss (nats) →", isFalling: true, values: LOSS_LEVELS.toReversed() },
        y: { label: "Last / first cell", scale: "log" },
        layers: [
          { kind: "rules", name: "negligible-band", rows: band, color: INK.muted, dash: "3 3" },
          ...colors.flatMap(([verdict, color]) =>
            measures.map((measure, i): Layer => ({
              ...{ kind: "points", name: verdict, symbol: SYMBOLS[i]!, color, radius: 4 },
              legend: i === 0 ? verdict : undefined,
              shift: 9 * (i - (measures.length - 1) / 2),
              rows: rows.filter((row) => row.measure === measure && row.verdict === verdict),
            }))
          ),
          ...measures.map((measure, i): Layer => ({
            ...{ kind: "points", name: "measure", symbol: SYMBOLS[i]!, rows: [] },
            legend: parseMeasure(measure).label,
          })),
        ],
      };
    }),
    caption: shown.length === 0
      ? "No effect has two ends with two seeds at a common level of the full-set loss."
      : "Each point is the ratio of two cells' values at one training loss, paired by seed. Hollow: other " +
        `cells than the outermost. n = ${seeds}; 95 % t intervals include the error of interpolation. ` +
        `Colours compare with the change of sharpness at the stop ${stop}; pink: that change is not ` +
        `settled. Dashed: 1 / ${NEGLIGIBLE_RATIO} and ` +
        `${NEGLIGIBLE_RATIO}; an interval between them is negligible. Grey: inconclusive, by its ` +
        "interval or after Holm's adjustment for the number of verdicts.",
    isNarrow: true,
  });
}

/**
 * Draws Kendall's tau of every measure with each target, in the order of `ranks`, baselines first: in
 * each one-factor group, with its interval, and the mean over groups where they agree.
 *
 * @param ranks From `rankMeasures`, of one or several targets.
 */
export function plotRanks(study: Study, ranks: readonly MeasureRank[]): Figure {
  const measures = [...new Map(ranks.map((rank) => [rank.measure, rank])).values()];
  const names = measures.map(({ label }) => inTwoLines(label));
  const styles = optimizerStyles(study.grid.optimizers);
  const groups = [...new Set(ranks.map(({ group }) => group))];
  const layerOf = (own: readonly MeasureRank[]): Layer => {
    const { effect, optimizer, group } = own[0]!;
    // Groups one below the other.
    const shift = 0.17 * (groups.indexOf(group) - (groups.length - 1) / 2);
    return {
      ...{ kind: "points", name: `${effect ?? "all"}-tau`, along: "x", legend: group },
      color: styles.get(optimizer ?? "")?.color ?? INK.text,
      symbol: effect === null ? "diamond" : EFFECTS[effect].symbol,
      ...{ width: 1, radius: 2.5 },
      rows: own.map(({ measure, tau, interval }) => ({
        ...{ x: tau!, interval },
        y: measures.findIndex((one) => one.measure === measure) + shift,
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
  const ofOne = ranks.filter(({ effect }) => effect !== null);
  const seeds = plurals(ranks.map((one) => one.seeds.length), "seed");
  const targets = [...new Set(ranks.map(({ target }) => target))]
    .map((target) => target === "gap" ? "gap (test loss − training loss)" : target);
  const hasIntervals = ranks.some(({ interval }) => interval !== null);
  return compose({
    name: "generalization",
    title: "Measures against generalization",
    panels,
    caption: ranks.length === 0
      ? "No measure tells three pairs of cells of one factor apart yet."
      : `At the stop ${study.stops[0]}, over ${plurals(ofOne.map(({ cells }) => cells), "cell")} ` +
        `that differ in one factor; n = ${seeds}. Only pairs of cells that their seeds tell apart count. ` +
        `${
          hasIntervals ? "95 % bootstrap intervals over cells. " : ""
        }A mean stands over groups that ` +
        "all have a tau, of one sign. " +
        `1: the larger the measure, the larger the ${targets.join(" or ")}.`,
  });
}
