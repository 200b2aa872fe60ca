/**
 * The edge of stability: the largest eigenvalue of cells and 2 / learning rate.
 *
 * @module
 */
import { describeCells, effectAxis, meanLayers, measureAxis } from "~/lib/figures/cells.ts";
import { compose, type Figure } from "~/lib/figures/compose.ts";
import type { Panel } from "~/lib/figures/figure.ts";
import { INK } from "~/lib/figures/theme.ts";
import { type CellSummary, type RunResult, summariseCells } from "~/lib/results.ts";
import { measureNamed, type Study } from "~/lib/study.ts";

/** The optimizer whose edge is that of the Hessian itself. */
const GRADIENT_DESCENT = "SGD";

/** The edge, wherever it is drawn. */
export const EDGE = {
  ...{ name: "edge", legend: "edge of stability: 2 / learning rate" },
  ...{ color: INK.muted, dash: "5 3" },
} as const;

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
      const axis = effectAxis(study, effect);
      const rows = group.map((cell) => ({ x: axis.valueOf(cell), y: 2 / cell.learningRate }));
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
