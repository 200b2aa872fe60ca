/**
 * A study's cells as a table for people.
 *
 * @module
 */
import { formatEstimate } from "~/lib/findings/words.ts";
import { parseMeasure } from "~/lib/measure.ts";
import type { CellSummary, Columns } from "~/lib/results.ts";
import { EFFECTS, type Study } from "~/lib/study.ts";

/**
 * Columns of cells that have results: where they stand, the measure with its 95 % t interval over
 * seeds to the digits that this leaves meaning, how far training got.
 */
export function cellColumns({ grid, measures }: Study): Columns<CellSummary> {
  const { label, unit } = parseMeasure(measures.first[0] ?? "sharpness");
  return {
    optimizer: ({ optimizer }) => optimizer,
    ...Object.fromEntries(
      grid.effects.map((effect) => [EFFECTS[effect].label, EFFECTS[effect].valueOf]),
    ),
    [`${label} (${unit}), 95 % interval`]: ({ value }) =>
      value === null ? "none" : formatEstimate(value.mean, value.interval),
    "training loss (nats)": ({ trainLoss }) => trainLoss?.toFixed(2) ?? null,
    "test accuracy (%)": ({ testAccuracy }) => ((testAccuracy ?? NaN) * 100).toFixed(1),
    epochs: ({ epochs }) => epochs?.toFixed(0) ?? null,
    seeds: ({ seeds }) => seeds.length,
  };
}
