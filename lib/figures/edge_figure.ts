/**
 * The edge of stability: the largest eigenvalue and 2 / learning rate, along training and over cells.
 *
 * @module
 */
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Layer, LegendItem, Panel, Row } from "~/lib/figures/figure.ts";
import { resultLayers } from "~/lib/figures/results_figure.ts";
import { INK, lighten, optimizerStyles, SERIES_COLORS } from "~/lib/figures/theme.ts";
import {
  describeRuns,
  describeSeeds,
  measureAxis,
  placeOf,
  pointsLegend,
} from "~/lib/figures/words.ts";
import { EDGE_OPTIMIZER } from "~/lib/findings.ts";
import { openOptimizer } from "~/lib/optimizer.ts";
import { type RunResult, summariseCells } from "~/lib/results.ts";
import { measureNamed, type Study } from "~/lib/study.ts";

const EDGE: LegendItem = {
  label: "edge of stability, 2 / learning rate",
  mark: { kind: "texts", color: INK.muted, dash: "5 3" },
};

/**
 * Draws the largest eigenvalue of every cell with the edge that it has: of the Hessian for gradient
 * descent, of the preconditioned one for an optimizer that is measured so; else none.
 *
 * @param runs Of one stop, in any order.
 */
export function plotEigenvalues(study: Study, runs: readonly RunResult[]): Figure {
  const plain = measureNamed(study, "lambda-max") ?? "lambda-max";
  const preconditioned = measureNamed(study, "preconditioned-lambda-max");
  const { effects, optimizers } = study.grid;
  const styles = optimizerStyles(optimizers);
  const asked = optimizers.map((optimizer) => {
    const cellsOf = (measure: string) =>
      summariseCells(study, runs, measure).filter((cell) => cell.optimizer === optimizer);
    const own = preconditioned === undefined ? [] : cellsOf(preconditioned);
    const hasOwn = own.some(({ value }) => value !== null);
    return {
      ...{ optimizer, cells: hasOwn ? own : cellsOf(plain) },
      hasEdge: hasOwn || optimizer === EDGE_OPTIMIZER,
    };
  });
  const panels = asked.flatMap(({ optimizer, cells, hasEdge }) =>
    effects.map((effect): Panel => {
      const place = placeOf(study, effect);
      const own = cells.filter((cell) => cell.effect === effect);
      const edge = own.map((cell): Row => ({ x: place.valueOf(cell), y: 2 / cell.learningRate }));
      return {
        heading: `${optimizer}: ${place.heading}`.replace(": L", ": l").replace(": B", ": b"),
        x: place.axis,
        y: measureAxis(cells[0]?.measure ?? plain),
        layers: [
          {
            ...{ kind: "lines", name: "edge", color: INK.muted, dash: "5 3" },
            rows: hasEdge && effect !== "pairs" ? edge : [],
          },
          ...resultLayers(own, {
            styles: new Map([[optimizer, styles.get(optimizer)!]]),
            place,
          }),
        ],
      };
    })
  );
  const cells = asked.flatMap((one) => one.cells);
  return compose({
    name: "lambda-max",
    title: "Largest eigenvalue and the edge of stability",
    panels,
    legend: [...pointsLegend(cells, styles), EDGE],
    caption: `${describeSeeds(cells) || "No result yet"}. 2 / learning rate is where full-batch ` +
      "gradient descent, and its preconditioned form, becomes unstable; it is drawn where the " +
      `eigenvalue is the one that it bounds. ${describeRuns(study, cells)}`,
  });
}

/** A network on a trajectory. */
export interface EdgeRow {
  /** How the legend names the trajectory: "full batch, lr 0.05". */
  readonly series: string;
  /** Decides the colour, paler where batches are not full; default: by the series' place. */
  readonly optimizer?: string;
  readonly isFullBatch?: boolean;
  readonly epoch: number;
  /** Largest eigenvalue of the Hessian, nats per unit^2. */
  readonly lambdaMax: number;
  /** Draws 2 / learning rate; none where it is no edge, as for AdaGrad. */
  readonly learningRate?: number;
  /** Full-set loss in nats, for a second panel. */
  readonly trainLoss?: number;
}

/** Draws the eigenvalue, and the loss where it is known, against epochs. */
export function plotEdge(
  given: readonly EdgeRow[],
  { caption = "" }: { readonly caption?: string } = {},
): Figure {
  const first = new Map(given.toReversed().map((row) => [row.series, row]));
  const names = [...new Set(given.map(({ series }) => series))];
  const colors = new Map(names.map((name, i) => {
    const { optimizer, isFullBatch } = first.get(name)!;
    return [
      name,
      optimizer === undefined
        ? SERIES_COLORS[i % SERIES_COLORS.length]!
        : lighten(openOptimizer(optimizer).color, isFullBatch ? 0 : 0.5),
    ];
  }));
  const sorted = given.toSorted((a, b) => a.epoch - b.epoch);
  const rowsOf = (valueOf: (row: EdgeRow) => number | undefined): Row[] =>
    sorted.flatMap((row) => {
      const [y, color] = [valueOf(row), colors.get(row.series)!];
      return y === undefined ? [] : [{ x: row.epoch, y, z: row.series, color }];
    });
  const values = rowsOf(({ lambdaMax }) => lambdaMax);
  const losses = rowsOf(({ trainLoss }) => trainLoss);
  const edges = names.flatMap((name): Row[] => {
    const { learningRate } = first.get(name)!;
    return learningRate === undefined
      ? []
      : [{ x: NaN, y: 2 / learningRate, color: colors.get(name)! }];
  });
  const layers: Layer[] = [
    { kind: "rules", name: "edge", rows: edges, dash: "5 3" },
    { kind: "lines", name: "lambda-max", rows: values },
    { kind: "points", name: "lambda-max-network", rows: values, radius: 1.5 },
  ];
  const x = { label: "Epoch" };
  return compose({
    name: "edge-of-stability",
    title: "The edge of stability",
    panels: [
      { heading: "Curvature", x, y: measureAxis("lambda-max"), layers },
      ...(losses.length === 0 ? [] : [{
        ...{ heading: "Loss", x, y: { label: "Full-set loss (nats)" } },
        layers: [{ kind: "lines", name: "loss", rows: losses } as const],
      }]),
    ],
    legend: [
      ...names.map((label) => ({
        label,
        mark: { kind: "lines", color: colors.get(label)! } as const,
      })),
      ...(edges.length === 0 ? [] : [EDGE]),
    ],
    caption,
  });
}
