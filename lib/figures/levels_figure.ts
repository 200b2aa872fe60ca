/**
 * What becomes of the effects at equal full-set loss.
 *
 * @module
 */
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Layer, Panel } from "~/lib/figures/figure.ts";
import { INK, SERIES_COLORS, SYMBOLS } from "~/lib/figures/theme.ts";
import { plurals } from "~/lib/files/numbers.ts";
import { capitalize } from "~/lib/files/text.ts";
import { type Finding, type Kind, LOSS_LEVELS, NEGLIGIBLE_RATIO } from "~/lib/findings.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { EFFECTS, type Study } from "~/lib/study.ts";

const [SURVIVES, REVERSES, NEGLIGIBLE] = SERIES_COLORS;
const COLORS: Partial<Record<Kind, string>> = {
  ...{ survives: SURVIVES!, reverses: REVERSES!, negligible: NEGLIGIBLE!, inconclusive: INK.axis },
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
  const band = [1 / NEGLIGIBLE_RATIO, NEGLIGIBLE_RATIO].map((y) => ({ x: NaN, y }));
  return compose({
    name: "levels",
    title: "The effects on sharpness at equal training loss",
    panels: [...Map.groupBy(shown, ({ subject }) => subject).values()].map((own): Panel => {
      const rows = own.map(({ level, measure, judged, found: { estimate, interval } }) => (
        { x: level!, y: estimate, interval, measure, judged }
      ));
      return {
        heading: `${capitalize(EFFECTS[own[0]!.effect].label)}, ${own[0]!.optimizer}`,
        x: { label: "Full-set loss (nats) →", isFalling: true, values: LOSS_LEVELS.toReversed() },
        y: { label: "Ratio of the\ntwo ends", scale: "log" },
        layers: [
          { kind: "rules", name: "negligible-band", rows: band, color: INK.muted, dash: "3 3" },
          ...Object.entries(COLORS).flatMap(([kind, color]) =>
            measures.map((measure, i): Layer => ({
              ...{ kind: "points", name: kind, symbol: SYMBOLS[i]!, color, radius: 4 },
              ...(i === 0 ? { legend: kind } : {}),
              shift: 9 * (i - (measures.length - 1) / 2),
              rows: rows.filter((row) => row.measure === measure && row.judged === kind),
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
      ? "No effect has two ends at a common level of the full-set loss."
      : "The largest value that reaches the level over the smallest, paired by seed, with the 95 % t " +
        "interval, the error of interpolation in it; n = " +
        `${
          plurals(shown.map(({ found }) => found.n), "seed")
        }; verdicts, by Holm, on the effect at ` +
        `the stop ${study.stops[0]}. Dashed: 1 / ${NEGLIGIBLE_RATIO} and ${NEGLIGIBLE_RATIO}, ` +
        "within which the whole interval is negligible.",
    isNarrow: true,
  });
}
