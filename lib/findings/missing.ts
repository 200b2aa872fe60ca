/**
 * What of a study's cells is not there.
 *
 * @module
 */
import { enumerate, formatValue } from "~/lib/findings/words.ts";
import { type CellSummary, effectValue } from "~/lib/results.ts";
import type { Study } from "~/lib/study.ts";

/** A cell, and the seeds of the study that lack a value in it. */
export interface MissingCell {
  readonly cell: CellSummary;
  /** Ascending. */
  readonly seeds: readonly number[];
  /** Those of them whose training diverged. */
  readonly diverged: readonly number[];
}

/** The cells in which a seed has no value of the measure, in the cells' order. */
export function missingCells(study: Study, cells: readonly CellSummary[]): MissingCell[] {
  return cells.flatMap((cell) => {
    const had = new Set(
      cell.bySeed.filter(({ sharpness }) => sharpness !== null).map(({ seed }) => seed),
    );
    const seeds = study.grid.seeds.filter((seed) => !had.has(seed)).sort((a, b) => a - b);
    return seeds.length === 0 ? [] : [{ cell, seeds, diverged: cell.diverged }];
  });
}

/** " Missing: 10⁻⁴ (seeds 1, 2), 5×10⁻⁴." for cells of one effect and optimizer; or nothing. */
export function missingText(study: Study, cells: readonly CellSummary[]): string {
  const names = (which: (missing: MissingCell) => readonly number[]): string[] =>
    missingCells(study, cells).flatMap((missing) => {
      const seeds = which(missing);
      if (seeds.length === 0) return [];
      const value = formatValue(missing.cell.effect, effectValue(missing.cell));
      const whole = seeds.length === study.grid.seeds.length;
      return [
        whole ? value : `${value} (seed${seeds.length === 1 ? "" : "s"} ${seeds.join(", ")})`,
      ];
    });
  const lost = names(({ diverged }) => diverged);
  const absent = names(({ seeds, diverged }) => seeds.filter((seed) => !diverged.includes(seed)));
  return (absent.length > 0 ? ` Missing: ${enumerate(absent)}.` : "") +
    (lost.length > 0 ? ` Diverged: ${enumerate(lost)}.` : "");
}
