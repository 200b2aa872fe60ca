/**
 * What becomes of the effects at equal full-set loss.
 *
 * @module
 */
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Layer, Panel } from "~/lib/figures/figure.ts";
import { INK } from "~/lib/figures/theme.ts";
import { plurals } from "~/lib/files/numbers.ts";
import { capitalize } from "~/lib/files/text.ts";
import {
  CURVE_MEASURE,
  type Finding,
  type Kind,
  leadMeasure,
  LOSS_LEVELS,
  NEGLIGIBLE_RATIO,
} from "~/lib/findings.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { EFFECTS, type Study } from "~/lib/study.ts";

const VERDICTS: Partial<Record<Kind, Pick<Layer, "color" | "symbol">>> = {
  survives: { color: "#0072b2", symbol: "circle" },
  reverses: { color: "#d55e00", symbol: "triangle" },
  negligible: { color: "#009e73", symbol: "square" },
  inconclusive: { color: INK.axis, symbol: "diamond" },
};

/**
 * Draws the ratio of a series' two ends at every level of the full-set loss, with its 95 % interval and
 * its verdict; dashed: the band within which it is negligible.
 *
 * @param findings From `listFindings`; of the scale-free measure where it has any such ratio.
 */
export function plotLevels(study: Study, findings: readonly Finding[]): Figure {
  const all = findings.flatMap(({ where, isAgainst, comparisons: [found], ...finding }) =>
    where === "loss" && !isAgainst && found?.scale === "ratio" && found.interval ? [{ ...finding, found }] : []
  );
  const [measure = CURVE_MEASURE] = [leadMeasure().text, CURVE_MEASURE]
    .filter((text) => all.some((one) => one.measure === text));
  const shown = all.filter((one) => one.measure === measure);
  const groups = [...Map.groupBy(shown, ({ subject }) => subject).values()];
  const { label } = parseMeasure(measure);
  return compose({
    name: "levels",
    title: `The effects on ${label} at equal training loss`,
    panels: groups.map((own): Panel => {
      const rows = own.map(({ level, judged: kind, found: { estimate, interval } }) => ({
        ...{
          x: level!,
          y: estimate,
          interval,
          kind,
          text: kind,
          color: VERDICTS[kind]?.color ?? "",
        },
      }));
      const band = [1 / NEGLIGIBLE_RATIO, NEGLIGIBLE_RATIO].map((y) => ({ x: NaN, y }));
      return {
        heading: `${capitalize(EFFECTS[own[0]!.effect].label)}, ${own[0]!.optimizer}`,
        x: { label: "Full-set loss (nats) →", isFalling: true, values: LOSS_LEVELS.toReversed() },
        y: { label: "Ratio of the\ntwo ends", scale: "log" },
        layers: [
          { kind: "rules", name: "negligible-band", rows: band, color: INK.muted, dash: "3 3" },
          ...Object.entries(VERDICTS).map(([kind, style]): Layer => ({
            ...{ kind: "points", name: kind, legend: kind, ...style },
            rows: rows.filter((row) => row.kind === kind),
          })),
          { kind: "texts", name: "verdict", rows },
        ],
      };
    }),
    caption: shown.length === 0
      ? "No effect has two ends at a common level of the full-set loss."
      : `${
        capitalize(label)
      } at the largest over that at the smallest value that reach the level, ` +
        "paired by seed, with the 95 % t interval, the error of interpolation in it; n = " +
        `${
          plurals(shown.map(({ found }) => found.n), "seed")
        }; verdicts against the effect at the stop ` +
        `${
          study.stops[0]
        }. Dashed: 1 / ${NEGLIGIBLE_RATIO} and ${NEGLIGIBLE_RATIO}, within which ` +
        "the whole interval is negligible.",
    isNarrow: true,
  });
}
