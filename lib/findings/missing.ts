/**
 * What of a study's cells is not there.
 *
 * @module
 */
import { enumerate } from "~/lib/findings/words.ts";
import { type CellSummary } from "~/lib/results.ts";
import { EFFECTS, effectValue, type Study } from "~/lib/study.ts";

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
      cell.bySeed.filter(({ value }) => value !== null).map(({ seed }) => seed),
    );
    const seeds = study.grid.seeds.filter((seed) => !had.has(seed)).sort((a, b) => a - b);
    return seeds.length === 0 ? [] : [{ cell, seeds, diverged: cell.diverged }];
  });
}

/**
 * " Missing: 10⁻⁴ and 10⁻³ (seeds 1, 2 of each); 5×10⁻⁴." for cells of one effect and optimizer,
 * with "AdaGrad, batch size: everything" for cells of several; or nothing.
 */
export function missingText(study: Study, cells: readonly CellSummary[]): string {
  const missing = missingCells(study, cells);
  const lost = listed(
    study,
    cells,
    missing.map(({ cell, diverged }) => ({ cell, seeds: diverged })),
  );
  const absent = missing.map(({ cell, seeds, diverged }) => ({
    cell,
    seeds: seeds.filter((seed) => !diverged.includes(seed)),
  }));
  const named = listed(study, cells, absent);
  return (named === "" ? "" : ` Missing: ${named}.`) + (lost === "" ? "" : ` Diverged: ${lost}.`);
}

/** The cells that lack seeds, those of an effect and optimizer together. */
function listed(
  study: Study,
  all: readonly CellSummary[],
  lacking: readonly { readonly cell: CellSummary; readonly seeds: readonly number[] }[],
): string {
  const seriesOf = ({ optimizer, effect }: CellSummary): string =>
    `${optimizer}, ${EFFECTS[effect].label}`;
  const isWhole = (seeds: readonly number[]): boolean => seeds.length === study.grid.seeds.length;
  const series = [...Map.groupBy(all, seriesOf)];
  return series.flatMap(([name, own]) => {
    const some = lacking.filter(({ cell, seeds }) => own.includes(cell) && seeds.length > 0);
    if (some.length === 0) return [];
    const cells = [...Map.groupBy(some, ({ seeds }) => isWhole(seeds) ? "" : formatSeeds(seeds))]
      .map(([seeds, alike]) => {
        const values = alike.map(({ cell }) => EFFECTS[cell.effect].format(effectValue(cell)));
        const each = alike.length > 1 ? " of each" : "";
        return enumerate(values) + (seeds === "" ? "" : ` (${seeds}${each})`);
      }).join("; ");
    if (series.length === 1) return [cells];
    const isAll = some.length === own.length && some.every(({ seeds }) => isWhole(seeds));
    return [`${name}: ${isAll ? "everything" : cells}`];
  }).join("; ");
}

/** "seed 2", "seeds 0, 2", "seeds 1 to 5". */
function formatSeeds(seeds: readonly number[]): string {
  const [first, last] = [seeds[0]!, seeds.at(-1)!];
  if (seeds.length === 1) return `seed ${first}`;
  const isRun = seeds.length > 2 && last - first === seeds.length - 1;
  return `seeds ${isRun ? `${first} to ${last}` : seeds.join(", ")}`;
}
