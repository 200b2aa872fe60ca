/**
 * Sharpness, or another measure, against the effects of a study.
 *
 * @module
 */
import { sharpnessCaption } from "~/lib/figures/caption.ts";
import { edgeLine } from "~/lib/figures/edge_marks.ts";
import { type Layout, PAGE } from "~/lib/figures/layout.ts";
import { legend, sharpnessLegend } from "~/lib/figures/legend.ts";
import { sharpnessPanels } from "~/lib/figures/sharpness_panel.ts";
import { placeOf } from "~/lib/figures/place.ts";
import { type Figure, stack } from "~/lib/figures/stack.ts";
import { optimizerStyles } from "~/lib/figures/theme.ts";
import { capitalize } from "~/lib/files/text.ts";
import { publishedCells } from "~/lib/findings.ts";
import { openMeasure } from "~/lib/measure.ts";
import { type CellSummary, type RunResult, summariseCells } from "~/lib/results.ts";
import { type EffectName, EFFECTS, effectValue, type Study } from "~/lib/study.ts";

/** Which part of a study a figure shows. */
export interface PlotResultsOptions {
  /** What stands along the axis. */
  readonly effect: EffectName;
  /** Whose cells are shown. */
  readonly optimizer: string;
  /** Canonical text of what is shown; default: the study's first measure. */
  readonly measure?: string;
  /** Default: for a page. */
  readonly layout?: Layout;
}

/**
 * Sharpness against one effect for one optimizer, with both intervals and, below, how far training
 * got: the counterpart of the original's `plot_results`.
 *
 * @param results In any order; cells without a result stay empty.
 * @throws {RangeError} If the effect or optimizer is not in the study's grid.
 */
export function plotResults(
  study: Study,
  results: readonly RunResult[],
  { effect, optimizer, measure, layout = PAGE }: PlotResultsOptions,
): Figure {
  const { effects, optimizers } = study.grid;
  checkMember("effect", effect, effects);
  checkMember("optimizer", optimizer, optimizers);
  const cells = summariseCells(study, results, measure)
    .filter((cell) => cell.effect === effect && cell.optimizer === optimizer);
  return sharpnessFigure(study, cells, {
    name: `${effect}-${optimizerStyles([optimizer]).get(optimizer)!.slug}`,
    title: `${nameOf(cells)} against ${EFFECTS[effect].label}, ${optimizer}`,
    effects: [effect],
    optimizers: [optimizer],
    layout,
  });
}

/**
 * Sharpness against each effect of the study, panels side by side, the optimizers in each: the
 * counterpart of the original's `plot_results_2`.
 *
 * @param results In any order; cells without a result stay empty.
 */
export function plotResults2(
  study: Study,
  results: readonly RunResult[],
  { measure, layout = PAGE }: Pick<PlotResultsOptions, "measure" | "layout"> = {},
): Figure {
  const { effects, optimizers } = study.grid;
  const cells = summariseCells(study, results, measure);
  return sharpnessFigure(study, cells, {
    name: measure === undefined ? "sharpness" : openMeasure(measure).name,
    title: `${nameOf(cells)} against ${effects.map((each) => EFFECTS[each].label).join(" and ")}`,
    effects,
    optimizers,
    layout,
  });
}

function sharpnessFigure(
  study: Study,
  cells: readonly CellSummary[],
  { effects, optimizers, layout, ...names }: {
    name: string;
    title: string;
    effects: readonly EffectName[];
    optimizers: readonly string[];
    layout: Layout;
  },
): Figure {
  const all = optimizerStyles(study.grid.optimizers);
  const styles = new Map([...all].filter(([optimizer]) => optimizers.includes(optimizer)));
  const measure = cells[0]?.measure ?? "sharpness";
  const published = publishedCells(study, measure).filter(({ effect, optimizer, value }) =>
    cells.some((cell) =>
      cell.effect === effect && cell.optimizer === optimizer && effectValue(cell) === value
    )
  );
  const places = effects.map((effect) => placeOf(study, effect));
  const classes = study.sizes.at(-1)!;
  const panels = sharpnessPanels(cells, places, { styles, layout, measure, classes, published });
  const items = sharpnessLegend(cells, {
    styles,
    isPooledShown: layout.isWhole,
    isPublishedShown: published.length > 0,
    isEdgeShown: edgeLine(cells).length > 0,
  });
  const width = Math.max(...panels.map((panel) => panel.width));
  return stack([legend(items, width), ...panels], {
    ...names,
    layout,
    caption: sharpnessCaption(study, cells, published),
  });
}

/** The measure's label with a capital. */
function nameOf([cell]: readonly CellSummary[]): string {
  return capitalize(openMeasure(cell?.measure ?? "sharpness").label);
}

function checkMember(name: string, value: string, members: readonly string[]): void {
  if (!members.includes(value)) {
    throw new RangeError(
      `Cannot plot the study as ${name} must be one of its ${name}s (${members.join(", ")}): ` +
        `current value is ${value}`,
    );
  }
}
