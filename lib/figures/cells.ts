/**
 * What figures of cells have in common: places along an axis, points, labels, captions.
 *
 * @module
 */
import type { Axis, Layer, Panel, Row } from "~/lib/figures/figure.ts";
import { optimizerStyles } from "~/lib/figures/theme.ts";
import { plural, plurals, scientific, thousands, unitAfter } from "~/lib/files/numbers.ts";
import { capitalize } from "~/lib/files/text.ts";
import { parseMeasure } from "~/lib/measure.ts";
import { type CellSummary, distinctCells, isLost } from "~/lib/results.ts";
import {
  type Cell,
  type EffectName,
  EFFECTS,
  listCells,
  mainMeasure,
  type Study,
} from "~/lib/study.ts";

/** Where an effect's cells stand; pairs of one learning rate / batch size, at their batch sizes. */
export interface EffectAxis extends Axis {
  readonly values: readonly number[];
  /** What is varied; and what stays. */
  readonly title: string;
  readonly heading: string;
  readonly format: (value: number) => string;
  valueOf(cell: Pick<Cell, "learningRate" | "batchSize">): number;
}

/** The axis of an effect. */
export function effectAxis(study: Study, effect: EffectName): EffectAxis {
  const cells = listCells({ grid: { ...study.grid, effects: [effect] } });
  const ratios = [...new Set(cells.map(EFFECTS.pairs.valueOf))];
  const isOneRatio = effect === "pairs" && ratios.length === 1;
  const { label, axis, valueOf, format, other } = EFFECTS[isOneRatio ? "batch-size" : effect];
  const values = [...new Set(cells.map(valueOf))].sort((a, b) => a - b);
  const title = capitalize(label);
  const heading = isOneRatio
    ? `Learning rate / batch size ${scientific(ratios[0]!)}`
    : [title, other(study)].filter(Boolean).join(", at ");
  return { label: axis, scale: "log", values, format, title, heading, valueOf };
}

/** A panel an effect, of the layers of its cells. */
export function effectPanels<C extends Cell>(
  study: Study,
  cells: readonly C[],
  y: Axis,
  layersOf: (own: readonly C[]) => Layer[],
): Panel[] {
  return [...Map.groupBy(cells, ({ effect }) => effect)].map(([effect, own]) => {
    const x = effectAxis(study, effect);
    return { heading: x.heading, x, y, layers: layersOf(own) };
  });
}

/**
 * Points of one effect's cells, a layer an optimizer, beside one another.
 *
 * @param xOf Where a cell stands; default: at its value.
 */
export function cellLayers<C extends Cell>(
  study: Study,
  cells: readonly C[],
  name: string,
  rowOf: (cell: C) => Omit<Row, "x">,
  { xOf, ...style }: Partial<Layer> & { readonly xOf?: ((cell: C) => number) | undefined } = {},
): Layer[] {
  if (cells[0] === undefined) return [];
  const { valueOf } = effectAxis(study, cells[0].effect);
  const styles = [...optimizerStyles(study.grid.optimizers)]
    .filter(([optimizer]) => cells.some((cell) => cell.optimizer === optimizer));
  const gap = Math.min(6, 24 / styles.length);
  return styles.map(([optimizer, { color, symbol, slug }], i): Layer => ({
    ...{ kind: "points", name: `${slug}-${name}`, legend: optimizer, color, symbol },
    shift: gap * (i - (styles.length - 1) / 2),
    rows: cells.filter((cell) => cell.optimizer === optimizer)
      .map((cell) => ({ x: (xOf ?? valueOf)(cell), ...rowOf(cell) }))
      .sort((a, b) => a.x - b.x),
    ...style,
  }));
}

/** Means of one effect's cells, and lines through them; see `cellLayers`. */
export function meanLayers(
  study: Study,
  cells: readonly CellSummary[],
  xOf?: (cell: CellSummary) => number,
): Layer[] {
  const means = cellLayers(study, cells, "mean", meanRow, { xOf });
  const lost = cells.filter(isLost);
  return [
    ...throughPoints(means),
    ...means,
    ...cellLayers(study, lost, "diverged", () => LOST_ROW, { ...LOST, xOf }),
  ];
}

/** A cell's mean with its interval over seeds. */
export function meanRow({ value, bySeed, unconverged }: CellSummary): Omit<Row, "x"> {
  return {
    ...{ y: value?.mean ?? NaN, interval: value?.interval ?? null },
    ...{ isHollow: bySeed.size === 1, isPale: unconverged.length > 0 },
  };
}

/** The mark of cells of which all seeds diverged: a rule at their place along x, in no legend. */
export const LOST = { kind: "rules", along: "x", dash: "1 3", legend: undefined } as const;
export const LOST_ROW = { y: NaN, text: "×" } as const;

/** Pale lines through layers' points, broken where one is missing. */
export function throughPoints(layers: readonly Layer[]): Layer[] {
  return layers.map(({ legend: _, ...layer }) => (
    { ...layer, kind: "lines", name: `${layer.name}-line`, opacity: 0.4, width: 1.25 }
  ));
}

/** A measure's axis, its label in two lines. */
export function measureAxis(text: string): Axis {
  const { label, unit, parameters } = parseMeasure(text);
  const units = unitAfter("name", unit.replace(" per unit^2", "/unit²"));
  const lines = parameters.radius === undefined
    ? inTwoLines(capitalize(label))
    : `${capitalize(label)}\nat r = ${parameters.radius}`;
  return { label: `${lines}${units}`.trim(), scale: "log" };
}

/** Broken at the blank nearest to the middle of a name of more than 20 letters. */
export function inTwoLines(name: string): string {
  const blanks = [...name.matchAll(/ /g)].map(({ index }) => index);
  const middle = name.length / 2;
  const [at] = blanks.sort((a, b) => Math.abs(a - middle) - Math.abs(b - middle));
  return at === undefined || name.length <= 20
    ? name
    : `${name.slice(0, at)}\n${name.slice(at + 1)}`;
}

/** What is shown, with `describeNetworks`. */
export function describeCells(study: Study, cells: readonly CellSummary[]): string {
  const { measure = mainMeasure(study) } = cells[0] ?? {};
  const { label, isAtStudyRadius, parameters: { directions, radius } } = parseMeasure(measure);
  const details = [
    directions === undefined ? "" : `K = ${directions}, `,
    radius === undefined ? "" : `r = ${radius}, `,
    `${thousands(study.images)} training images`,
    cells.some(({ unconverged }) => unconverged.length > 0)
      ? "; pale: not all reached the stop"
      : "",
    cells.some(isLost) ? "; ×: all diverged" : "",
  ].join("");
  const what = isAtStudyRadius ? ": mean rise in the loss at random points" : "";
  return `${capitalize(label)}${what} (${details}); ${describeNetworks(study, cells)}`;
}

/** n of seeds, whether there are intervals, and `describeRuns`. */
export function describeNetworks(study: Study, cells: readonly CellSummary[]): string {
  const hasIntervals = cells.some(({ value }) => value?.interval);
  const seeds = describeSeeds(cells.map(({ bySeed }) => bySeed.size));
  const intervals = hasIntervals ? ", 95 % t intervals over seeds" : "";
  return `${seeds}${intervals}. ${describeRuns(study, cells)}`;
}

/** The stop, and the runs that did not get there. */
export function describeRuns(study: Study, cells: readonly CellSummary[]): string {
  const once = distinctCells(cells);
  const count = (of: (cell: CellSummary) => readonly unknown[]): number => once.flatMap(of).length;
  const planned = once.length * study.grid.seeds.length;
  const troubles = [
    [count(({ unconverged }) => unconverged), "did not reach it"],
    [count(({ diverged }) => diverged), "diverged and entered no mean"],
    [planned - count(({ seeds }) => seeds), "gave no result"],
  ].filter(([runs]) => runs !== 0).map((words) => words.join(" "));
  return `Networks at the stop ${study.stops[0]}: of ${plural(planned, "run")} ` +
    `${troubles.length === 0 ? "all reached it" : troubles.join(", ")}.${describeLosses(cells)}`;
}

/** " Loss of all images: 0.77 to 2.10 nats.", of cells; nothing where none has one. */
export function describeLosses(cells: readonly { readonly trainLoss: number | null }[]): string {
  const losses = cells.flatMap(({ trainLoss }) => trainLoss ?? []);
  if (losses.length === 0) return "";
  const ends = [Math.min(...losses), Math.max(...losses)].map((loss) => loss.toFixed(2));
  return ` Loss of all images: ${[...new Set(ends)].join(" to ")} nats.`;
}

/** "n = 1 to 3 seeds a cell (hollow: 1)", of cells with so many seeds. */
export function describeSeeds(all: readonly number[]): string {
  const counts = all.filter((n) => n > 0);
  if (counts.length === 0) return "no cell has a value";
  return `n = ${plurals(counts, "seed")} a cell${
    new Set(counts).size > 1 && counts.includes(1) ? " (hollow: 1)" : ""
  }`;
}
