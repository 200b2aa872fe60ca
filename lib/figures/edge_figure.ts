/**
 * The edge of stability: the largest eigenvalue of cells and 2 / learning rate.
 *
 * @module
 */
import { describeCells, effectAxis, meanLayers, measureAxis } from "~/lib/figures/cells.ts";
import { compose, type Figure } from "~/lib/figures/compose.ts";
import { INK } from "~/lib/figures/theme.ts";
import { edgeCells } from "~/lib/findings.ts";
import { type RunResult, summariseCells } from "~/lib/results.ts";
import { measureNamed, type Study } from "~/lib/study.ts";

/** The edge, wherever it is drawn. */
export const EDGE = {
  ...{ name: "edge", legend: "edge of stability: 2 / learning rate" },
  ...{ color: INK.muted, dash: "5 3" },
} as const;

/**
 * Draws the largest eigenvalue of every cell, a row an optimizer, and the edge where the eigenvalue
 * is the one that it bounds: the Hessian's for gradient descent, the preconditioned one for AdaGrad.
 *
 * @param runs Of one stop, in any order.
 */
export function plotEigenvalues(study: Study, runs: readonly RunResult[]): Figure {
  const plain = summariseCells(study, runs, measureNamed(study, "lambda-max") ?? "lambda-max");
  const { optimizers, effects } = study.grid;
  const edged = edgeCells(study, runs);
  const groups = optimizers.flatMap((optimizer) =>
    effects.map((effect) => {
      const [bounded, own] = [edged, plain].map((cells) =>
        cells.filter((cell) => cell.effect === effect && cell.optimizer === optimizer)
      );
      const hasEdge = bounded!.length > 0;
      return { cells: hasEdge ? bounded! : own!, hasEdge };
    })
  );
  return compose({
    name: "lambda-max",
    title: "Largest eigenvalue and the edge of stability",
    panels: groups.map(({ cells, hasEdge }) => {
      const { effect, measure, optimizer } = cells[0]!;
      const axis = effectAxis(study, effect);
      const rows = cells.map((cell) => ({ x: axis.valueOf(cell), y: 2 / cell.learningRate }));
      const isLine = hasEdge && effect !== "pairs";
      return {
        ...{ heading: optimizer, x: axis, y: measureAxis(measure) },
        layers: [
          ...(isLine ? [{ ...EDGE, kind: "lines", rows } as const] : []),
          ...meanLayers(study, cells),
        ],
      };
    }),
    caption:
      `${describeCells(study, plain)} Intervals beside an edge hold the residual. The edge ` +
      "bounds full-batch training: the Hessian's eigenvalue for SGD, the preconditioned for AdaGrad.",
  });
}
