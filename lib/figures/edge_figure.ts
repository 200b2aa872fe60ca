/**
 * The edge of stability: the largest eigenvalue and 2 / learning rate, over cells and along training.
 *
 * @module
 */
import { describeCells, meanLayers, measureAxis, placeOf } from "~/lib/figures/cells.ts";
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Layer, Panel, Row } from "~/lib/figures/figure.ts";
import { INK, SERIES_COLORS } from "~/lib/figures/theme.ts";
import { type CellSummary, type RunResult, summariseCells } from "~/lib/results.ts";
import { measureNamed, type Study } from "~/lib/study.ts";

/** The optimizer whose edge is that of the Hessian itself. */
const GRADIENT_DESCENT = "SGD";

const EDGE: Omit<Layer, "kind" | "rows"> = {
  ...{ name: "edge", legend: "edge of stability: 2 / learning rate" },
  ...{ color: INK.muted, dash: "5 3" },
};

/**
 * Draws the largest eigenvalue of every cell with the edge that it has: of the Hessian for gradient
 * descent, of the preconditioned one where an optimizer has it; else none.
 *
 * @param runs Of one stop, in any order.
 */
export function plotEigenvalues(study: Study, runs: readonly RunResult[]): Figure {
  const plain = measureNamed(study, "lambda-max") ?? "lambda-max";
  const own = measureNamed(study, "preconditioned-lambda-max") ?? plain;
  const [plainCells, ownCells] = [plain, own].map((measure) =>
    summariseCells(study, runs, measure)
  );
  const cells = study.grid.optimizers.flatMap((optimizer) => {
    const [first, other] = [ownCells!, plainCells!].map((some) =>
      some.filter((cell) => cell.optimizer === optimizer)
    );
    return first!.some(({ value }) => value !== null) ? first! : other!;
  });
  const groups = Map.groupBy(cells, ({ effect, optimizer }) => `${optimizer} ${effect}`);
  const edgeOf = ({ measure, optimizer, effect }: CellSummary): boolean =>
    effect !== "pairs" && (measure !== plain || optimizer === GRADIENT_DESCENT);
  return compose({
    name: "lambda-max",
    title: "Largest eigenvalue and the edge of stability",
    panels: [...groups.values()].map((group): Panel => {
      const { effect, measure, optimizer } = group[0]!;
      const { axis, valueOf } = placeOf(study, effect);
      const rows = group.map((cell) => ({ x: valueOf(cell), y: 2 / cell.learningRate }));
      return {
        ...{ heading: optimizer, x: axis, y: measureAxis(measure) },
        layers: [
          ...(edgeOf(group[0]!) ? [{ ...EDGE, kind: "lines", rows } as const] : []),
          ...meanLayers(study, group),
        ],
      };
    }),
    caption:
      `${describeCells(study, cells)} The edge is drawn beside the eigenvalue that it bounds ` +
      "in full-batch training: the Hessian's for gradient descent, the preconditioned one's else.",
  });
}

/** A network on a trajectory. */
export interface EdgeRow {
  /** How the legend names the trajectory: "full batch, lr 0.05". */
  readonly series: string;
  readonly epoch: number;
  /** Largest eigenvalue of the Hessian, nats per unit^2. */
  readonly lambdaMax: number;
  /** Draws 2 / learning rate; none where it is no edge, as for AdaGrad. */
  readonly learningRate?: number;
}

/** Draws the eigenvalue against epochs, with 2 / learning rate in the series' colour. */
export function plotEdge(
  given: readonly EdgeRow[],
  { caption = "" }: { readonly caption?: string } = {},
): Figure {
  const sorted = given.toSorted((a, b) => a.epoch - b.epoch);
  const layers = [...Map.groupBy(sorted, ({ series }) => series)].flatMap(([series, own], i) => {
    const color = SERIES_COLORS[i % SERIES_COLORS.length]!;
    const rows = own.map(({ epoch, lambdaMax }): Row => ({ x: epoch, y: lambdaMax }));
    const rates = [...new Set(own.flatMap(({ learningRate }) => learningRate ?? []))];
    const edges = rates.map((rate): Row => ({ x: NaN, y: 2 / rate, color }));
    return [
      ...(edges.length > 0 ? [{ ...EDGE, kind: "rules", rows: edges } as const] : []),
      { kind: "lines", name: "lambda-max", rows, color, legend: series },
      { kind: "points", name: "lambda-max-network", rows, color, radius: 1.5 },
    ] satisfies Layer[];
  });
  return compose({
    name: "edge-of-stability",
    title: "The edge of stability",
    panels: [{ x: { label: "Epoch" }, y: measureAxis("lambda-max"), layers }],
    caption,
  });
}
